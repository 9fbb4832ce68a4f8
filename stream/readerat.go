// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A GCMUnauthenticatedReaderAt decrypts a GCM stream, ciphertext || tag, at any
// offset.
//
// The plaintext is NOT authenticated, not ever: the tag covers the whole stream
// and is not looked at. Whoever can change the ciphertext can flip any bit of
// the plaintext unnoticed, and nothing vouches for the size either. Use it only
// where the caller has accepted that; [VerifyGCM] first helps only if the
// source cannot change in between.
//
// ReadAt may be called concurrently, as far as the source allows.
type GCMUnauthenticatedReaderAt struct{ r ctrAt }

var _ io.ReaderAt = (*GCMUnauthenticatedReaderAt)(nil)

// NewGCMUnauthenticatedReaderAt returns a reader of the plaintext of src, which
// holds size bytes of ciphertext with its tag. The key has 16, 24 or 32 bytes,
// the IV 12; neither is retained. The error names the argument that is wrong,
// is [ErrDecrypt] if the size is too small for a tag, or wraps [ErrTooLarge] if
// it is too large for GCM. Nothing is read from src yet.
//
// It may be called concurrently.
func NewGCMUnauthenticatedReaderAt(src io.ReaderAt, size int64, key, iv []byte) (*GCMUnauthenticatedReaderAt, error) {
	block, err := newBlock(key, iv, GCMIVSize)
	if err != nil {
		return nil, err
	}
	if size >= 0 && size < GCMTagSize {
		return nil, ErrDecrypt
	}
	n, err := GCMPlaintextSize(size)
	if err != nil {
		return nil, err
	}
	r := &GCMUnauthenticatedReaderAt{ctrAt{src: src, size: n, block: block}}
	copy(r.r.iv[:], iv)
	// Counter 1 masks the tag. The sum never leaves the low 32 bits in which
	// GCM counts: GCMMaxSize is less than that many blocks.
	binary.BigEndian.PutUint32(r.r.iv[GCMIVSize:], 2)
	return r, nil
}

// ReadAt decrypts len(p) bytes from offset off on, unauthenticated, as
// [io.ReaderAt] has it: fewer only with an error, which is [io.EOF] at the end
// of the plaintext and nowhere else. A source that ends before its size gives
// an error that wraps [io.ErrUnexpectedEOF], one that fails its own error,
// wrapped. A negative offset is an error. No error lasts: the next call tries
// again. It takes one read of the source, of no more than the range.
func (r *GCMUnauthenticatedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	return r.r.readAt(p, off)
}

// Size returns the size of the plaintext in bytes, unauthenticated. It may be
// called concurrently.
func (r *GCMUnauthenticatedReaderAt) Size() int64 { return r.r.size }

// A CTRReaderAt decrypts a stream with AES-CTR at any offset.
//
// The output is NOT authenticated: see [CTRReader].
//
// ReadAt may be called concurrently, as far as the source allows.
type CTRReaderAt struct{ r ctrAt }

var _ io.ReaderAt = (*CTRReaderAt)(nil)

// NewCTRReaderAt returns a reader of src, which holds size bytes, XORed with
// the key stream of [NewCTRReader]. It is not for GCM streams: that is
// [NewGCMUnauthenticatedReaderAt]. The key has 16, 24 or 32 bytes, the IV 16;
// neither is retained. The error names the argument that is wrong. Nothing is
// read from src yet.
//
// It may be called concurrently.
func NewCTRReaderAt(src io.ReaderAt, size int64, key, iv []byte) (*CTRReaderAt, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, sizeError("ciphertext size", 0, size)
	}
	return &CTRReaderAt{ctrAt{src: src, size: size, block: block, iv: [BlockSize]byte(iv)}}, nil
}

// ReadAt decrypts len(p) bytes from offset off on, unauthenticated, with the
// errors and the one read of [GCMUnauthenticatedReaderAt.ReadAt].
func (r *CTRReaderAt) ReadAt(p []byte, off int64) (int, error) { return r.r.readAt(p, off) }

// Size returns the size of the plaintext in bytes, which is that of the
// ciphertext. It may be called concurrently.
func (r *CTRReaderAt) Size() int64 { return r.r.size }

// A ctrAt is the part of an io.ReaderAt that lies in [0, size), decrypted.
type ctrAt struct {
	src   io.ReaderAt
	size  int64
	block cipher.Block
	iv    [BlockSize]byte // counter block of the first block of src
}

func (r *ctrAt) readAt(p []byte, off int64) (int, error) {
	if err := checkOffset(off); err != nil || len(p) == 0 {
		return 0, err
	}
	if off >= r.size {
		return 0, io.EOF
	}
	in := p[:min(int64(len(p)), r.size-off)]
	src := sectionOf(r.src, off, int64(len(in)))
	n, err := src.Fill(in)
	ctrFrom(r.block, r.iv, off).XORKeyStream(in[:n], in[:n])
	switch {
	case err == io.EOF:
		return n, earlyEnd(int64(len(in)), int64(n))
	case err == nil && n < len(p):
		return n, io.EOF
	}
	return n, err
}

// sectionOf returns n bytes of src from off on, held to the contract of a
// source: a count that cannot be, and an error without a name of its own, are
// dealt with there.
func sectionOf(src io.ReaderAt, off, n int64) engine.Source {
	return engine.Source{R: io.NewSectionReader(src, off, n)}
}

func checkOffset(off int64) error {
	if off < 0 {
		return fmt.Errorf("stream: read at offset %d: want 0 or more", off)
	}
	return nil
}
