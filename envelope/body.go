// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream"
)

// released says how the bytes of a reader count for Opener.Authenticated.
type released uint8

const (
	releasedVerified released = iota // nothing leaves before it is verified
	releasedUntilEOF                 // counts as unverified until the end is reached
	releasedForEver                  // accounted for elsewhere: by mode, or by RangeReader
)

// A bodyReader is the plaintext of a body. It adds to a decrypting reader what
// an object needs: Close, one vague error, and the account of what was
// verified.
type bodyReader struct {
	opener  *Opener
	src     io.Reader // for Close only
	dec     io.Reader
	state   released
	counted bool  // this reader is in opener.unverified
	err     error // first error, io.EOF included; repeated by every later call

	busy     bool // dec is at work
	closed   bool
	closeErr error
}

// Read decrypts up to len(p) bytes. After any error it fails for ever.
func (r *bodyReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	r.busy = true
	n, err := r.dec.Read(p)
	r.count(err != io.EOF && (n > 0 || r.counted))
	return n, r.ended(err)
}

// ended takes note of how a call of dec ended. Close may have come meanwhile,
// from inside of the source or the sink: it is not undone.
func (r *bodyReader) ended(err error) error {
	r.busy = false
	if r.closed {
		r.dec, err = nil, stream.ErrClosed
	}
	r.err = vague(err)
	return r.err
}

// WriteTo decrypts all that is left to dst, in the large steps of the stream.
func (r *bodyReader) WriteTo(dst io.Writer) (n int64, err error) {
	if r.err == io.EOF {
		return 0, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	r.busy = true
	before := r.counted
	r.count(true) // bytes leave before it is known how many
	if w, ok := r.dec.(io.WriterTo); ok {
		n, err = w.WriteTo(dst)
	} else {
		n, err = io.Copy(copySink{dst}, r.dec)
	}
	r.count(err != nil && (n > 0 || before))
	if err == nil && !r.closed {
		r.err, r.busy = io.EOF, false
		return n, nil
	}
	return n, r.ended(err)
}

// A copySink wraps the errors of a sink, which must not pass for an end of the
// body.
type copySink struct{ dst io.Writer }

func (s copySink) Write(p []byte) (int, error) {
	n, err := s.dst.Write(p)
	if err != nil {
		err = fmt.Errorf("envelope: write: %w", err)
	}
	return n, err
}

// count enters or strikes this reader in the opener's account of readers with
// unverified bytes.
func (r *bodyReader) count(unverified bool) {
	if r.state != releasedUntilEOF || unverified == r.counted {
		return
	}
	r.counted = unverified
	if unverified {
		r.opener.unverified.Add(1)
	} else {
		r.opener.unverified.Add(-1)
	}
}

// vague strips from ErrDecrypt whatever was wrapped around it on the way.
func vague(err error) error {
	if errors.Is(err, ErrDecrypt) {
		return ErrDecrypt
	}
	return err
}

// Close closes the source if it can be closed, and frees what the rule of
// release keeps. A second call returns what the first returned.
func (r *bodyReader) Close() error {
	if r.closed {
		return r.closeErr
	}
	r.closed = true
	if r.err == nil {
		r.err = stream.ErrClosed
	}
	if c, ok := r.dec.(io.Closer); ok {
		r.closeErr = c.Close()
	}
	if !r.busy {
		r.dec = nil // with what it has buffered
	}
	if c, ok := r.src.(io.Closer); ok {
		if err := c.Close(); err != nil {
			r.closeErr = fmt.Errorf("envelope: close source: %w", err)
		}
	}
	return r.closeErr
}

// sized holds src to a declared size. It is for content without a tag, which
// would not notice where it was cut; a tag sees for itself.
func sized(src io.Reader, size int64) io.Reader {
	if size < 0 {
		return src
	}
	return &sizedReader{src, size}
}

type sizedReader struct {
	src  io.Reader
	left int64
}

// Read relies on its caller, a decrypting reader, for sticky errors and for
// checking n.
func (r *sizedReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	r.left -= int64(n)
	if r.left < 0 || err == io.EOF && r.left > 0 {
		return 0, ErrDecrypt
	}
	return n, err
}
