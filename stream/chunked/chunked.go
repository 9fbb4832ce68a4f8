// SPDX-License-Identifier: Apache-2.0

// Package chunked encrypts streams of up to 4 PiB of which any part can be
// read, and every part that is read is authentic.
//
// It implements C2SP chunked encryption (c2sp.org/chunked-encryption) with
// AES-256-GCM and SHA-512, which that specification calls Cobblestone-256. An
// AES-GCM object of package stream has one tag at its end: who reads a range
// of it reads without proof, and after 64 GiB it is full. Here every 16 KiB
// have a tag of their own.
//
// # The bytes
//
//	offset   0        24           56                   56+16400
//	         salt     commitment   chunk 0         tag  chunk 1         tag  …  last chunk    tag
//	size     24       32           16384            16  16384            16     0 to 16383     16
//
// The key of the caller, the input key, encrypts nothing itself. With the salt,
// which is random for every stream, and the context it is expanded to
//
//	key(32) || base nonce(12) || commitment(32) = HKDF-Expand-SHA-512(input key,
//	    "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" || 00 || salt || context)
//
// and chunk k, counted from 0, is sealed by AES-256-GCM under that key, with
// the nonce base nonce XOR k and no additional data. So byte i of the plaintext
// is in chunk i/16384, and chunk k begins at byte 56 + k·16400.
//
// The last chunk is always shorter than the others, and empty if nothing is
// left for it. This is what marks the end: a stream that is cut at the border
// of a chunk ends in one of full length, or in none, and is rejected.
//
// # Which type
//
//   - Encrypt what is written: [EncryptWriter].
//   - Encrypt what is read, for uploads: [EncryptReader].
//   - Decrypt from the front: [DecryptReader].
//   - Decrypt at any offset, from any number of goroutines: [ReaderAt].
//
// # What is authenticated, and when
//
// The commitment is checked, in constant time, before anything is decrypted: it
// ties the stream to one input key and one context, so that nobody, not even
// one of several people who hold the key, can make a stream that is one thing
// to one reader and another to the next. Then each chunk is: it is released
// only if it was sealed for this stream and at this place in it, so that
// altered, moved, doubled, dropped and foreign chunks are rejected.
//
// A [DecryptReader] yields verified bytes only, but that they are all is known
// no earlier than [io.EOF]. A [ReaderAt] has verified the last chunk, and with
// it the length, before it returns a single byte; other chunks it verifies as
// they are read, so that damage elsewhere is found by who reads there.
//
// What is not authenticated is that this stream is the newest, or lies where it
// was put: a whole stream can be replaced by another one under the same input
// key and context. Name the place in the context if that matters. The context
// is not stored, and not secret; who decrypts must know it.
//
// # Limits
//
// A stream has at most 2^38 chunks, thus at most [MaxSize] bytes of plaintext.
// An input key may be used again: with random salts 2^80 streams under one key
// stay safe. It must be uniformly random, as from crypto/rand or a KDF; a
// password is none. The size of the plaintext can be told from that of the
// stream.
//
// # What all types share
//
// Errors are those of package stream and behave as they do there: sticky (but
// for [ReaderAt], which has no state), and those of sources and sinks come back
// wrapped. An encrypting writer finishes its stream only in Close. Neither Close
// nor the end of a stream closes the source or sink. The decrypting reader
// implements [io.WriterTo] and the writer [io.ReaderFrom]; the encrypting reader
// offers Read alone.
//
// If the program runs with GODEBUG=fips140=only every constructor returns
// [stream.ErrFIPS]. The scheme can be approved, but the AES-GCM that the standard
// library then offers seals under random nonces of its own only, and what could
// not be written is not read either.
//
// # What was rejected
//
// Chunks of another size, and the other ciphers and hashes of the specification:
// each would be a format of its own that every reader must have. A salt of the
// caller: two streams under one salt share their nonces. A [ReaderAt] that decrypts
// into the memory of the caller, who would find a part of it overwritten where a
// chunk was altered.
package chunked

import (
	"crypto/fips140"
	"fmt"

	"github.com/s3seal/s3seal/stream"
)

const (
	// KeySize is the size of an input key in bytes.
	KeySize = 32

	// ChunkSize is how many bytes of plaintext each chunk holds but the last,
	// which holds fewer.
	ChunkSize = 16 << 10

	// MaxSize is the largest plaintext of a stream in bytes, inclusive: one
	// byte less than 4 PiB, because the last of 2^38 chunks is not full.
	MaxSize int64 = maxChunks*ChunkSize - 1
)

const (
	saltSize       = 24
	commitmentSize = 32
	headerSize     = saltSize + commitmentSize
	nonceSize      = 12
	tagSize        = 16
	sealedSize     = ChunkSize + tagSize

	maxChunks = 1 << 38
)

// check refuses keys of the wrong size, and everything where AES-GCM is not to
// be had.
func check(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("chunked: key: want %d bytes, got %d", KeySize, len(key))
	}
	if fips140.Enforced() {
		return stream.ErrFIPS
	}
	return nil
}
