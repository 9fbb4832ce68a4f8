// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// In the buffer of a piece the plaintext of a package lies in front, with the
// byte that follows it, and the package behind.
const sealedAt = PayloadSize + 32

var _ [len(engine.Chunk{}) - (sealedAt + packageSize)]struct{}

// errSeal would mean that sio no longer seals package by package.
var errSeal = errors.New("dare: internal error: sio did not seal a whole package")

// A sealFeed cuts a source into packages. Those that are asked for one by one
// are made by one reader of sio, which reads the source itself; where many are,
// each is made by its own.
type sealFeed struct {
	src   plaintext
	key   [KeySize]byte
	nonce [12]byte
	next  int64         // number of the first package that was not begun
	one   io.Reader     // of sio, for packages one by one; nil if there is none
	buf   *engine.Chunk // for those
	ended bool          // the source has, and the first n bytes of buf are left
	n     int
	piece engine.Piece // the last one, if it is left
}

func newSealFeed(src io.Reader, key []byte, nonce [12]byte) *sealFeed {
	f := &sealFeed{src: plaintext{src: engine.Source{R: src}}, nonce: nonce, buf: engine.NewChunk()}
	copy(f.key[:], key)
	return f
}

// config is that of a stream that begins with package k.
func (f *sealFeed) config(k int64) sio.Config {
	c := sealing(f.key[:], f.nonce)
	c.SequenceNumber = uint32(k)
	return c
}

// begin makes sio encrypt src from package k on. Whether FIPS 140-only mode
// forbids this was decided when the stream was made; it may have been made where
// the mode is not enforced.
func (f *sealFeed) begin(src io.Reader, k int64) (r io.Reader, err error) {
	fips140.WithoutEnforcement(func() { r, err = sio.EncryptReader(src, f.config(k)) })
	return r, err
}

// Next implements engine.Feed.
func (f *sealFeed) Next() ([]byte, error) {
	if f.ended {
		p := &f.piece
		p.In, p.Buf, p.Off = f.buf[:f.n], f.buf, f.next
		f.seal(p, true)
		if err := f.Join(p); err != nil {
			return nil, err
		}
		return p.Out, io.EOF
	}
	if f.one == nil {
		one, err := f.begin(&f.src, f.next)
		if err != nil {
			return nil, errSeal
		}
		f.one = one
	}
	n, err := f.one.Read(f.buf[:packageSize])
	switch {
	case f.src.err != nil: // sio would forget it
		return nil, f.src.err
	case err == nil && n != packageSize, err != nil && err != io.EOF, n <= overhead:
		return nil, errSeal
	}
	f.next++
	return f.buf[:n], err
}

// Many implements engine.Feed.
func (f *sealFeed) Many() int {
	if f.ended {
		return 0
	}
	return packageSize
}

// Produce implements engine.Feed. It reads one byte more than a package, which
// tells whether that is the last one, as sio does.
func (f *sealFeed) Produce(p *engine.Piece) error {
	if f.ended {
		return io.EOF
	}
	if f.one != nil {
		f.src.unread = true
		f.drop()
	}
	n, err := f.src.fill(p.Buf[:PayloadSize+1])
	if err == io.EOF {
		f.buf, p.Buf, f.ended, f.n = p.Buf, f.buf, true, n
	}
	if err != nil {
		return err
	}
	f.src.unread = true
	p.In, p.Off = p.Buf[:PayloadSize], f.next
	f.next++
	return nil
}

// drop makes the reader of sio clear its buffer, for which a Read has to fail
// that is not its first one.
func (f *sealFeed) drop() {
	f.src.over = true
	for range 2 {
		f.one.Read(make([]byte, 1))
	}
	f.one, f.src.over = nil, false
}

// Work implements engine.Feed.
func (f *sealFeed) Work(p *engine.Piece) { f.seal(p, false) }

// seal makes a package by an encrypting reader of sio that begins at its number.
// It is told that more follows by a byte that it will never encrypt. Only one
// more Read, which fails, makes it clear its buffer.
func (f *sealFeed) seal(p *engine.Piece, last bool) {
	src := &payload{rest: bytes.NewReader(p.In), more: !last}
	p.Out = nil
	r, err := f.begin(src, p.Off)
	if err != nil {
		return
	}
	n, err := r.Read(p.Buf[sealedAt:][:packageSize])
	if n == len(p.In)+overhead && (err == nil || last && err == io.EOF) {
		p.Out = p.Buf[sealedAt:][:n]
	}
	src.over = true
	r.Read(make([]byte, 1))
}

// Join implements engine.Feed.
func (f *sealFeed) Join(p *engine.Piece) error {
	if p.Out == nil {
		return errSeal
	}
	return nil
}

// Wipe implements engine.Feed.
func (f *sealFeed) Wipe() {
	if f.one != nil {
		f.drop()
	}
	clear(f.key[:])
	f.buf.Free()
	f.buf, f.src.last, f.piece = nil, 0, engine.Piece{}
}

// A plaintext is the source of sio, and of what is sealed beside it. Its errors
// stay, as sio forgets them.
type plaintext struct {
	src    engine.Source
	n      int64
	last   byte // that was read
	unread bool // it is to be read again
	over   bool // sio is to end
	err    error
}

func (s *plaintext) Read(p []byte) (int, error) {
	switch {
	case s.over:
		return 0, errOver
	case s.err != nil:
		return 0, s.err
	case s.unread && len(p) > 0:
		s.unread, p[0] = false, s.last
		return 1, nil
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
	s.last = p[n-1]
	return n, nil
}

// fill reads until p is full. It returns io.EOF if the source ended before that,
// with the number of bytes it did get.
func (s *plaintext) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.Read(p[n:])
		n += m
	}
	return n, err
}

// A payload is the source of sio for one package.
type payload struct {
	rest *bytes.Reader
	more bool // of the stream
	over bool
}

func (s *payload) Read(p []byte) (int, error) {
	switch {
	case s.over:
		return 0, errOver
	case s.rest.Len() > 0:
		return s.rest.Read(p)
	case s.more && len(p) > 0:
		s.more, p[0] = false, 0
		return 1, nil
	}
	return 0, io.EOF
}
