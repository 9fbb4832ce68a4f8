// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"io"
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
	s     scanner
	limit int64
	body  []piece
	out   []byte // plaintext in body[0] that was not read yet
	err   error
}

// A piece is the part of a verified body that lies in one chunk.
type piece struct {
	buf   *chunk
	n     int
	plain bool
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
	g, err := newGCM(key, iv, aad)
	if err != nil {
		return nil, err
	}
	return &GCMDecryptReader{s: scanner{src: source{r: src}, g: g}, limit: limit}, nil
}

// Read yields up to len(p) bytes of plaintext, all of it verified. The first
// call reads the source to its end. It returns [ErrDecrypt] if the tag is
// wrong or the stream too short to have one, [ErrBufferLimit] if the stream is
// longer than the limit, [ErrTooLarge] if it passes [GCMMaxSize], and the
// error of the source, wrapped. After any error it fails for ever.
func (r *GCMDecryptReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// WriteTo writes all that is left of the plaintext to dst, all of it verified.
func (r *GCMDecryptReader) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		if err := r.next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		r.err = sinkError(errUnfinished)
		if r.err = writeSink(dst, r.out); r.err != nil {
			return n, r.fail(r.err)
		}
		n += int64(len(r.out))
		r.out = nil
	}
}

// next makes sure that there is plaintext in out.
func (r *GCMDecryptReader) next() error {
	if r.err != nil || len(r.out) > 0 {
		return r.err
	}
	if !r.s.end {
		if err := r.load(); err != nil {
			return r.fail(err)
		}
	} else {
		r.drop()
	}
	for len(r.body) > 0 && r.body[0].n == 0 {
		r.drop()
	}
	if len(r.body) == 0 {
		return r.fail(io.EOF)
	}
	b := r.body[0]
	r.out = b.buf[:b.n]
	if !b.plain {
		r.s.g.ctr.XORKeyStream(r.out, r.out)
	}
	return nil
}

// load reads and verifies the whole stream.
func (r *GCMDecryptReader) load() error {
	src := &limited{r.s.src.r, r.limit}
	r.s.src.r = src
	for !r.s.end {
		buf := newChunk()
		r.body = append(r.body, piece{buf: buf})
		n, plain, err := r.s.next(buf[:])
		if src.left < 0 {
			return ErrBufferLimit
		}
		if err != nil {
			return err
		}
		b := &r.body[len(r.body)-1]
		b.n, b.plain = n, plain
	}
	return nil
}

// drop gives the first piece back.
func (r *GCMDecryptReader) drop() {
	r.body[0].buf.free()
	r.body = r.body[1:]
}

func (r *GCMDecryptReader) fail(err error) error {
	r.err = err
	r.s.g.wipe()
	for len(r.body) > 0 {
		r.drop()
	}
	r.out = nil
	return err
}

// limited passes at most left bytes on. The first byte too many makes left
// negative and ends the source.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if n > 0 && n <= len(p) {
		l.left -= int64(n)
	}
	return n, err
}
