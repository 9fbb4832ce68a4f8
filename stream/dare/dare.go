// SPDX-License-Identifier: Apache-2.0

// Package dare encrypts streams of up to 256 TiB of which any part can be
// read, and every part that is read is authentic, in the format that MinIO
// uses: Data At Rest Encryption (DARE), version 2.0.
//
// The packages of a stream are made and opened by github.com/minio/sio; what
// this package adds is all that lies around them. For new data that need not be
// readable by sio, package stream/chunked is the better choice: it commits to
// its key, and has a form for an empty plaintext.
//
// # The bytes
//
//	offset   0          16        65552  65568      81552…
//	         header 0   payload   tag    header 1   payload   tag  …  last header  payload     tag
//	size     16         65536     16     16         65536     16      16           1 to 65536  16
//
// A header and what it says:
//
//	offset   0        1       2                    4
//	         version  cipher  payload size minus 1  nonce of the stream
//	size     1 = 20h  1       2, little endian     12, of which the first bit marks the last package
//
// Package k, counted from 0, is sealed under the key of the caller with the
// first four bytes of its header as additional data. Its nonce is the one in
// its header with the last four bytes, as a little-endian number, XOR k. So byte
// i of the plaintext is in package i/65536, which begins at (i/65536)·65568.
//
// # Key and nonce
//
// A key is for one stream: make it at random, or derive it from a salt that is.
// DARE demands that, and this is what happens otherwise. The nonce of a stream
// is 63 random bits, drawn by the constructors of the encrypting types. Should
// two streams under one key have the same one, both are given away; with 2^16
// streams the chance of it is 2^-32. And whoever can write to the storage can
// put one stream in the place of the other.
//
// The last four bytes of the nonce are zero in what this package writes, and
// must be zero in what [NewDecryptReader] and [NewReaderAt] take. The format
// does not ask for it, and is broken without: the number of a package is merely
// XORed into them, and what the header says about them is bound to nothing. Who
// XORs them with 1 in all headers can exchange the packages 0 and 1, 2 and 3,
// and so on, and every tag is right; with other numbers than 1, cut off the
// beginning of the stream. Readers of what sio has written, made by
// [NewSIODecryptReader] and [NewSIOReaderAt], cannot notice.
//
// # Which type
//
//   - Encrypt what is written: [EncryptWriter].
//   - Encrypt what is read, for uploads: [EncryptReader].
//   - Decrypt from the front: [DecryptReader].
//   - Decrypt at any offset, from any number of goroutines: [ReaderAt].
//   - Decrypt what sio or MinIO's ncrypt wrote: [NewSIODecryptReader] and
//     [NewSIOReaderAt], which make the same types.
//
// # What is authenticated, and when
//
// Each package, before a byte of it is released, together with its place in the
// stream: altered, moved, doubled, dropped and foreign packages are rejected. A
// [DecryptReader] yields verified bytes only, but that they are all is known no
// earlier than [io.EOF]. A [ReaderAt] has verified the last package, and with it
// the length, before it returns a single byte; other packages it verifies as
// they are read.
//
// What is not authenticated is that this stream is the newest, or lies where it
// was put, or that there is but one key under which it opens: DARE does not
// commit to its key.
//
// # Limits
//
// A stream has 1 to 2^32 packages, thus 1 to [MaxSize] bytes of plaintext. There
// is no stream without a package: sio makes no bytes at all of an empty
// plaintext, and takes no bytes for one, so that every stream can be cut to
// nothing unnoticed. Here the encrypting types fail with [ErrEmpty], and the
// decrypting types take no bytes for a stream that was cut. That a plaintext is
// empty must be said, and proved, elsewhere. The size of the plaintext can be
// told from that of the stream.
//
// # What was rejected
//
// DARE 1.0, because a stream can be cut at any package, and packages exchanged
// with those of another stream under the same key ([ErrVersion]). Writing with
// ChaCha20-Poly1305, the other cipher of the format: what this package writes
// has AES-256-GCM. It is read only where sio may have written, which prefers it
// on machines that it does not know to have AES instructions, all ARM machines
// among them. The interface of sio: a reader and a writer that lose their first
// error, a decrypting writer that releases a stream with a missing end, versions
// and nonces to be set by the caller, Close that closes what it did not open.
//
// # What all types share
//
// Errors are those of package stream and behave as they do there: sticky (but
// for [ReaderAt], which has no state), and those of sources and sinks come back
// wrapped. An encrypting writer finishes its stream only in Close. Neither Close
// nor the end of a stream closes the source or sink. The decrypting reader
// implements [io.WriterTo] and the writer [io.ReaderFrom]; the encrypting reader
// offers Read alone. A stream holds one package, 64 KiB, and another one during
// ReadFrom and WriteTo, an [EncryptReader] two packages, and during a large Read
// up to six a core; it clears them when it has ended, failed, or been closed
// or aborted. To decrypt, WriteTo is the fast way: Read hands out copies, so
// that nothing unverified gets into the memory of the caller.
//
// If the program runs with GODEBUG=fips140=only every constructor returns
// [stream.ErrFIPS]: the standard library has no AES-GCM then that takes a nonce.
package dare

import (
	"crypto/fips140"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
)

const (
	// KeySize is the size of a key in bytes.
	KeySize = 32

	// PayloadSize is how many bytes of plaintext each package holds but the
	// last, which holds 1 to that many.
	PayloadSize = 64 << 10

	// MaxSize is the largest plaintext of a stream in bytes, inclusive: 256 TiB.
	MaxSize int64 = maxPackages * PayloadSize
)

const (
	headerSize  = 16
	overhead    = headerSize + 16 // header and tag
	packageSize = PayloadSize + overhead

	// sio counts packages in 32 bits and does not look whether they wrap.
	maxPackages = 1 << 32
)

var (
	// ErrEmpty says that there was nothing to encrypt, for which DARE has no
	// form.
	ErrEmpty = errors.New("dare: empty plaintext: no DARE stream is empty")

	// ErrVersion says that a stream claims to be DARE 1.0. It wraps
	// [stream.ErrDecrypt]. The claim is not authentic.
	ErrVersion = fmt.Errorf("dare: DARE 1.0 is not supported: %w", stream.ErrDecrypt)
)

var (
	// errWhole would mean that sio no longer reads package by package.
	errWhole = errors.New("dare: internal error: sio did not read a whole package")

	// errOver ends a stream of sio's that we are done with.
	errOver = errors.New("dare: stream is over")

	// These stand in while a source or sink is being called. If the call
	// never returns to us, because it panicked, the stream stays failed and a
	// deferred Close does not bless half a plaintext.
	errReading = errors.New("dare: read source: call did not return")
	errWriting = errors.New("dare: write: call did not return")
)

// check refuses keys of the wrong size, and everything where AES-GCM is not to
// be had.
func check(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("dare: key: want %d bytes, got %d", KeySize, len(key))
	}
	if fips140.Enforced() {
		return stream.ErrFIPS
	}
	return nil
}

// newNonce returns the nonce of a new stream.
func newNonce() (nonce [12]byte) {
	rand.Read(nonce[:freeNonce])
	return nonce
}

// sealing returns what sio must know to encrypt.
func sealing(key []byte, nonce [12]byte) sio.Config {
	c := opening(key, false, 0)
	c.Nonce = &nonce
	return c
}

// opening returns what sio must know to decrypt from package k on. Left to
// itself it would take DARE 1.0 for as good as 2.0.
func opening(key []byte, foreign bool, k int64) sio.Config {
	c := sio.Config{
		MinVersion:     sio.Version20,
		MaxVersion:     sio.Version20,
		CipherSuites:   []byte{sio.AES_256_GCM},
		Key:            key,
		SequenceNumber: uint32(k),
	}
	if foreign {
		c.CipherSuites = []byte{sio.AES_256_GCM, sio.CHACHA20_POLY1305}
	}
	return c
}
