// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/s3seal/s3seal/bench/internal/score"
)

// rounds is how many turns each side has, not counting one that warms caches,
// pools and the clock of the core.
const rounds = 7

// pair compares two ways to process size bytes on one core.
func pair(name string, size int, bar float64, oneShot, stream func() error) score.Row {
	return score.Row{Name: name, Size: size, Bar: bar, Measure: func() (score.Result, error) { return versus(size, oneShot, stream) }}
}

func versus(size int, oneShot, stream func() error) (score.Result, error) {
	var one, str, quot, share []float64
	// Not once: who comes first after the other finds the caches full of what
	// that has written, and pays for it.
	times := max(4, 32<<20/size)
	for i := range rounds + 1 {
		a, err := score.Timed(1, times, oneShot)
		if err != nil {
			return score.Result{}, err
		}
		b, err := score.Timed(1, times, stream)
		if err != nil {
			return score.Result{}, err
		}
		if i == 0 {
			continue
		}
		work := float64(times) * float64(size)
		one, str = append(one, work/float64(a.CPU)), append(str, work/float64(b.CPU))
		quot, share = append(quot, float64(a.CPU)/float64(b.CPU)), append(share, min(a.Share(), b.Share()))
	}
	return score.Result{Ratio: score.Median(quot), Doubt: score.Doubt(score.Median(share)), Text: fmt.Sprintf("%5.2f GB/s %6.2f GB/s", score.Median(one), score.Median(str))}, nil
}
