// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A CTRRangeReader decrypts part of a GCM body, or of a CTR stream, starting at
// any byte.
//
// The plaintext is NOT authenticated: the tag of GCM covers the whole body and
// cannot be checked against a part, and CTR has none. Whoever can change the
// ciphertext can flip any bit of the plaintext unnoticed. Use it only where
// the caller has accepted that.
//
// A CTRRangeReader is not safe for concurrent use.
type CTRRangeReader struct {
	src  engine.Source
	ctr  cipher.Stream
	skip int   // bytes of src before the range, in its first block
	want int64 // size of the range
	left int64 // bytes of it that were not read yet
	err  error
}

// NewCTRRangeReader returns a reader of n bytes of plaintext from offset off
// on. src must deliver the bytes of the GCM body that [GCMCiphertextRange]
// names for off and n; nothing after them is read. The key has 16, 24 or 32
// bytes, the IV 12, and neither is retained. The error names the argument that
// is wrong, or wraps [ErrTooLarge] if the range passes [GCMMaxSize].
//
// It may be called concurrently.
func NewCTRRangeReader(src io.Reader, key, iv []byte, off, n int64) (*CTRRangeReader, error) {
	start, _, err := GCMCiphertextRange(off, n)
	if err != nil {
		return nil, err
	}
	block, err := newBlock(key, iv, GCMIVSize)
	if err != nil {
		return nil, err
	}
	return &CTRRangeReader{
		src:  engine.Source{R: src},
		ctr:  gcmCTR(block, iv, uint32(start/BlockSize)),
		skip: int(off - start),
		want: n,
		left: n,
	}, nil
}

// NewPlainCTRRangeReader is [NewCTRRangeReader] for a stream as [NewCTRReader]
// takes it: the IV, of 16 bytes, is the counter block of the start of the
// stream. src must deliver the bytes that [CTRCiphertextRange] names for off
// and n.
//
// It may be called concurrently.
func NewPlainCTRRangeReader(src io.Reader, key, iv []byte, off, n int64) (*CTRRangeReader, error) {
	start, _, err := CTRCiphertextRange(off, n)
	if err != nil {
		return nil, err
	}
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	return &CTRRangeReader{
		src:  engine.Source{R: src},
		ctr:  ctrFrom(block, [BlockSize]byte(iv), start),
		skip: int(off - start),
		want: n,
		left: n,
	}, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It returns [io.EOF] after
// exactly the n bytes of the range; a source that ends before that gives an
// error that wraps [io.ErrUnexpectedEOF], one that fails its own error,
// wrapped. After any error it fails for ever.
func (r *CTRRangeReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.left == 0 {
		r.err, r.ctr = io.EOF, nil
		return 0, r.err
	}
	ctr := r.ctr // a Read from inside the source fails, and lets go of it
	if r.skip > 0 {
		if err := r.discard(ctr); err != nil {
			return 0, r.fail(err)
		}
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.src.Read(p)
	if err != nil {
		return 0, r.fail(err)
	}
	ctr.XORKeyStream(p[:n], p[:n])
	if r.left -= int64(n); r.left == 0 {
		r.err, r.ctr = io.EOF, nil // who knows the size may not ask for more
	}
	return n, nil
}

// discard drops what lies between the start of the block and the range.
func (r *CTRRangeReader) discard(ctr cipher.Stream) error {
	var b [BlockSize]byte
	n, err := r.src.Fill(b[:r.skip])
	ctr.XORKeyStream(b[:n], b[:n])
	clear(b[:])
	r.skip -= n
	return err
}

func (r *CTRRangeReader) fail(err error) error {
	if err == io.EOF {
		err = earlyEnd(r.want, r.want-r.left)
	}
	r.err, r.ctr = err, nil
	return err
}

// A CTRReader decrypts, or encrypts, a stream with AES-CTR.
//
// The output is NOT authenticated: whoever can change the ciphertext can flip
// any bit of the plaintext, or cut it short, unnoticed. Use it only for
// formats that leave no choice.
//
// A CTRReader is not safe for concurrent use.
type CTRReader struct {
	src engine.Source
	ctr cipher.Stream
}

// NewCTRReader returns a reader of src XORed with the key stream that starts
// at the counter block iv, of 16 bytes, counting in all 128 bits of it. The
// key has 16, 24 or 32 bytes; neither is retained. The error names the
// argument with the wrong length.
//
// It may be called concurrently.
func NewCTRReader(src io.Reader, key, iv []byte) (*CTRReader, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	return &CTRReader{engine.Source{R: src}, cipher.NewCTR(block, iv)}, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It returns [io.EOF] when
// the source does, and its other errors wrapped. After any error it fails for
// ever.
func (r *CTRReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.src.Err()
	}
	ctr := r.ctr
	n, err := r.src.Read(p)
	if err != nil {
		r.ctr = nil // no byte comes with an error, nor after one
		return 0, err
	}
	ctr.XORKeyStream(p[:n], p[:n])
	return n, nil
}

// ctrFrom returns the key stream from offset off on of the one that starts at
// the counter block iv, counting in all 128 bits of it.
func ctrFrom(block cipher.Block, iv [BlockSize]byte, off int64) cipher.Stream {
	low, carry := bits.Add64(binary.BigEndian.Uint64(iv[8:]), uint64(off/BlockSize), 0)
	binary.BigEndian.PutUint64(iv[8:], low)
	binary.BigEndian.PutUint64(iv[:8], binary.BigEndian.Uint64(iv[:8])+carry)
	ctr := cipher.NewCTR(block, iv[:])
	var b [BlockSize]byte
	ctr.XORKeyStream(b[:off%BlockSize], b[:off%BlockSize])
	clear(b[:])
	return ctr
}
