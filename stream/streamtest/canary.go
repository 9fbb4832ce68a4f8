// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	// guard is how many canaries lie on each side of a buffer.
	guard = 32

	// window is how many bytes are looked at after every call, where damage is
	// most likely. To look at all of a large buffer each time would make a
	// stream that yields byte by byte take quadratic time.
	window = 256
)

var (
	errAfter  = errors.New("it wrote to a buffer after the call that it was for")
	errBehind = errors.New("it wrote behind the end of its buffer")
)

// A cage lends out buffers between canaries. The buffers are canaries too
// until they are used, and become so again. Two of them take turns, so that a
// type which goes on using a buffer after its call can be seen to do so.
type cage struct {
	arenas  [2][]byte
	pattern []byte
	turn    int
}

// arena returns guard canaries, size bytes, and guard canaries.
func (c *cage) arena(size int) ([]byte, error) {
	size += 2 * guard
	if size > len(c.pattern) {
		c.grow(size)
	}
	c.turn ^= 1
	a := c.arenas[c.turn][:size]
	if n := min(size, window); !bytes.Equal(a[:n], c.pattern[:n]) {
		return nil, errAfter
	}
	return a, nil
}

func (c *cage) grow(size int) {
	c.pattern = make([]byte, size)
	for i := range c.pattern {
		c.pattern[i] = byte(i*i>>3) ^ 0xc5
	}
	c.arenas = [2][]byte{bytes.Clone(c.pattern), bytes.Clone(c.pattern)}
}

// intact checks an arena, but for the n bytes behind the first guard.
func (c *cage) intact(arena []byte, n int) error {
	start := guard + n
	end := min(len(arena), start+window)
	rest, want := arena[start:end], c.pattern[start:end]
	if !bytes.Equal(rest, want) {
		return fmt.Errorf("it wrote behind the %d bytes that it accounts for, at +%d", n, differ(rest, want))
	}
	if tail := len(arena) - guard; !bytes.Equal(arena[tail:], c.pattern[tail:len(arena)]) {
		return errBehind
	}
	return nil
}

// restore makes the n bytes behind the first guard canaries again.
func (c *cage) restore(arena []byte, n int) { copy(arena[guard:][:n], c.pattern[guard:]) }

// inspect looks at all canaries. What was out of sight before is still there.
func (c *cage) inspect() error {
	for _, a := range c.arenas {
		if !bytes.Equal(a, c.pattern) {
			return fmt.Errorf("it wrote to a buffer where or when it must not, at +%d", differ(a, c.pattern)-guard)
		}
	}
	return nil
}

// differ returns the first place where a and b do.
func differ(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
