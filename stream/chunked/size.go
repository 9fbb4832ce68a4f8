// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"fmt"

	"github.com/s3seal/s3seal/stream"
)

// maxSealed is the size of a stream of MaxSize bytes of plaintext.
const maxSealed int64 = headerSize + maxChunks*sealedSize - 1

// CiphertextSize returns the size in bytes of a stream with n bytes of
// plaintext. A negative n is an error, and one over [MaxSize] wraps
// [stream.ErrTooLarge]. It may be called concurrently.
func CiphertextSize(n int64) (int64, error) {
	if n < 0 {
		return 0, sizeError("plaintext size", 0, n)
	}
	if n > MaxSize {
		return 0, tooLarge(n, MaxSize)
	}
	return headerSize + n + chunks(n)*tagSize, nil
}

// PlaintextSize returns the size in bytes of the plaintext of a stream of n
// bytes. That a stream has such a size proves nothing about it: only a
// [ReaderAt] has seen that its last chunk is genuine.
//
// An n that no whole stream has, because it is too small or ends in a full
// chunk or within a tag, is an error; one over the size of a stream of
// [MaxSize] wraps [stream.ErrTooLarge]. It may be called concurrently.
func PlaintextSize(n int64) (int64, error) {
	if n < headerSize+tagSize {
		return 0, sizeError("ciphertext size", headerSize+tagSize, n)
	}
	if n > maxSealed {
		return 0, tooLarge(n, maxSealed)
	}
	full, last := (n-headerSize)/sealedSize, (n-headerSize)%sealedSize
	if last < tagSize {
		return 0, fmt.Errorf("chunked: ciphertext size: %d bytes do not end in a short chunk", n)
	}
	return full*ChunkSize + last - tagSize, nil
}

// CiphertextRange returns which part of a stream of size bytes holds the n
// bytes of plaintext from offset off on: cn bytes from coff on, which are whole
// chunks. If n is 0, so is cn. To decrypt them takes the first 56 bytes of the
// stream as well, and size says where the plaintext ends only if it is
// authentic: a [ReaderAt] sees to both.
//
// A size that [PlaintextSize] refuses is refused here, and a range that is not
// within the plaintext is an error. It may be called concurrently.
func CiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	plain, err := PlaintextSize(size)
	if err != nil {
		return 0, 0, err
	}
	if off < 0 || n < 0 || off > plain || n > plain-off {
		return 0, 0, fmt.Errorf("chunked: range: want it within %d bytes, got %d from %d on", plain, n, off)
	}
	coff = offset(off / ChunkSize)
	if n == 0 {
		return coff, 0, nil
	}
	end := min(offset((off+n-1)/ChunkSize+1), size)
	return coff, end - coff, nil
}

// chunks returns how many chunks n bytes of plaintext make: the last is there
// even if it is empty.
func chunks(n int64) int64 { return n/ChunkSize + 1 }

// offset returns where chunk k begins.
func offset(k int64) int64 { return headerSize + k*sealedSize }

func sizeError(what string, want, got int64) error {
	return fmt.Errorf("chunked: %s: want at least %d, got %d", what, want, got)
}

func tooLarge(got, limit int64) error {
	return fmt.Errorf("%w: %d bytes, limit %d", stream.ErrTooLarge, got, limit)
}
