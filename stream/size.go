// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math"
)

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

// GCMCiphertextRange returns which part of a GCM body a [CTRRangeReader] needs
// for n bytes of plaintext from offset off on: cn bytes from coff on, where
// coff is off rounded down to a block, and coff+cn is off+n. It never covers
// the tag if off+n is not more than the size of the plaintext. If n is 0, so
// is cn. A negative argument is an error, and a range that passes
// [GCMMaxSize] wraps [ErrTooLarge]. It may be called concurrently.
func GCMCiphertextRange(off, n int64) (coff, cn int64, err error) {
	if off < 0 {
		return 0, 0, sizeError("range offset", 0, off)
	}
	if n < 0 {
		return 0, 0, sizeError("range length", 0, n)
	}
	if off > GCMMaxSize || n > GCMMaxSize-off {
		return 0, 0, fmt.Errorf("%w: %d bytes from %d on, limit %d", ErrTooLarge, n, off, GCMMaxSize)
	}
	coff = off - off%BlockSize
	if n == 0 {
		return coff, 0, nil
	}
	return coff, off + n - coff, nil
}

func sizeError(what string, want, got int64) error {
	return fmt.Errorf("stream: %s: want at least %d, got %d", what, want, got)
}
