// SPDX-License-Identifier: Apache-2.0

// Package stream encrypts and decrypts with AES in CBC, GCM and CTR mode as
// plain [io.Reader] and [io.Writer] values, in constant memory.
//
// It is the raw-key layer: it knows keys and IVs, never metadata or storage,
// and whoever calls it must make sure that a pair of key and IV encrypts one
// stream only. Its output is byte for byte what the one-shot functions of
// crypto/cipher produce, however reads and writes are split.
//
// # Which type
//
//   - Encrypt what is written: [GCMEncryptWriter], [CBCEncryptWriter].
//   - Encrypt what is read, for uploads: [GCMEncryptReader], [CBCEncryptReader].
//   - Decrypt what fits in memory, verified: [GCMDecryptReader].
//   - Decrypt any size, verified at the end: [GCMUnverifiedReader].
//   - Decrypt any size, verified before it is released, where the source can be
//     read twice: [ScanGCM].
//   - Verify without decrypting: [VerifyGCM].
//   - Encrypt in parts, for uploads that are parallel or go on after an
//     interruption: [Parts]. Decrypt in parts: [GCMUnverifiedParts].
//   - Decrypt part of a GCM body, unverified: [CTRRangeReader].
//   - Decrypt the formats that cannot be verified: [CBCDecryptReader], [CTRReader],
//     and parts of them: [CBCRangeReader], [NewPlainCTRRangeReader].
//   - Decrypt at any offset, unverified: [GCMUnauthenticatedReaderAt],
//     [CBCReaderAt], [CTRReaderAt].
//
// # The bytes
//
// None of the modes writes a header: key and IV are kept elsewhere. Of n bytes of
// plaintext they make
//
//	GCM   offset   0                   n             n+16
//	               ciphertext          tag
//	      size     n                   16
//
//	CBC   offset   0                                 16·(n/16+1)
//	               ciphertext of plaintext || padding
//	      size     n and 1 to 16
//
//	CTR   offset   0                   n
//	               ciphertext
//	      size     n
//
// where the padding is that of PKCS #7 (RFC 5652, section 6.3). What a block of 16
// bytes is XORed with is the AES encryption of
//
//	GCM   IV (12) || counter (4, big endian)   block 0 has counter 2; 1 is for the tag
//	CTR   IV (16) as a number, big endian      block k has IV + k, modulo 2^128
//
// so that the byte at offset i is found without those before it. In CBC block k is
// encrypted after it was XORed with block k-1 of the ciphertext, and the first one
// with the IV: 16 bytes in front of a part are enough to decrypt it.
//
// Sources: NIST SP 800-38D (GCM), SP 800-38A (CBC, CTR).
//
// What [Parts] remember of a part leaves them as
//
//	offset   0         1       13                                      62    78
//	         version   nonce   AES-256-GCM(kind, off, n, sum, last)    tag
//	size     1 = 01h   12      1, 8, 8, 16, 16                         16
//
// under a key that is derived from key and IV of the object.
//
// # What is authenticated
//
// Only GCM is, and only once the tag has been checked: [GCMDecryptReader]
// releases nothing before that, nor does [GCMVerifiedReader], which a scan
// precedes; [GCMUnverifiedReader] releases plaintext that
// counts as authentic only after [io.EOF]. CBC and CTR streams can be altered
// without notice, and so can whatever is read of a GCM stream in part.
//
// # What all types share
//
// Errors are sticky: after the first one, every later call returns it again.
// (Those that read at an offset have no such state: every call is the first.)
// Errors of a source or sink come back wrapped, so that a source that fails
// with a bare [io.ErrUnexpectedEOF] is not mistaken for one that has ended.
// An encrypting writer finishes its stream only in Close; a writer that is
// dropped, aborted or failed leaves bytes that no reader accepts as whole.
// (CBC has no such guarantee: see [CBCDecryptReader].)
// Neither Close nor the end of a stream closes the source or sink. The
// decrypting readers of whole streams implement [io.WriterTo], but for
// [CTRReader], and the writers [io.ReaderFrom], so [io.Copy] needs no buffer;
// the encrypting readers offer Read alone, because an upload that could seek
// would be sent again under a used IV.
//
// # Cores and memory
//
// ReadFrom, WriteTo, and each Read or Write of 1 MiB or more use all cores, of
// every mode but CBC encryption, in which each block needs the one before, and
// [CTRReader]. What reads a range, or at an offset, uses the core of its caller.
// Sources and sinks are called by the caller's goroutine alone, in order; the
// others, of which the whole process has GOMAXPROCS - 1, only compute, and are
// done when the call returns. While it runs, up to two chunks a core are on
// their way between source and sink; at other times a stream holds one.
//
// Buffers hold one chunk of 128 KiB, are shared between streams, and are
// cleared before they are given back. A stream gives its buffer back, and
// clears what else is secret in its own state, when it has ended, failed, or
// been closed or aborted, but not if its source or sink has panicked. Expanded
// keys live in crypto/cipher and cannot be cleared; a stream that has ended
// lets go of them.
//
// # What was rejected
//
// A GHASH of our own: by tables it is slower than crypto/cipher, and leaks through
// the cache; in assembly it would have to be trusted on each platform. Instead the
// GHASH of a chunk is read out of the standard library's tag of it.
//
// A decrypting writer: it would have released plaintext before its Close could say
// that the tag is wrong. An example shows how io.Pipe turns a reader round.
//
// Flush, Reset and Seek of what encrypts: no mode has a place to flush at, and the
// other two would use an IV again. Options to set the nonce or the source of
// randomness: keys and IVs come from the caller, and tests have testing/cryptotest.
//
// A constructor that takes the name of a mode, or a [crypto/cipher.AEAD] or
// [crypto/cipher.BlockMode]: those panic at the wrong length and do not say in which
// direction they go. A mode here is a type, which the compiler checks.
//
// Reading ahead between calls: a source is read only while the caller waits, so
// that nobody reads from it after the caller has let go of it.
package stream

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

const (
	// BlockSize is the size in bytes of an AES block, of a CBC IV, and of the
	// initial counter block of a [CTRReader].
	BlockSize = 16

	// GCMIVSize is the size of a GCM IV in bytes.
	GCMIVSize = 12

	// GCMTagSize is the size in bytes of the tag that follows a GCM body.
	GCMTagSize = 16

	// GCMMaxSize is the largest plaintext of a GCM stream in bytes, inclusive
	// (NIST SP 800-38D, 5.2.1.1: 2^39 - 256 bits).
	GCMMaxSize int64 = 1<<36 - 32
)

var (
	// ErrDecrypt says that a ciphertext was rejected. It is deliberately
	// vague: a wrong key, an altered byte, bad padding, a ragged length and a
	// missing end cannot be told apart.
	ErrDecrypt = errors.New("stream: decryption failed")

	// ErrTooLarge says that a stream would pass the limit of its mode. For GCM
	// that is [GCMMaxSize]; package stream/chunked goes further.
	ErrTooLarge = errors.New("stream: too large for the mode")

	// ErrBufferLimit says that a ciphertext is longer than the limit that the
	// caller set for buffering it.
	ErrBufferLimit = errors.New("stream: ciphertext exceeds the buffer limit")

	// ErrClosed says that something was used after its Close or Wipe.
	ErrClosed = engine.ErrClosed

	// ErrAborted says that a writer was aborted.
	ErrAborted = engine.ErrAborted

	// ErrFIPS says that the mode is refused because the program runs with
	// GODEBUG=fips140=only.
	ErrFIPS = errors.New("stream: mode not allowed in FIPS 140-only mode")
)

// newBlock checks the lengths that crypto/aes and crypto/cipher would panic on
// or report without saying which argument was meant.
func newBlock(key, iv []byte, ivSize int) (cipher.Block, error) {
	switch len(key) {
	case 16, 24, 32:
	default:
		return nil, fmt.Errorf("stream: key: want 16, 24 or 32 bytes, got %d", len(key))
	}
	if len(iv) != ivSize {
		return nil, fmt.Errorf("stream: IV: want %d bytes, got %d", ivSize, len(iv))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("stream: key: %w", err)
	}
	return block, nil
}
