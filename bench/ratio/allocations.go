// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"

	"github.com/s3seal/s3seal/bench/internal/ends"
	"github.com/s3seal/s3seal/stream"
)

// allocations prints how often a running writer allocates.
func (t *table) allocations() error {
	n, err := writeAllocations()
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "allocations per Write of 1 MiB in steady state: %g (bar 0)\n", n)
	if n != 0 {
		t.Missed++
	}
	return nil
}

// writeAllocations returns how often a running writer allocates per Write of
// 1 MiB, on all cores, rounded down: a garbage collection empties the pools.
func writeAllocations() (float64, error) {
	w, err := stream.NewGCMEncryptWriter(ends.Sink{}, key, iv, nil)
	if err != nil {
		return 0, err
	}
	const times = 100
	p := make([]byte, 1<<20)
	var before, after runtime.MemStats
	for i := range times + 2 {
		if i == 2 {
			runtime.ReadMemStats(&before)
		}
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / times), w.Close()
}
