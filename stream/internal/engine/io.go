// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
)

// maxEmptyReads is how often in a row a source may return (0, nil). Package
// bufio draws the line at the same number.
const maxEmptyReads = 100

var (
	// These stand in while a source or sink is being called. If the call
	// never returns to us, because it panicked, the stream stays failed and a
	// deferred Close does not bless half a plaintext.
	errReading = sourceError(errors.New("call did not return"))
	errWriting = sinkError(errors.New("call did not return"))
)

// A Source is a caller's reader, held to the contract of io.Reader.
type Source struct {
	R   io.Reader
	err error // what every later read returns; io.EOF for the proper end
}

// Read reads at least one byte into p, which must not be empty, or returns an
// error: a bare io.EOF for the end of the source, and a wrapped error, never a
// bare one, for everything else.
func (s *Source) Read(p []byte) (int, error) {
	for range maxEmptyReads {
		if s.err != nil {
			return 0, s.err
		}
		s.err = errReading
		n, err := s.R.Read(p)
		s.err = sourceError(err)
		if n < 0 || n > len(p) {
			s.err = sourceError(ErrCount)
		} else if n > 0 {
			return n, nil // an error that came with data waits for the next call
		}
	}
	if s.err == nil {
		s.err = sourceError(io.ErrNoProgress)
	}
	return 0, s.err
}

// Fill reads until p is full. It returns io.EOF if the source ended before
// that, with the number of bytes it did get.
func (s *Source) Fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.Read(p[n:])
		n += m
	}
	return n, err
}

func sourceError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("stream: read source: %w", err)
}

// WriteSink writes all of p, which it hands over without spare capacity: what
// lies behind p in our buffers is none of the sink's business. It returns how
// much of p the sink has taken.
func WriteSink(w io.Writer, p []byte) (int, error) {
	n, err := w.Write(p[:len(p):len(p)])
	switch {
	case n < 0 || n > len(p):
		n, err = 0, ErrCount
	case err == nil && n < len(p):
		err = io.ErrShortWrite
	}
	return n, sinkError(err)
}

func sinkError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("stream: write: %w", err)
}

// Err returns the error that every later Read will return, or nil.
func (s *Source) Err() error { return s.err }

// ReadAt fills p from offset off of src on, or returns an error, wrapped; a
// source that ends before that gives one that wraps io.ErrUnexpectedEOF.
func ReadAt(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n < 0 || n > len(p):
		err = ErrCount
	case n == len(p):
		return nil // io.EOF may come with the last byte
	case err == nil || err == io.EOF:
		err = fmt.Errorf("want %d bytes at %d, got %d: %w", len(p), off, n, io.ErrUnexpectedEOF)
	}
	return sourceError(err)
}

// Within is the frame of an io.ReaderAt over size bytes that are verified by
// read: it is called, if at all, with a p that is not empty and within them, and
// an off that is not negative. A short read for want of bytes is io.EOF.
func Within(p []byte, off, size int64, read func(p []byte, off int64) (int, error)) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if off >= size {
		return 0, io.EOF
	}
	short := int64(len(p)) > size-off
	if short {
		p = p[:size-off]
	}
	n, err = read(p, off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}
