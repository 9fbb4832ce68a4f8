// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"fmt"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A DecryptReader decrypts a DARE 2.0 stream. Every byte that it yields was
// verified, and no other touches the memory of the caller; that they are all is
// known only at [io.EOF].
//
// A DecryptReader is not safe for concurrent use.
type DecryptReader struct {
	src packages
	r   io.Reader // sio's, which reads src
	n   int64     // bytes of plaintext that have left
	err error     // what every later call returns
}

var _ io.WriterTo = (*DecryptReader)(nil)

// NewDecryptReader returns a reader of the plaintext of src, a stream that this
// package has written, under a key of [KeySize] bytes, which is not retained.
// Streams of others it rejects, unless the last four bytes of their nonce happen
// to be zero. The error is [stream.ErrFIPS] or names the argument with the wrong
// length.
//
// It may be called concurrently.
func NewDecryptReader(src io.Reader, key []byte) (*DecryptReader, error) {
	return newDecryptReader(src, key, false)
}

// NewSIODecryptReader returns a reader of the plaintext of src, a stream that
// sio has written, with AES-256-GCM or ChaCha20-Poly1305, under a key of
// [KeySize] bytes, which is not retained. What MinIO's ncrypt writes begins with
// 32 bytes of salt, which the caller must have read, and made the key from: by
// scrypt, with N 32768, r 16 and p 1.
//
// It CANNOT notice every change: whoever can write to the storage can exchange
// packages in pairs, or in larger patterns, and cut off the beginning of a
// stream, as the package comment explains. All else [NewDecryptReader] notices
// it does too. DARE 1.0 is refused with [ErrVersion], and nothing at all, which
// is what sio makes of an empty plaintext, is rejected. The error is
// [stream.ErrFIPS] or names the argument with the wrong length.
//
// It may be called concurrently.
func NewSIODecryptReader(src io.Reader, key []byte) (*DecryptReader, error) {
	return newDecryptReader(src, key, true)
}

func newDecryptReader(src io.Reader, key []byte, foreign bool) (*DecryptReader, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	r := &DecryptReader{src: packages{src: engine.Source{R: src}, strand: strand{foreign: foreign}}}
	var err error
	if r.r, err = sio.DecryptReader(&r.src, opening(key, foreign, 0)); err != nil {
		return nil, fmt.Errorf("dare: %w", err)
	}
	return r, nil
}

// Read yields up to len(p) bytes of plaintext, all of them verified, and fewer
// than one package at a time. It returns [io.EOF] after the last package, if
// nothing follows that, and nowhere else; [stream.ErrDecrypt] if a package is
// not genuine, not in its place, or missing, which [ErrVersion] wraps;
// [stream.ErrTooLarge] if the stream passes [MaxSize]; and the error of the
// source, wrapped. After any error it fails for ever.
func (r *DecryptReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	// Given room for a package, sio would decrypt straight into p, and leave
	// zeros there if the tag turns out to be wrong.
	n := r.pull(p[:min(len(p), PayloadSize-1)])
	if n > 0 {
		return n, nil // an error that came with data waits for the next call
	}
	return 0, r.err
}

// WriteTo writes all that is left of the plaintext to dst, all of it verified,
// a package at a time. Its errors are those of Read, and that of dst, wrapped.
func (r *DecryptReader) WriteTo(dst io.Writer) (n int64, err error) {
	b := newBuffer()
	for r.err == nil {
		// The first piece is what is left of the package in hand. The others
		// are whole packages then, which sio decrypts without another copy.
		out := b[:r.pull(b[:PayloadSize-r.n%PayloadSize])]
		if len(out) == 0 {
			break
		}
		end := r.err
		r.err = errWriting
		m, err := engine.WriteSink(dst, out)
		n += int64(m)
		if r.err = end; err != nil {
			r.fail(err)
		}
	}
	b.free()
	if r.err == io.EOF {
		return n, nil
	}
	return n, r.err
}

// pull gets the next plaintext from sio and takes note of errors, and of the
// end: with the last byte, not with the call after it, which who knows the size
// of a stream may never make.
func (r *DecryptReader) pull(p []byte) int {
	r.err = errReading // sio must not give its buffer back while the source has it
	n, err := r.r.Read(p)
	r.err = nil
	r.n += int64(n)
	whole := r.src.last && r.n == r.src.plain
	switch {
	case whole && (err == io.EOF || err == nil && r.src.ended):
		r.fail(io.EOF)
	case err == nil && n > 0:
	case r.src.err != nil:
		r.fail(r.src.err)
	default:
		r.fail(stream.ErrDecrypt) // whatever sio says
	}
	return n
}

// fail ends the stream: every later call returns err. One more call, with a
// source that fails, makes sio clear its buffer.
func (r *DecryptReader) fail(err error) {
	r.err = err
	if r.r != nil {
		r.src.err = errOver
		r.r.Read(make([]byte, 1))
		r.r = nil
	}
}

// A packages is the source of sio. It yields whole packages and looks at those
// things about them that sio does not.
type packages struct {
	src    engine.Source
	strand strand
	k      int64 // packages so far
	plain  int64 // bytes of plaintext in them
	last   bool  // one of them said that it is the last
	ended  bool  // so is the source
	err    error // what every later call returns
}

func (s *packages) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.next(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// next reads one package into p, which is the whole buffer of sio. The last one
// may come with io.EOF.
func (s *packages) next(p []byte) (int, error) {
	if len(p) != packageSize {
		return 0, errWhole
	}
	n, end := s.src.Fill(p)
	switch {
	case end != nil && end != io.EOF:
		return 0, end
	case n == 0 && s.last:
		return 0, io.EOF
	case n == 0 || s.last:
		return 0, stream.ErrDecrypt // the last package is missing, or something follows it
	case s.k == maxPackages:
		return 0, stream.ErrTooLarge
	}
	if err := s.strand.admit(p[:n]); err != nil {
		return 0, err
	}
	s.k++
	s.plain += int64(n - overhead)
	s.last, s.ended = isLast(p), end == io.EOF
	return n, end
}
