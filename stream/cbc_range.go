// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A CBCRangeReader decrypts part of an AES-CBC stream with PKCS #7 padding.
//
// The plaintext is NOT authenticated: CBC has nothing to check, neither for a
// part nor for the whole. The padding is checked if the range reaches the last
// block, in constant time; what [CBCDecryptReader] says of those who can
// submit ciphertexts and learn whether they were rejected holds here as well.
//
// A CBCRangeReader is not safe for concurrent use.
type CBCRangeReader struct {
	src   engine.Source
	block cipher.Block
	mode  cipher.BlockMode // nil until the block before the range was read
	cn    int64            // bytes of src that the range takes
	read  int64            // of these, read so far
	skip  int              // bytes of plaintext before the range, in its first block
	want  int64            // size of the range, the end of the plaintext aside
	left  int64            // bytes of it that were not decrypted yet
	end   bool             // the range reaches the last block of the stream
	piece int64            // bytes of src to read in one go
	buf   []byte
	out   []byte // plaintext in buf that was not read yet
	err   error
}

// NewCBCRangeReader returns a reader of n bytes of plaintext from offset off
// on, or as many as there are before the end. size is that of the whole
// ciphertext, which the caller vouches for: it says which block is the last.
// src must deliver the bytes that [CBCCiphertextRange] names for the same off,
// n and size; nothing after them is read. The key has 16, 24 or 32 bytes, the
// IV, that of the whole stream, 16; neither is retained. The error names the
// argument that is wrong, or is that of CBCCiphertextRange.
//
// It may be called concurrently.
func NewCBCRangeReader(src io.Reader, key, iv []byte, off, n, size int64) (*CBCRangeReader, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	return newCBCRange(src, block, iv, off, n, size)
}

func newCBCRange(src io.Reader, block cipher.Block, iv []byte, off, n, size int64) (*CBCRangeReader, error) {
	coff, cn, err := CBCCiphertextRange(off, n, size)
	if err != nil {
		return nil, err
	}
	r := &CBCRangeReader{
		src:   engine.Source{R: src},
		block: block,
		cn:    cn,
		skip:  int(off % BlockSize),
		want:  n,
		left:  n,
		end:   coff+cn == size,
		piece: engine.ChunkSize,
	}
	if off < BlockSize {
		r.mode = cipher.NewCBCDecrypter(block, iv)
	}
	return r, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It reads up to 128 KiB
// from the source, or all there is, before it yields any of it. It returns
// [io.EOF] at the end of the range or of the plaintext. If the range reaches
// the last block, what shares a piece with that block leaves only if the
// padding is proper, else the error is [ErrDecrypt]; and if the range turns
// out to start at or past the end of the plaintext, it wraps [ErrRange]. A
// source that ends early gives an error that wraps [io.ErrUnexpectedEOF], one
// that fails its own error, wrapped. After any error it fails for ever.
func (r *CBCRangeReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if len(r.out) == 0 {
		if err := r.more(); err != nil {
			return 0, r.fail(err)
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	if len(r.out) == 0 && r.read == r.cn {
		r.fail(io.EOF) // whoever knows the size may never come back for it
	}
	return n, nil
}

// more decrypts the next piece, and returns io.EOF if there is nothing left.
func (r *CBCRangeReader) more() error {
	if r.read == r.cn {
		return io.EOF
	}
	in, err := r.fetch()
	if err != nil {
		return err
	}
	if r.mode == nil {
		r.mode = cipher.NewCBCDecrypter(r.block, in[:BlockSize])
		in = in[BlockSize:]
	}
	r.mode.CryptBlocks(in, in)
	return r.use(in)
}

// fetch reads the next piece, the block before the range included, so that a
// source for which every read is a request is asked once for a short range.
func (r *CBCRangeReader) fetch() ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, min(r.piece, r.cn))
	}
	in := r.buf[:min(int64(len(r.buf)), r.cn-r.read)]
	n, err := r.src.Fill(in)
	r.read += int64(n)
	if r.err != nil {
		return nil, r.err // by a Read from inside the source, which has let go of the key
	}
	if err == io.EOF {
		err = earlyEnd(r.cn, r.read)
	}
	return in, err
}

// use makes plain, the next piece, the output as far as it is in the range.
func (r *CBCRangeReader) use(plain []byte) error {
	if r.end && r.read == r.cn {
		n, err := unpad(plain)
		if err != nil {
			return err
		}
		if r.left == r.want && n <= r.skip {
			return fmt.Errorf("%w: only the padding is there", ErrRange)
		}
		plain = plain[:n]
	}
	r.out = plain[r.skip:]
	r.out = r.out[:min(int64(len(r.out)), r.left)]
	r.left -= int64(len(r.out))
	r.skip = 0
	if len(r.out) == 0 {
		return io.EOF // the last block is nothing but padding
	}
	return nil
}

// fail ends the stream: every later call returns err.
func (r *CBCRangeReader) fail(err error) error {
	r.err = err
	r.mode, r.block = nil, nil
	clear(r.buf)
	r.buf, r.out = nil, nil
	return err
}

// earlyEnd is the error for a source that has n bytes of the want that a range
// takes.
func earlyEnd(want, n int64) error {
	return fmt.Errorf("stream: range: want %d bytes, got %d: %w", want, n, io.ErrUnexpectedEOF)
}
