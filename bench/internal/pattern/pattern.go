// SPDX-License-Identifier: Apache-2.0

// Package pattern makes plaintext of any length that is stored nowhere, and
// recognises it.
package pattern

import (
	"bytes"
	"fmt"
)

// Period is the length of the pattern: a prime, so that no two chunks of a
// stream are equal for a long time.
const Period = 65537

// pattern is two periods, so that a whole one starts at each offset of the
// first.
var pattern = func() []byte {
	p := make([]byte, 2*Period)
	x := uint32(1)
	for i := range Period {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	copy(p[Period:], p)
	return p
}()

// at returns the next bytes of the pattern from offset off on, at most n.
func at(off int64, n int) []byte {
	p := pattern[off%Period:][:Period]
	return p[:min(n, len(p))]
}

// A Generator yields the pattern for ever.
//
// It is not safe for concurrent use.
type Generator struct{ off int64 }

// Read fills p from the next offset on, with a period at most.
func (g *Generator) Read(p []byte) (int, error) {
	n := copy(p, at(g.off, len(p)))
	g.off += int64(n)
	return n, nil
}

// A Checker compares what is written with the pattern.
//
// It is not safe for concurrent use.
type Checker struct{ off int64 }

// Len returns how many bytes were written, all of them right.
func (c *Checker) Len() int64 { return c.off }

// Write fails at the first byte that is not of the pattern.
func (c *Checker) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		want := at(c.off, len(p)-n)
		if !bytes.Equal(p[n:n+len(want)], want) {
			return n, fmt.Errorf("wrong plaintext at or after byte %d", c.off)
		}
		n += len(want)
		c.off += int64(len(want))
	}
	return len(p), nil
}
