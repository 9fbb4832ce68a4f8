// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A GCMDecryptReader decrypts a GCM stream, ciphertext || tag. It reads the
// ciphertext to its end, up to a limit, and checks the tag before it releases
// the first byte of plaintext.
//
// It holds the ciphertext in memory, rounded up to chunks of 128 KiB, and
// gives chunks back as their plaintext is read.
//
// A GCMDecryptReader is not safe for concurrent use.
type GCMDecryptReader struct {
	r engine.Puller
	f bufferedFeed
}

var _ io.WriterTo = (*GCMDecryptReader)(nil)

// NewGCMDecryptReader returns a reader of the plaintext of src, which buffers
// at most limit bytes of ciphertext, counting the tag. The key has 16, 24 or
// 32 bytes, the IV 12; aad is what it was encrypted with. None of them is
// retained. The error is [ErrFIPS] or names the argument that is wrong.
//
// It may be called concurrently.
func NewGCMDecryptReader(src io.Reader, key, iv, aad []byte, limit int64) (*GCMDecryptReader, error) {
	if limit < 0 {
		return nil, fmt.Errorf("stream: buffer limit: want at least 0, got %d", limit)
	}
	r := new(GCMDecryptReader)
	r.f.src = limitedSource{src, limit}
	if err := r.f.o.init(&r.f.src, key, iv, aad); err != nil {
		return nil, err
	}
	r.f.body = r.f.first[:0]
	r.r.F = &r.f
	return r, nil
}

// Read yields up to len(p) bytes of plaintext, all of it verified. The first
// call reads the source to its end. It returns [ErrDecrypt] if the tag is
// wrong or the stream too short to have one, [ErrBufferLimit] if the stream is
// longer than the limit, [ErrTooLarge] if it passes [GCMMaxSize], and the
// error of the source, wrapped. After any error it fails for ever.
func (r *GCMDecryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo writes all that is left of the plaintext to dst, all of it verified,
// and returns how many bytes dst has taken. Its errors are those of Read, and that
// of dst, wrapped; at the end it returns nil.
func (r *GCMDecryptReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

// A bufferedFeed holds a whole stream.
type bufferedFeed struct {
	o     gcmOpener
	src   limitedSource
	body  []piece  // verified once o.end is true
	first [1]piece // where the body of a short stream lies
	turn  int      // body[:turn] was given back, body[turn] is being read
	read  int64    // size of body[:turn+1]
}

// A piece is the part of a body that lies in one chunk.
type piece struct {
	buf   *engine.Chunk
	n     int
	plain bool
}

// Next implements engine.Feed.
func (f *bufferedFeed) Next() ([]byte, error) {
	if !f.o.end {
		if err := f.load(); err != nil {
			return nil, err
		}
	} else {
		f.body[f.turn].buf.Free()
		f.turn++
	}
	b := f.body[f.turn]
	out := b.buf[:b.n]
	if !b.plain {
		f.o.decrypt(out, f.read)
	}
	f.read += int64(b.n)
	if f.turn == len(f.body)-1 {
		return out, io.EOF
	}
	return out, nil
}

// Many implements engine.Feed. The last piece is left to Next.
func (f *bufferedFeed) Many() int {
	if !f.o.end || f.turn >= len(f.body)-2 {
		return 0
	}
	return f.o.chunk
}

// Produce implements engine.Feed: it takes the next piece out of the body.
func (f *bufferedFeed) Produce(p *engine.Piece) error {
	if f.turn >= len(f.body)-2 {
		return io.EOF
	}
	next := &f.body[f.turn+1]
	p.Buf, next.buf = next.buf, p.Buf
	f.body[f.turn].buf.Free()
	f.turn++
	p.In, p.Off = p.Buf[:next.n], f.read
	f.read += int64(next.n)
	return nil
}

// Work implements engine.Feed.
func (f *bufferedFeed) Work(p *engine.Piece) { f.o.decryptPiece(p) }

// Join implements engine.Feed.
func (f *bufferedFeed) Join(*engine.Piece) error { return nil }

// load reads and verifies the whole stream.
func (f *bufferedFeed) load() error {
	for !f.o.end {
		err := f.loadOne()
		if err == nil && f.o.many() > 0 {
			err = engine.Run((*loading)(f))
		}
		if f.src.left < 0 {
			return ErrBufferLimit
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *bufferedFeed) loadOne() error {
	buf := engine.NewChunk()
	n, plain, err := f.o.next(buf[:])
	f.body = append(f.body, piece{buf, n, plain})
	return err
}

// loading is the run that reads and hashes what follows the first piece.
type loading bufferedFeed

// Produce implements engine.Job.
func (f *loading) Produce(p *engine.Piece) error { return f.o.produce(p) }

// Work implements engine.Job.
func (f *loading) Work(p *engine.Piece) { f.o.hashPiece(p) }

// Consume implements engine.Job.
func (f *loading) Consume(p *engine.Piece) error {
	f.o.joinPiece(p)
	f.body = append(f.body, piece{buf: p.Buf, n: len(p.In)})
	p.Buf = nil
	return nil
}

// Wipe implements engine.Feed.
func (f *bufferedFeed) Wipe() {
	f.o.Wipe()
	for _, b := range f.body[f.turn:] {
		b.buf.FreeFirst(f.o.used())
	}
	f.body = nil
}

// A limitedSource passes on what r yields, up to a limit. One byte more makes
// left negative and is an error.
type limitedSource struct {
	r    io.Reader
	left int64
}

func (l *limitedSource) Read(p []byte) (int, error) {
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if n < 0 || n > len(p) {
		return 0, engine.ErrCount
	}
	l.left -= int64(n)
	if l.left < 0 {
		return 0, ErrBufferLimit
	}
	return n, err
}
