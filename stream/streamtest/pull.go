// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"errors"
	"fmt"
	"io"
)

// A pull is a way to read a stream.
type pull struct {
	split
	writeTo int // go over to WriteTo, if there is one, after so many bytes; -1: never
}

func (p pull) String() string {
	if p.writeTo < 0 {
		return "reads: " + p.name
	}
	return fmt.Sprintf("WriteTo after %d bytes (%s)", p.writeTo, p.name)
}

func (p pull) calls(n int) int {
	if p.writeTo == 0 {
		return 1
	}
	return p.split.calls(n)
}

// pulls returns ways to read a stream of n bytes.
func pulls(n int) []pull {
	var list []pull
	for _, s := range splits(n) {
		list = append(list, pull{s, -1})
	}
	all := split{"all at once", []int{n + 1}}
	return append(list, pull{all, 0}, pull{split{"half at once", []int{n/2 + 1}}, n/2 + 1})
}

// A result is what came out of a stream, and how it ended: io.EOF if well.
type result struct {
	out []byte
	end error
}

// A reading is one stream that is being read.
type reading struct {
	r    io.Reader
	src  *source
	cage *cage
	most int // bytes that may come out before it is a loop
	result
}

// all reads the stream to its end, and looks twice whether that is the end.
// The error it returns is a breach of what every reader promises.
func (d *reading) all(p pull) error {
	for i := 0; d.end == nil; i++ {
		if w, ok := d.r.(io.WriterTo); ok && p.writeTo >= 0 && len(d.out) >= p.writeTo {
			if err := d.drain(w); err != nil {
				return err
			}
			break
		}
		if err := d.read(p.size(i)); err != nil {
			return fmt.Errorf("after %d bytes: %w", len(d.out), err)
		}
	}
	return d.again()
}

// read reads once, into a buffer of the given size.
func (d *reading) read(size int) error {
	arena, err := d.cage.arena(size)
	if err != nil {
		return err
	}
	calls := d.src.calls
	n, end := d.r.Read(arena[guard:][:size])
	switch {
	case n < 0 || n > size:
		return fmt.Errorf("Read into %d bytes returned a count of %d", size, n)
	case n == 0 && end == nil && size > 0:
		return fmt.Errorf("Read into %d bytes returned 0, nil", size)
	case size == 0 && d.src.calls > calls:
		return errors.New("Read into an empty buffer went to the source, where it may loop for ever")
	case len(d.out)+n > d.most:
		return fmt.Errorf("Read yields more than %d bytes", d.most)
	}
	used := n
	if d.src.scratch {
		used = size // the source is to blame, and may
	}
	if err := d.cage.intact(arena, used); err != nil {
		return err
	}
	d.out = append(d.out, arena[guard:][:n]...)
	d.end = end
	d.cage.restore(arena, used)
	return d.src.broken
}

// drain reads the rest by WriteTo.
func (d *reading) drain(w io.WriterTo) error {
	dst := &sink{most: d.most}
	n, err := w.WriteTo(dst)
	d.out = append(d.out, dst.out...)
	switch {
	case dst.broken != nil:
		return dst.broken
	case n != int64(len(dst.out)):
		return fmt.Errorf("WriteTo returned a count of %d, but wrote %d bytes", n, len(dst.out))
	case err == io.EOF:
		return errors.New("WriteTo returned io.EOF")
	case err == nil:
		err = io.EOF // as Read would have it
	}
	d.end = err
	return d.src.broken
}

// again calls an ended stream again: it must not move, and say the same.
func (d *reading) again() error {
	first, had, calls := d.end, len(d.out), d.src.calls
	for i, size := range []int{1, 0, 4096} {
		d.end = nil
		if err := d.read(size); err != nil {
			return fmt.Errorf("sticky: after the end, %v: %w", first, err)
		}
		if err := repeats(first, d.end); err != nil && (size > 0 || d.end != nil) {
			return fmt.Errorf("sticky: Read number %d after the end: %w", i+1, err)
		}
	}
	if w, ok := d.r.(io.WriterTo); ok {
		if err := d.drain(w); err != nil {
			return fmt.Errorf("sticky: after the end, %v: %w", first, err)
		}
		if err := repeats(first, d.end); err != nil {
			return fmt.Errorf("sticky: WriteTo after the end: %w", err)
		}
	}
	if len(d.out) > had {
		return fmt.Errorf("sticky: %d more bytes after the end, %v", len(d.out)-had, first)
	}
	if d.src.calls > calls {
		return fmt.Errorf("sticky: it goes on reading its source after the end, %v", first)
	}
	d.end = first
	return d.cage.inspect()
}

// repeats checks that a later error says what the first said.
func repeats(first, later error) error {
	switch {
	case later == nil:
		return fmt.Errorf("got no error, want %q again", first)
	case (first == io.EOF) != (later == io.EOF):
		return fmt.Errorf("got %q, want %q again", later, first)
	case !errors.Is(later, first) && later.Error() != first.Error():
		return fmt.Errorf("got %q, want %q again", later, first)
	}
	return nil
}

// bare says that an error has no more to it than the end of something.
func bare(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
