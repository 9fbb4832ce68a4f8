// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
)

// period is the length of the pattern: a prime, so that no two chunks of a
// stream are equal for a long time.
const period = 65537

// pattern is two periods, so that a whole one starts at each offset of the
// first.
var pattern = func() []byte {
	p := make([]byte, 2*period)
	x := uint32(1)
	for i := range period {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	copy(p[period:], p)
	return p
}()

// at returns the next bytes of the pattern from offset off on, at most n.
func at(off int64, n int) []byte {
	p := pattern[off%period:][:period]
	return p[:min(n, len(p))]
}

// A generator yields the pattern for ever.
type generator struct{ off int64 }

func (g *generator) Read(p []byte) (int, error) {
	n := copy(p, at(g.off, len(p)))
	g.off += int64(n)
	return n, nil
}

// A checker compares what is written with the pattern.
type checker struct{ off int64 }

func (c *checker) Write(p []byte) (int, error) {
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
