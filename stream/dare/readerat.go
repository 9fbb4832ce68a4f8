// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"crypto/fips140"
	"fmt"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A ReaderAt decrypts a DARE 2.0 stream at any offset. Every byte that it
// returns was verified in that call, and so was, when it was made, the size of
// the stream.
//
// What it did not return it may not have verified: a stream that is damaged in
// one place can be read in others. It keeps no plaintext and caches nothing,
// so a source whose content changes later is noticed wherever it is read. It
// does keep the key.
//
// ReadAt and Size may be called concurrently.
type ReaderAt struct {
	src    io.ReaderAt
	key    [KeySize]byte
	strand strand
	size   int64 // of the plaintext
	total  int64 // of the stream
}

var _ io.ReaderAt = (*ReaderAt)(nil)

// NewReaderAt returns a ReaderAt of the stream of size bytes, not counted in
// plaintext, in src, which this package has written. The key has [KeySize]
// bytes and is copied. Streams of others it rejects, unless the last four bytes
// of their nonce happen to be zero.
//
// It reads the last package and verifies it. If that is not genuine, or does
// not say that it is the last, or if no stream has this size, the error is
// [stream.ErrDecrypt], which [ErrVersion] wraps. Other errors are
// [stream.ErrFIPS], the error of the source, wrapped, one that wraps
// [stream.ErrTooLarge], or one that names the argument that is wrong.
//
// It may be called concurrently.
func NewReaderAt(src io.ReaderAt, size int64, key []byte) (*ReaderAt, error) {
	return newReaderAt(src, size, key, false)
}

// NewSIOReaderAt returns a ReaderAt of a stream of size bytes that sio has
// written, with AES-256-GCM or ChaCha20-Poly1305. In all else it is like
// [NewReaderAt], except for what [NewSIODecryptReader] says: it CANNOT notice
// every change, and the salt of ncrypt is not part of the stream.
//
// It may be called concurrently.
func NewSIOReaderAt(src io.ReaderAt, size int64, key []byte) (*ReaderAt, error) {
	return newReaderAt(src, size, key, true)
}

func newReaderAt(src io.ReaderAt, size int64, key []byte, foreign bool) (*ReaderAt, error) {
	if size < 0 {
		return nil, sizeError("ciphertext size", 0, size)
	}
	if size > maxSealed {
		return nil, tooLarge(size, maxSealed)
	}
	if err := check(key); err != nil {
		return nil, err
	}
	plain, err := PlaintextSize(size)
	if err != nil {
		return nil, stream.ErrDecrypt
	}
	r := &ReaderAt{src: src, key: [KeySize]byte(key), strand: strand{foreign: foreign}, size: plain, total: size}
	if err := r.verifyEnd(); err != nil {
		return nil, err
	}
	return r, nil
}

// verifyEnd opens the last package. All others must be of the same strand.
func (r *ReaderAt) verifyEnd() error {
	s, err := r.span(r.size-1, 1)
	if err != nil {
		return err
	}
	_, err = s.next()
	s.close()
	r.strand = s.strand
	return err
}

// Size returns the size of the plaintext in bytes, which is authentic.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt reads len(p) bytes of plaintext from offset off on, all of them
// verified. If there are fewer, it returns them and [io.EOF]. It reads from the
// source the packages that hold them and nothing else, each in one call, one
// after the other.
//
// The error is [stream.ErrDecrypt] if a package was altered; that of the source
// comes back wrapped. The n bytes read before an error are genuine, and p is
// left alone behind them. Errors do not stick: ReadAt may be tried again.
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, sizeError("read offset", 0, off)
	}
	return engine.Within(p, off, r.size, r.read)
}

// read fills p, which is not empty and does not pass the end.
func (r *ReaderAt) read(p []byte, off int64) (n int, err error) {
	s, err := r.span(off, len(p))
	if err != nil {
		return 0, err
	}
	for skip := off % PayloadSize; n < len(p); skip = 0 {
		var out []byte
		if out, err = s.next(); err != nil {
			break
		}
		n += copy(p[n:], out[skip:])
	}
	s.close()
	return n, err
}

// A span is the source of sio for some packages of a ReaderAt.
type span struct {
	at     *ReaderAt
	strand strand
	k, end int64     // the packages that are left
	r      io.Reader // sio's, which reads the span
	out    *buffer   // one package of plaintext
	err    error
}

// span returns the packages with the n bytes of plaintext from off on.
func (r *ReaderAt) span(off int64, n int) (*span, error) {
	k := off / PayloadSize
	s := &span{at: r, strand: r.strand, k: k, end: (off+int64(n)-1)/PayloadSize + 1}
	var err error
	// Whether FIPS 140-only mode forbids this was decided when r was made; it
	// may have been made where the mode is not enforced.
	fips140.WithoutEnforcement(func() {
		s.r, err = sio.DecryptReader(s, opening(r.key[:], r.strand.foreign, k))
	})
	if err != nil {
		return nil, fmt.Errorf("dare: %w", err)
	}
	s.out = newBuffer()
	return s, nil
}

// next decrypts one package, which is valid until the next call. An error of sio
// beside the data is none of that package: if that is short, sio has asked for
// another one already.
func (s *span) next() ([]byte, error) {
	n, _ := s.r.Read(s.out[:])
	if n > 0 {
		return s.out[:n], nil
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, stream.ErrDecrypt // whatever sio says
}

// close makes sio clear its buffer and give it back, and does so with ours.
func (s *span) close() {
	s.err = errOver
	s.r.Read(s.out[:1])
	s.out.free()
}

// Read reads one package into p, which is the whole buffer of sio.
func (s *span) Read(p []byte) (int, error) {
	if s.err == nil && s.k == s.end {
		s.err = errOver
	}
	if s.err == nil && len(p) != packageSize {
		s.err = errWhole
	}
	if s.err != nil {
		return 0, s.err
	}
	off := s.k * packageSize
	n := int(min(packageSize, s.at.total-off))
	if s.err = s.fetch(p[:n], off); s.err != nil {
		return 0, s.err
	}
	s.k++
	if n < packageSize {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads a package from the source and looks at those things about it that
// sio does not.
func (s *span) fetch(p []byte, off int64) error {
	if err := engine.ReadAt(s.at.src, p, off); err != nil {
		return err
	}
	if err := s.strand.admit(p); err != nil {
		return err
	}
	if isLast(p) != (off+int64(len(p)) == s.at.total) {
		return stream.ErrDecrypt
	}
	return nil
}
