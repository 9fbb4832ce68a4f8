// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"slices"
	"sync"
)

// A partPlan remembers the parts of one object and keeps its promise: no place
// of the object is encrypted with two contents.
//
// It is what makes it safe to encrypt a place again. GCM under one counter
// with two plaintexts gives away the XOR of both; two tags under one IV give
// away the key of the hash, which allows forgeries; and CBC shows how long two
// parts are equal.
//
// Parts are compared as what they occupy in whole blocks, because a block is
// what a counter belongs to. So a part that ends within a block is the last.
type partPlan struct {
	limit   int64
	ordered bool // each part needs the one before it

	mu    sync.Mutex
	parts []partState // by offset; none overlap
	size  int64       // of the whole; -1 until the end has been sealed
}

// check says whether a part may be encrypted, of which all is known but its
// content, and returns the last block before it, which GCM does not need.
// Nothing leaves that would fail here, and nothing is worked for in vain.
func (l *partPlan) check(s *partState) (chain [BlockSize]byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _, err := l.find(s)
	if err == nil && i > 0 {
		chain = l.parts[i-1].last
	}
	return chain, err
}

// record remembers a part that was encrypted, unless another attempt at it
// had another content.
func (l *partPlan) record(s *partState) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok, err := l.find(s)
	if err != nil {
		return err
	}
	if !ok {
		l.insert(i, s)
		return nil
	}
	if subtle.ConstantTimeCompare(l.parts[i].sum[:], s.sum[:]) != 1 {
		return fmt.Errorf("%w: %d bytes at %d", ErrPartChanged, s.n, s.off)
	}
	return nil
}

// find returns where in the list the part belongs, and whether it is there.
func (l *partPlan) find(s *partState) (i int, ok bool, err error) {
	if err := l.admit(s); err != nil {
		return 0, false, err
	}
	i, ok = slices.BinarySearchFunc(l.parts, s.off, func(p partState, off int64) int { return cmp.Compare(p.off, off) })
	if l.clash(i, ok, s) {
		return 0, false, fmt.Errorf("%w: %d bytes at %d do not fit what was there", ErrPartChanged, s.n, s.off)
	}
	if l.ordered && s.off > 0 && (i == 0 || l.parts[i-1].end() != s.off) {
		return 0, false, fmt.Errorf("stream: part at %d: want the part before it first", s.off)
	}
	return i, ok, nil
}

// admit checks a part by itself.
func (l *partPlan) admit(s *partState) error {
	switch {
	case s.off < 0 || s.off%BlockSize != 0:
		return fmt.Errorf("stream: part offset: want a multiple of %d, got %d", BlockSize, s.off)
	case s.n <= 0:
		return fmt.Errorf("stream: part at %d: want at least 1 byte, got %d", s.off, s.n)
	case s.off > l.limit || s.n > l.limit-s.off:
		return fmt.Errorf("%w: %d bytes at %d, limit %d", ErrTooLarge, s.n, s.off, l.limit)
	}
	return nil
}

// clash says whether a part that belongs at parts[i], and is there if ok, has
// another shape than what is there.
func (l *partPlan) clash(i int, ok bool, s *partState) bool {
	if ok {
		return l.parts[i].n != s.n
	}
	if l.size >= 0 && s.end() > l.size {
		return true
	}
	if i > 0 && (l.parts[i-1].ragged() || l.parts[i-1].end() > s.off) {
		return true
	}
	return i < len(l.parts) && (s.ragged() || s.end() > l.parts[i].off)
}

// insert leaves no copy of the list behind when it grows.
func (l *partPlan) insert(i int, s *partState) {
	if old := l.parts; len(old) == cap(old) {
		l.parts = append(make([]partState, 0, 2*len(old)+8), old...)
		clear(old)
	}
	l.parts = slices.Insert(l.parts, i, *s)
}

// finish fixes the size of the whole and calls sum with its parts in order.
func (l *partPlan) finish(size int64, sum func(parts []partState)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case size < 0:
		return sizeError("size of all parts", 0, size)
	case size > l.limit:
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, size, l.limit)
	case l.size >= 0 && l.size != size:
		return fmt.Errorf("%w: %d bytes in all, were %d", ErrPartChanged, size, l.size)
	}
	if err := l.covers(size); err != nil {
		return err
	}
	l.size = size
	sum(l.parts)
	return nil
}

// covers says whether the parts are the whole of size bytes, no more and no
// less.
func (l *partPlan) covers(size int64) error {
	var end int64
	for i := range l.parts {
		if l.parts[i].off != end {
			break
		}
		end = l.parts[i].end()
	}
	if n := len(l.parts); n > 0 && l.parts[n-1].end() > size {
		return fmt.Errorf("%w: %d bytes in all, a part ends at %d", ErrPartChanged, size, l.parts[n-1].end())
	}
	if end != size {
		return fmt.Errorf("stream: parts of %d bytes: none begins at %d", size, end)
	}
	return nil
}

// restore takes over the parts of another plan. end is the size of the whole,
// or -1 if that was not fixed.
func (l *partPlan) restore(parts []partState, end int64) error {
	slices.SortFunc(parts, func(a, b partState) int { return cmp.Compare(a.off, b.off) })
	for i := range parts {
		if err := l.record(&parts[i]); err != nil {
			return fmt.Errorf("%w: %w", ErrPartState, err)
		}
	}
	if end < 0 {
		return nil
	}
	if err := l.finish(end, func([]partState) {}); err != nil {
		return fmt.Errorf("%w: %w", ErrPartState, err)
	}
	return nil
}

// wipe forgets all parts.
func (l *partPlan) wipe() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.parts[:cap(l.parts)])
	l.parts = nil
}
