// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"io"
)

// maxEmptyReads is how often in a row a source may return (0, nil), the
// number that package bufio uses.
const maxEmptyReads = 100

var (
	errCount = errors.New("invalid count")

	// errUnfinished stands in while a source or sink is being called. If the
	// call never returns to us, because it panicked, the stream stays failed
	// and a deferred Close does not bless half a plaintext.
	errUnfinished = errors.New("call did not return")
)

// A source is a caller's reader, held to the contract of io.Reader.
type source struct {
	r   io.Reader
	err error // what every later read returns; io.EOF for the proper end
}

// read reads at least one byte into p, which must not be empty, or returns an
// error: a bare io.EOF for the end of the source, and a wrapped error, never a
// bare one, for everything else.
func (s *source) read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	for range maxEmptyReads {
		s.err = sourceError(errUnfinished)
		n, err := s.r.Read(p)
		if n < 0 || n > len(p) {
			s.err = sourceError(errCount)
			return 0, s.err
		}
		s.err = sourceError(err)
		if n > 0 {
			return n, nil // an error that came with data is kept for the next call
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	s.err = sourceError(io.ErrNoProgress)
	return 0, s.err
}

// fill reads until p is full. It returns io.EOF if the source ended before
// that, with the number of bytes it did get.
func (s *source) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.read(p[n:])
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

// writeSink writes all of p, which it hands over without spare capacity: what
// lies behind p in our buffers is none of the sink's business.
func writeSink(w io.Writer, p []byte) error {
	n, err := w.Write(p[:len(p):len(p)])
	switch {
	case n < 0 || n > len(p):
		err = errCount
	case err == nil && n < len(p):
		err = io.ErrShortWrite
	}
	return sinkError(err)
}

func sinkError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("stream: write: %w", err)
}
