// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"testing"

	"github.com/s3seal/s3seal/bench/internal/pattern"
	"github.com/s3seal/s3seal/bench/internal/rss"
)

// TestThrough sends short streams through the modes.
func TestThrough(t *testing.T) {
	for _, m := range modes() {
		for _, size := range []int64{0, 1, 3*pattern.Period + 7, 4 << 20} {
			if err := m.through(size); err != nil {
				t.Errorf("%s: %d bytes: %v", m.name, size, err)
			}
		}
	}
}

// TestNoticed alters one byte, or loses the end, on the way.
func TestNoticed(t *testing.T) {
	for _, m := range modes() {
		whole := m.decrypt
		m.decrypt = func(src io.Reader) (io.WriterTo, error) { return whole(&altering{r: src}) }
		if err := m.through(1 << 20); err == nil {
			t.Errorf("%s: an altered byte went unnoticed", m.name)
		}
		m.decrypt = func(src io.Reader) (io.WriterTo, error) { return whole(io.LimitReader(src, 1<<19)) }
		if err := m.through(1 << 20); err == nil {
			t.Errorf("%s: a missing half went unnoticed", m.name)
		}
	}
}

// TestLimit: a limit that no process can keep is passed.
func TestLimit(t *testing.T) {
	if _, err := rss.Peak(0); err != nil {
		t.Skip(err)
	}
	if err := run(1<<20, 1); err == nil {
		t.Error("run = nil, want the limit to be passed")
	}
}

// altering changes the first byte.
type altering struct {
	r    io.Reader
	done bool
}

func (a *altering) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if n > 0 && !a.done {
		p[0] ^= 1
		a.done = true
	}
	return n, err
}
