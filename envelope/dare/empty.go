// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream"
)

// maxIdle is how often a source may return neither bytes nor an error.
const maxIdle = 100

// errReading stands in while a source is being called: if that panics, the
// stream stays failed.
var errReading = errors.New("envelope/dare: read source: call did not return")

// An emptyReader is the empty form of a source that must be empty.
type emptyReader struct {
	src  io.Reader
	full error // what it means if the source is not
	err  error
}

// Read returns io.EOF if the source does before it yields anything.
func (r *emptyReader) Read(p []byte) (int, error) {
	if r.err == nil && len(p) > 0 {
		r.err = errReading
		r.err = drained(r.src, r.full)
	}
	return 0, r.err
}

// drained returns io.EOF if src ends at once.
func drained(src io.Reader, full error) error {
	var b [1]byte
	for range maxIdle {
		n, err := src.Read(b[:])
		clear(b[:])
		switch {
		case n != 0: // also a count that cannot be
			return full
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return fmt.Errorf("envelope/dare: read source: %w", err)
		}
	}
	return fmt.Errorf("envelope/dare: read source: %w", io.ErrNoProgress)
}

// An emptyWriter takes nothing and writes nothing.
type emptyWriter struct {
	err    error
	closed bool
}

// Write fails for ever for a p that is not empty.
func (w *emptyWriter) Write(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.closed:
		return 0, stream.ErrClosed
	case len(p) > 0:
		w.err = ErrNotEmpty
	}
	return 0, w.err
}

// ReadFrom fails for ever for a src that is not empty.
func (w *emptyWriter) ReadFrom(src io.Reader) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	w.err = errReading
	err := drained(src, ErrNotEmpty)
	switch {
	case w.err != errReading: // aborted from in there
	case err == io.EOF:
		w.err = nil
	default:
		w.err = err
	}
	return 0, w.err
}

// Close returns nil unless something was written or the writer was aborted.
func (w *emptyWriter) Close() error {
	w.closed = true
	return w.err
}

// Abort makes Close fail, unless that was called before.
func (w *emptyWriter) Abort(err error) {
	if w.err != nil && w.err != errReading || w.closed {
		return
	}
	w.err = stream.ErrAborted
	if err != nil {
		w.err = errors.Join(stream.ErrAborted, err)
	}
}

// An emptyReaderAt is a plaintext of no bytes.
type emptyReaderAt struct{}

func (emptyReaderAt) Size() int64 { return 0 }

func (emptyReaderAt) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("envelope/dare: read offset %d is negative", off)
	case len(p) == 0:
		return 0, nil
	}
	return 0, io.EOF
}
