// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/s3seal/s3seal/envelope"
)

// An Object is the plaintext of an object that is being read. Whoever got it
// must close it.
//
// Read returns io.EOF only at the end of the whole object or range, never
// because the storage had no more. Whether the bytes before that are verified
// depends on the options: see Authenticated.
//
// An Object is not safe for concurrent use, except for Info.
type Object struct {
	info   *ObjectInfo
	plain  io.ReadCloser
	body   io.Closer        // of the driver
	opener *envelope.Opener // nil if not encrypted

	err      error // first error, io.EOF included; repeated by every later call
	closed   bool
	closeErr error

	hook     func(ReadEnded) // nil if there is none, or it was called
	opened   time.Time
	released int64
}

var (
	_ io.ReadCloser = (*Object)(nil)
	_ io.WriterTo   = (*Object)(nil)
)

// Read reads up to len(p) bytes of plaintext. After any error it fails for
// ever; then, what was read before is to be discarded unless Authenticated was
// true.
func (o *Object) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	n, err := o.plain.Read(p)
	o.err = err
	o.note(int64(n), err)
	return n, err
}

// WriteTo writes all of the plaintext that is left to dst. A nil error means
// that the end was reached and, where the format allows it, verified.
func (o *Object) WriteTo(dst io.Writer) (int64, error) {
	if o.err == io.EOF {
		return 0, nil
	}
	if o.err != nil {
		return 0, o.err
	}
	n, err := io.Copy(dst, o.plain)
	switch {
	case err == nil:
		o.err = io.EOF
		o.note(n, io.EOF)
		return n, nil
	case err == io.EOF:
		// Only dst can have said so: io.Copy keeps the end of a source to
		// itself. It must not pass for the end of the object.
		err = fmt.Errorf("backend: write: %w", err)
	}
	o.err = err
	o.note(n, err)
	return n, err
}

// Close frees what the object holds. It may be called before the end, which
// verifies nothing. A second call returns what the first returned.
func (o *Object) Close() error {
	if o.closed {
		return o.closeErr
	}
	o.closed = true
	o.note(0, ErrNotRead)
	if o.err == nil {
		o.err = opError("read", o.info.Key, fs.ErrClosed)
	}
	if err := o.plain.Close(); err != nil { // a temporary file, or a second body
		o.closeErr = fmt.Errorf("backend: close: %w", err)
	}
	if err := o.body.Close(); err != nil {
		o.closeErr = fmt.Errorf("backend: close body: %w", err)
	}
	return o.closeErr
}

// Info describes the object, as [Bucket.Stat] would have when it was opened.
// Every call returns the same value.
func (o *Object) Info() *ObjectInfo { return o.info }

// Authenticated reports whether every byte read so far was verified. It is
// always true under the default rule of release, envelope.Spool and
// envelope.TwoPass; under envelope.UnverifiedUntilEOF it is true only after
// io.EOF; it is always true for Chunked and DARE, ranges included; and it is
// always false for other ranges, for CBC and CTR, and for an object that is not
// encrypted.
func (o *Object) Authenticated() bool {
	return o.opener != nil && o.opener.Authenticated()
}
