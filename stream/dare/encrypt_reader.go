// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"fmt"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// An EncryptReader encrypts what it reads from a source and yields a DARE 2.0
// stream with AES-256-GCM, which sio can read. It is the pull form of
// [EncryptWriter], for uploads that want a body to read.
//
// The key must be for this stream only: the package comment says why. DARE does
// not commit to its key. It offers Read alone: a body that can seek would be
// read twice by a transport that retries, and a source that has changed in
// between would then reuse the nonce.
//
// An EncryptReader is not safe for concurrent use.
type EncryptReader struct {
	src plaintext
	r   io.Reader // sio's, which reads src
	err error     // what every later call returns
}

// NewEncryptReader returns a reader of the encrypted form of src under a key of
// [KeySize] bytes, which is not retained. It draws the nonce of the stream from
// crypto/rand. The error is [stream.ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewEncryptReader(src io.Reader, key []byte) (*EncryptReader, error) {
	return newEncryptReader(src, key, newNonce())
}

func newEncryptReader(src io.Reader, key []byte, nonce [12]byte) (*EncryptReader, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	r := &EncryptReader{src: plaintext{src: engine.Source{R: src}}}
	var err error
	if r.r, err = sio.EncryptReader(&r.src, sealing(key, nonce)); err != nil {
		return nil, fmt.Errorf("dare: %w", err)
	}
	return r, nil
}

// Read yields up to len(p) bytes of the stream. It reads 64 KiB from the
// source and one byte more, or all there is, before it yields any of them. It
// returns [io.EOF] after the last package, and only then; the error of a source
// comes back wrapped. It fails with [ErrEmpty] if the source has nothing, and
// with [stream.ErrTooLarge] before it yields a last package if it has more than
// [MaxSize]. After any error it fails for ever.
func (r *EncryptReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if err != nil {
		r.fail(err)
	}
	if n > 0 {
		return n, nil // an error that came with data waits for the next call
	}
	return 0, r.err
}

// fail ends the stream: every later call returns err. One more call, with a
// source that fails, makes sio clear its buffer.
func (r *EncryptReader) fail(err error) {
	r.err = err
	if r.src.err != nil {
		r.err = r.src.err
	}
	r.src.err = errOver
	r.r.Read(make([]byte, 1))
	r.r = nil
}

// A plaintext is the source of sio. Its errors stay, as sio forgets them.
type plaintext struct {
	src engine.Source
	n   int64
	err error
}

func (s *plaintext) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.src.Read(p)
	s.n += int64(n)
	switch {
	case err == io.EOF && s.n == 0:
		s.err = ErrEmpty
	case err == io.EOF:
		return n, io.EOF
	case err != nil:
		s.err = err
	case s.n > MaxSize:
		s.err = stream.ErrTooLarge
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, nil
}
