// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"math"
)

// ErrRange says that a range starts at or past the end of the plaintext. In
// CBC only the last block tells where that is.
var ErrRange = errors.New("stream: range starts past the end")

// CBCCiphertextSize returns the size in bytes of a CBC stream with n bytes of
// plaintext: padding fills the last block or adds a whole one. A negative n
// and one whose result would overflow are errors; the latter wraps
// [ErrTooLarge]. It may be called concurrently.
func CBCCiphertextSize(n int64) (int64, error) {
	if n < 0 {
		return 0, sizeError("plaintext size", 0, n)
	}
	if n > math.MaxInt64-BlockSize {
		return 0, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	return n - n%BlockSize + BlockSize, nil
}

// GCMCiphertextSize returns the size in bytes of a GCM stream, with its tag,
// of n bytes of plaintext. A negative n is an error, and one over
// [GCMMaxSize] wraps [ErrTooLarge]. It may be called concurrently.
func GCMCiphertextSize(n int64) (int64, error) {
	if n < 0 {
		return 0, sizeError("plaintext size", 0, n)
	}
	if n > GCMMaxSize {
		return 0, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, n, GCMMaxSize)
	}
	return n + GCMTagSize, nil
}

// GCMPlaintextSize returns the size in bytes of the plaintext of a GCM stream
// of n bytes with its tag. An n that is too small to hold a tag is an error,
// and one whose plaintext is over [GCMMaxSize] wraps [ErrTooLarge]. It may be
// called concurrently.
func GCMPlaintextSize(n int64) (int64, error) {
	if n < GCMTagSize {
		return 0, sizeError("ciphertext size", GCMTagSize, n)
	}
	n -= GCMTagSize
	if n > GCMMaxSize {
		return 0, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, n, GCMMaxSize)
	}
	return n, nil
}

// CBCCiphertextRange returns which part of a CBC stream a [CBCRangeReader]
// needs for n bytes of plaintext from offset off on: cn bytes from coff on,
// whole blocks. The block before the range is among them, which decrypts the
// first one. size is that of the whole ciphertext; a range that passes it is
// clipped. If n is 0, so is cn.
//
// A negative argument is an error. A size that no CBC stream has, 0 or not
// whole blocks, is [ErrDecrypt], and an offset that cannot be within the
// plaintext wraps [ErrRange]; one in the last block may still turn out to be
// past the end when that is decrypted. It may be called concurrently.
func CBCCiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	if err := checkRange(off, n); err != nil {
		return 0, 0, err
	}
	if err := checkCBCSize(size); err != nil {
		return 0, 0, err
	}
	coff = max(0, off-off%BlockSize-BlockSize)
	if n == 0 {
		return min(coff, size), 0, nil
	}
	if off >= size {
		return 0, 0, fmt.Errorf("%w: offset %d, ciphertext of %d bytes", ErrRange, off, size)
	}
	end := size
	if n <= size-BlockSize-off { // the last block is not needed
		end = off + n + (BlockSize-(off+n)%BlockSize)%BlockSize
	}
	return coff, end - coff, nil
}

// CTRCiphertextRange returns which part of a CTR stream [NewPlainCTRRangeReader]
// needs for n bytes of plaintext from offset off on: cn bytes from coff on,
// where coff is off rounded down to a block, and coff+cn is off+n. If n is 0,
// so is cn. A negative argument is an error, and a range whose end would
// overflow wraps [ErrTooLarge]. It may be called concurrently.
func CTRCiphertextRange(off, n int64) (coff, cn int64, err error) {
	return ctrRange(off, n, math.MaxInt64)
}

// GCMCiphertextRange returns which part of a GCM body a [CTRRangeReader] needs
// for n bytes of plaintext from offset off on: cn bytes from coff on, where
// coff is off rounded down to a block, and coff+cn is off+n. It never covers
// the tag if off+n is not more than the size of the plaintext. If n is 0, so
// is cn. A negative argument is an error, and a range that passes
// [GCMMaxSize] wraps [ErrTooLarge]. It may be called concurrently.
func GCMCiphertextRange(off, n int64) (coff, cn int64, err error) {
	return ctrRange(off, n, GCMMaxSize)
}

// ctrRange is for streams of up to limit bytes.
func ctrRange(off, n, limit int64) (coff, cn int64, err error) {
	if err := checkRange(off, n); err != nil {
		return 0, 0, err
	}
	if off > limit || n > limit-off {
		return 0, 0, fmt.Errorf("%w: %d bytes from %d on, limit %d", ErrTooLarge, n, off, limit)
	}
	coff = off - off%BlockSize
	if n == 0 {
		return coff, 0, nil
	}
	return coff, off + n - coff, nil
}

func checkRange(off, n int64) error {
	if off < 0 {
		return sizeError("range offset", 0, off)
	}
	if n < 0 {
		return sizeError("range length", 0, n)
	}
	return nil
}

// checkCBCSize checks the size of a whole ciphertext.
func checkCBCSize(size int64) error {
	if size < 0 {
		return sizeError("ciphertext size", 0, size)
	}
	if size == 0 || size%BlockSize != 0 {
		return ErrDecrypt
	}
	return nil
}

func sizeError(what string, want, got int64) error {
	return fmt.Errorf("stream: %s: want at least %d, got %d", what, want, got)
}
