// SPDX-License-Identifier: Apache-2.0

package score

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// enough is the share of the cores that a process must have had for a miss to be
// believed.
const enough = 0.9

// A Turn is a piece of work that was timed.
type Turn struct {
	CPU, Wall time.Duration
	Cores     int
}

// Share returns how much of the cores the process had.
func (t Turn) Share() float64 { return float64(t.CPU) / float64(t.Wall) / float64(t.Cores) }

// Timed runs f so many times on so many cores; with more than one, f is told
// to use them all.
func Timed(cores, times int, f func() error) (Turn, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	cpu, wall := now(), time.Now()
	for range times {
		if err := f(); err != nil {
			return Turn{}, err
		}
	}
	return Turn{now() - cpu, time.Since(wall), cores}, nil
}

// Doubt returns why a result of a process that had this share of the cores is
// not believed, or "".
func Doubt(share float64) string {
	if share >= enough {
		return ""
	}
	return fmt.Sprintf("got %.0f %% of the cores", 100*share)
}

// Median returns the middle of v.
func Median(v []float64) float64 { return Quantile(v, 0.5) }

// Quantile returns what the fraction q of v is below.
func Quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[min(int(q*float64(len(v))), len(v)-1)]
}
