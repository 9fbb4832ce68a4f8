// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"fmt"
	"io"
)

// maxEmptyReads is how often a source may return neither bytes nor an error
// before it counts as stuck.
const maxEmptyReads = 100

// A BodyReader reads a body by the rules that [Driver] sets for Put: it holds
// the body to its declared size, stops when the context is done, and lets no
// error pass that could be taken for the end of the data. A driver that reads
// bodies only through it keeps those rules, provided that it commits nothing
// before Read has returned io.EOF.
//
// It has no method but Read for moving data, so that no transport can seek or
// close the body behind it.
//
// A BodyReader is not safe for concurrent use.
type BodyReader struct {
	ctx   context.Context // of the one call that the reader lives in
	src   io.Reader
	size  int64 // -1 is unknown
	limit int64 // of an unknown size; -1 is none
	n     int64 // bytes delivered
	what  string
	err   error // first error or io.EOF; repeated by every later call
	probe [1]byte
}

// NewBodyReader returns a reader of body, which must deliver size bytes, or
// any number if size is -1. It reads nothing yet. It may be called concurrently.
func NewBodyReader(ctx context.Context, body io.Reader, size int64) *BodyReader {
	return newBodyReader(ctx, body, size, "read body")
}

func newBodyReader(ctx context.Context, src io.Reader, size int64, what string) *BodyReader {
	r := &BodyReader{ctx: ctx, src: src, size: size, limit: -1, what: what}
	if size < -1 {
		r.err = fmt.Errorf("%w: size %d", ErrSize, size)
	}
	return r
}

// Limit makes a body of unknown size fail with [ErrSize] if it is longer than n
// bytes. It does nothing if the size is known, and must not be called after Read.
func (r *BodyReader) Limit(n int64) { r.limit = max(n, 0) }

// Read reads from the body. It returns io.EOF only after the declared number
// of bytes and after the body itself has ended: the last bytes are held back
// until the end has been seen, so a body that is too long does not even
// deliver as much as it should. A body of another size fails with [ErrSize],
// a body that fails with an error that wraps the body's, a context that is
// done with an error that wraps ctx.Err().
func (r *BodyReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.size >= 0 {
		p = p[:min(int64(len(p)), r.size-r.n)]
	}
	if len(p) == 0 { // an empty body
		r.err = r.end()
		return 0, r.err
	}
	n, err := r.fill(p)
	if err == nil && r.n+int64(n) == r.size {
		err = r.end()
	}
	if r.size < 0 && r.limit >= 0 && int64(n) > r.limit-r.n && (err == nil || err == io.EOF) {
		err = fmt.Errorf("%w: want at most %d bytes, got more", ErrSize, r.limit)
	}
	if err == io.EOF && r.size >= 0 && r.n+int64(n) < r.size {
		err = fmt.Errorf("%w: want %d bytes, got %d", ErrSize, r.size, r.n+int64(n))
	}
	r.err = err
	if err != nil && err != io.EOF {
		return 0, err
	}
	r.n += int64(n)
	if n > 0 {
		err = nil // the end gets a call of its own
	}
	return n, err
}

// end makes sure that the source has ended where it should.
func (r *BodyReader) end() error {
	n, err := r.fill(r.probe[:])
	if n > 0 {
		return fmt.Errorf("%w: want %d bytes, got more", ErrSize, r.size)
	}
	return err
}

// fill reads once from the source, at least one byte unless there is an
// error, which is io.EOF or wrapped.
func (r *BodyReader) fill(p []byte) (int, error) {
	for range maxEmptyReads {
		if err := r.ctx.Err(); err != nil {
			return 0, fmt.Errorf("backend: %s: %w", r.what, err)
		}
		n, err := r.src.Read(p)
		if n < 0 || n > len(p) {
			return 0, fmt.Errorf("backend: %s: invalid count %d for %d bytes", r.what, n, len(p))
		}
		if err != nil && err != io.EOF {
			return n, fmt.Errorf("backend: %s: %w", r.what, err)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, fmt.Errorf("backend: %s: %w", r.what, io.ErrNoProgress)
}

// N returns the number of bytes delivered so far.
func (r *BodyReader) N() int64 { return r.n }

// Done reports whether the body has been read to its verified end.
func (r *BodyReader) Done() bool { return r.err == io.EOF }

// Err returns the first error that Read met, or nil. The end of the body is
// not an error. With it a driver whose transport replaces errors by its own
// can still report the cause.
func (r *BodyReader) Err() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}
