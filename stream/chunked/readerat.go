// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"io"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// maxRead is the most chunks that are read from a source in one go: 1 MiB.
const maxRead = 64

// A ReaderAt decrypts a stream at any offset. Every byte that it returns was
// verified in that call, and so was, when it was made, the size of the stream.
//
// What it did not return it may not have verified: a stream that is damaged in
// one place can be read in others. It keeps no plaintext and caches nothing,
// so a source whose content changes later is noticed wherever it is read.
//
// ReadAt and Size may be called concurrently.
type ReaderAt struct {
	src   io.ReaderAt
	keys  schedule
	size  int64 // of the plaintext
	total int64 // of the stream
}

var _ io.ReaderAt = (*ReaderAt)(nil)

// NewReaderAt returns a ReaderAt of the stream of size bytes, not counted in
// plaintext, in src. The key has [KeySize] bytes; context is what the stream was
// encrypted with. Neither is retained.
//
// It reads the header and the last chunk, and checks both: that the stream was
// made with this key and context, and that it ends where size says. If not, or
// if no stream has this size, the error is [stream.ErrDecrypt]. Other errors are
// [stream.ErrFIPS], the error of the source, wrapped, one that wraps
// [stream.ErrTooLarge], or one that names the argument that is wrong.
//
// It may be called concurrently.
func NewReaderAt(src io.ReaderAt, size int64, key, context []byte) (*ReaderAt, error) {
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
	r := &ReaderAt{src: src, size: plain, total: size}
	if err := r.verifyEnds(key, context); err != nil {
		return nil, err
	}
	return r, nil
}

// verifyEnds checks the header and the last chunk, which in a stream of one
// chunk are read together.
func (r *ReaderAt) verifyEnds(key, context []byte) error {
	last := r.size / ChunkSize
	b := newScratch()
	tail := b.in[headerSize : headerSize+r.total-offset(last)]
	var err error
	if last == 0 {
		err = engine.ReadAt(r.src, b.in[:r.total], 0)
	} else if err = engine.ReadAt(r.src, b.in[:headerSize], 0); err == nil {
		err = engine.ReadAt(r.src, tail, offset(last))
	}
	if err == nil {
		r.keys, err = unlock(key, b.in[:headerSize], context)
	}
	if err == nil {
		if _, ok := r.keys.openChunk(b.out[:0], tail, last, &b.nonce); !ok {
			err = stream.ErrDecrypt
		}
	}
	b.free()
	return err
}

// Size returns the size of the plaintext in bytes, which is authentic.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt reads len(p) bytes of plaintext from offset off on, all of them
// verified. If there are fewer, it returns them and [io.EOF]. It reads from the
// source the chunks that hold them and nothing else, up to 64 at a time, in as
// few calls as that takes, one after the other.
//
// The error is [stream.ErrDecrypt] if a chunk was altered; that of the source
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
	b := newScratch()
	for n < len(p) && err == nil {
		var m int
		m, err = r.readRun(p[n:], off+int64(n), b)
		n += m
	}
	b.free()
	return n, err
}

// readRun reads the first bytes of p, which does not pass the end.
func (r *ReaderAt) readRun(p []byte, off int64, b *scratch) (n int, err error) {
	k := off / ChunkSize
	end := min((off+int64(len(p))-1)/ChunkSize+1, k+maxRead)
	src := b.sized(min(offset(end), r.total) - offset(k))
	if err := engine.ReadAt(r.src, src, offset(k)); err != nil {
		return 0, err
	}
	for skip := off % ChunkSize; k < end; k, skip = k+1, 0 {
		m := min(len(src), sealedSize)
		out, ok := r.keys.openChunk(b.out[:0], src[:m], k, &b.nonce)
		if !ok {
			return n, stream.ErrDecrypt
		}
		n += copy(p[n:], out[skip:])
		src = src[m:]
	}
	return n, nil
}
