// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	rounds = 7
	tries  = 3

	// enough is the share of the cores that this process must have had for a
	// miss to be believed.
	enough = 0.9
)

// A turn is a piece of work that was timed.
type turn struct {
	cpu, wall time.Duration
	cores     int
}

// share returns how much of the cores the process had.
func (t turn) share() float64 { return float64(t.cpu) / float64(t.wall) / float64(t.cores) }

// timed runs f so many times on so many cores; with more than one, f is told
// to use them all.
func timed(cores, times int, f func() error) (turn, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	cpu, wall := now(), time.Now()
	for range times {
		if err := f(); err != nil {
			return turn{}, err
		}
	}
	return turn{now() - cpu, time.Since(wall), cores}, nil
}

// onEach returns a function that runs those of fs at the same time.
func onEach(fs []func() error) func() error {
	return func() error {
		errs := make([]error, len(fs))
		var wg sync.WaitGroup
		for i, f := range fs {
			wg.Go(func() { errs[i] = f() })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
