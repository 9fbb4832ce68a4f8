// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"fmt"

	"github.com/s3seal/s3seal/stream"
)

// maxSealed is the size of a stream of MaxSize bytes of plaintext.
const maxSealed int64 = maxPackages * packageSize

// CiphertextSize returns the size in bytes of a stream with n bytes of
// plaintext. A negative n is an error, for 0 it is [ErrEmpty], and for one over
// [MaxSize] it wraps [stream.ErrTooLarge]. It may be called concurrently.
func CiphertextSize(n int64) (int64, error) {
	switch {
	case n < 0:
		return 0, sizeError("plaintext size", 1, n)
	case n == 0:
		return 0, ErrEmpty
	case n > MaxSize:
		return 0, tooLarge(n, MaxSize)
	}
	return n + packagesOf(n)*overhead, nil
}

// PlaintextSize returns the size in bytes of the plaintext of a stream of n
// bytes. That a stream has such a size proves nothing about it: only a
// [ReaderAt] has seen that its last package is genuine.
//
// An n that no whole stream has, because it is too small or ends within a header
// or tag, is an error; one over the size of a stream of [MaxSize] wraps
// [stream.ErrTooLarge]. It may be called concurrently.
func PlaintextSize(n int64) (int64, error) {
	if n <= overhead {
		return 0, sizeError("ciphertext size", overhead+1, n)
	}
	if n > maxSealed {
		return 0, tooLarge(n, maxSealed)
	}
	full, last := n/packageSize, n%packageSize
	if last == 0 {
		return full * PayloadSize, nil
	}
	if last <= overhead {
		return 0, fmt.Errorf("dare: ciphertext size: %d bytes do not end in a package", n)
	}
	return full*PayloadSize + last - overhead, nil
}

// CiphertextRange returns which part of a stream of size bytes holds the n
// bytes of plaintext from offset off on: cn bytes from coff on, which are whole
// packages. If n is 0, so is cn. That the range is one of a whole stream is
// certain only if size is authentic; a [ReaderAt] sees to that.
//
// A size that [PlaintextSize] refuses is refused here, and a range that is not
// within the plaintext is an error. It may be called concurrently.
func CiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	plain, err := PlaintextSize(size)
	if err != nil {
		return 0, 0, err
	}
	if off < 0 || n < 0 || off > plain || n > plain-off {
		return 0, 0, fmt.Errorf("dare: range: want it within %d bytes, got %d from %d on", plain, n, off)
	}
	coff = off / PayloadSize * packageSize
	if n == 0 {
		return coff, 0, nil
	}
	end := min(packagesOf(off+n)*packageSize, size)
	return coff, end - coff, nil
}

// packagesOf returns how many packages n bytes of plaintext make, n > 0.
func packagesOf(n int64) int64 { return (n-1)/PayloadSize + 1 }

func sizeError(what string, want, got int64) error {
	return fmt.Errorf("dare: %s: want at least %d, got %d", what, want, got)
}

func tooLarge(got, limit int64) error {
	return fmt.Errorf("%w: %d bytes, limit %d", stream.ErrTooLarge, got, limit)
}
