// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"errors"
	"io"
)

// pieceAt is how much ciphertext one read of an io.ReaderAt is for, which may
// be a request to a server. Larger ranges take several, in order, so that
// memory does not grow with the range.
const pieceAt = 1 << 20

// A CBCReaderAt decrypts an AES-CBC stream with PKCS #7 padding at any offset.
//
// The plaintext is NOT authenticated: CBC has nothing to check. The padding is
// checked whenever the last block is touched, in constant time; what
// [CBCDecryptReader] says of those who can submit ciphertexts and learn whether
// they were rejected holds here as well.
//
// ReadAt and Size may be called concurrently, as far as the source allows.
type CBCReaderAt struct {
	src   io.ReaderAt
	size  int64 // of the ciphertext
	block cipher.Block
	iv    [BlockSize]byte
}

var _ io.ReaderAt = (*CBCReaderAt)(nil)

// NewCBCReaderAt returns a reader of the plaintext of src, which holds size
// bytes of ciphertext. The key has 16, 24 or 32 bytes, the IV 16; neither is
// retained. The error names the argument that is wrong, or is [ErrDecrypt] for
// a size of 0 or of no whole number of blocks. Nothing is read from src yet.
//
// It may be called concurrently.
func NewCBCReaderAt(src io.ReaderAt, size int64, key, iv []byte) (*CBCReaderAt, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	if err := checkCBCSize(size); err != nil {
		return nil, err
	}
	return &CBCReaderAt{src, size, block, [BlockSize]byte(iv)}, nil
}

// ReadAt decrypts len(p) bytes from offset off on, unauthenticated, as
// [io.ReaderAt] has it: fewer only with an error, which is [io.EOF] at the end
// of the plaintext and nowhere else. A range that reaches the last block, or
// lies behind it, is [ErrDecrypt] if the padding is not proper. A source that
// ends before its size gives an error that wraps [io.ErrUnexpectedEOF], one
// that fails its own error, wrapped. A negative offset is an error. No error
// lasts: the next call tries again.
//
// It reads whole blocks and the one before them from the source, up to 1 MiB in
// one go, into memory of its own.
func (r *CBCReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := checkOffset(off); err != nil || len(p) == 0 {
		return 0, err
	}
	if off >= r.size {
		if _, err := r.Size(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	n, err := r.read(p, off)
	if errors.Is(err, ErrRange) {
		err = io.EOF
	}
	return n, err
}

// read reads the part of the plaintext that is at most p long, and is not empty.
func (r *CBCReaderAt) read(p []byte, off int64) (n int, err error) {
	want := int64(len(p))
	coff, cn, err := CBCCiphertextRange(off, want, r.size)
	if err != nil {
		return 0, err
	}
	part, err := newCBCRange(io.NewSectionReader(r.src, coff, cn), r.block, r.iv[:], off, want, r.size)
	if err != nil {
		return 0, err
	}
	part.piece = pieceAt
	for n < len(p) && err == nil {
		var m int
		m, err = part.Read(p[n:])
		n += m
	}
	return n, err
}

// Size returns the size of the plaintext in bytes, unauthenticated. Only the
// last block tells, which every call reads, together with the one before. The
// errors are those of ReadAt for that range.
func (r *CBCReaderAt) Size() (int64, error) {
	var b [BlockSize]byte
	defer clear(b[:])
	n, err := r.read(b[:], r.size-BlockSize)
	if err != nil && err != io.EOF && !errors.Is(err, ErrRange) {
		return 0, err
	}
	return r.size - BlockSize + int64(n), nil
}
