// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"fmt"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// An EncryptWriter encrypts what is written to it and writes a DARE 2.0 stream
// with AES-256-GCM, which sio can read.
//
// The key must be for this stream only: the package comment says why. DARE does
// not commit to its key.
//
// Up to one package of 64 KiB is withheld until a byte follows it or Close is
// called; there is no way to flush earlier. The caller must call Close, and
// check its error, to finish the stream, and [EncryptWriter.Abort] if the
// plaintext is not complete: a deferred Close would sign half of it as if it
// were the whole.
//
// An EncryptWriter is not safe for concurrent use.
type EncryptWriter struct {
	dst io.Writer
	w   io.WriteCloser // sio's, which writes to an outlet
	n   int64          // bytes of plaintext
	err error          // what every later call returns
}

var _ io.ReaderFrom = (*EncryptWriter)(nil)

// NewEncryptWriter returns a writer that encrypts to dst under a key of
// [KeySize] bytes, which is not retained. It draws the nonce of the stream from
// crypto/rand. The error is [stream.ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewEncryptWriter(dst io.Writer, key []byte) (*EncryptWriter, error) {
	return newEncryptWriter(dst, key, newNonce())
}

func newEncryptWriter(dst io.Writer, key []byte, nonce [12]byte) (*EncryptWriter, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	w := &EncryptWriter{dst: dst}
	var err error
	if w.w, err = sio.EncryptWriter(outlet{w}, sealing(key, nonce)); err != nil {
		return nil, fmt.Errorf("dare: %w", err)
	}
	return w, nil
}

// Write encrypts p. It never retains or modifies p, and returns how many bytes
// of it were accepted. If the stream would pass [MaxSize] it fails with
// [stream.ErrTooLarge] and takes nothing of p. After any error it fails for
// ever, after Close with [stream.ErrClosed].
func (w *EncryptWriter) Write(p []byte) (int, error) {
	if w.err != nil || len(p) == 0 {
		return 0, w.err
	}
	if int64(len(p)) > MaxSize-w.n {
		return 0, w.fail(stream.ErrTooLarge)
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	if err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// ReadFrom encrypts what src yields until its end. It does not finish the
// stream: more may be written, and Close must be called. An error of src,
// wrapped, is an error of the stream: it will have no last package. n counts
// the bytes that were accepted.
func (w *EncryptWriter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	b := newBuffer()
	from := engine.Source{R: src}
	for err == nil {
		var m int
		if m, err = w.pull(&from, b[:]); err == nil {
			m, err = w.Write(b[:m])
			n += int64(m)
		}
	}
	b.free()
	if err == io.EOF {
		return n, nil
	}
	return n, err
}

// pull reads from a source. At its end the stream stays as it is, and the error
// is io.EOF.
func (w *EncryptWriter) pull(src *engine.Source, p []byte) (int, error) {
	w.err = errReading
	n, err := src.Read(p)
	if w.err != errReading {
		return 0, w.fail(w.err) // aborted from in there
	}
	w.err = nil
	if err != nil && err != io.EOF {
		return 0, w.fail(err)
	}
	return n, err
}

// Close writes the last package. It does not close dst. If nothing was written
// it fails with [ErrEmpty]. If the stream has failed or was aborted it writes
// nothing and returns that error; a second call returns what the first
// returned.
func (w *EncryptWriter) Close() error {
	if w.err == stream.ErrClosed {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if w.n == 0 {
		return w.fail(ErrEmpty)
	}
	if err := w.w.Close(); err != nil {
		return w.fail(err)
	}
	w.fail(stream.ErrClosed)
	return nil
}

// Abort ends the stream without its last package, so that what was written can
// never be decrypted as a whole. Write and Close then return an error that wraps
// [stream.ErrAborted] and, if it is not nil, err. After Close or an error Abort
// does nothing, so that it may be deferred.
func (w *EncryptWriter) Abort(err error) {
	if err == nil {
		err = stream.ErrAborted
	} else {
		err = fmt.Errorf("%w: %w", stream.ErrAborted, err)
	}
	switch w.err {
	case nil:
		w.fail(err)
	case errReading, errWriting:
		w.err = err // called from the source or sink: the stream ends when that returns
	}
}

// fail ends the stream: every later call returns err, unless there is an error
// already. Only its Close makes sio clear its buffer; what it writes on that
// occasion has no way out.
func (w *EncryptWriter) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	if w.w != nil {
		w.dst = nil
		w.w.Close()
		w.w = nil
	}
	return w.err
}

// An outlet is the sink of sio. It is not an io.Closer, as sio would close it.
type outlet struct{ w *EncryptWriter }

func (o outlet) Write(p []byte) (int, error) {
	w := o.w
	if w.dst == nil {
		return 0, errOver
	}
	w.err = errWriting
	n, err := engine.WriteSink(w.dst, p)
	if w.err != errWriting {
		return n, w.err // aborted from in there
	}
	w.err = nil
	return n, err
}
