// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// An EncryptReader encrypts what it reads from a source and yields a DARE 2.0
// stream with AES-256-GCM, which sio can read. It is the pull form of
// [EncryptWriter], for uploads that want a body to read, and works on all cores
// where much is asked for at once.
//
// The key must be for this stream only: the package comment says why. DARE does
// not commit to its key. It offers Read alone: a body that can seek would be
// read twice by a transport that retries, and a source that has changed in
// between would then reuse the nonce.
//
// An EncryptReader is not safe for concurrent use.
type EncryptReader struct{ r engine.Puller }

// NewEncryptReader returns a reader of the encrypted form of src under a key of
// [KeySize] bytes, which is not retained. It draws the nonce of the stream from
// crypto/rand. The error is [stream.ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewEncryptReader(src io.Reader, key []byte) (*EncryptReader, error) {
	return newEncryptReader(src, key, newNonce())
}

func newEncryptReader(src io.Reader, key []byte, nonce [12]byte) (*EncryptReader, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	r := new(EncryptReader)
	r.r.F = newSealFeed(src, key, nonce)
	return r, nil
}

// Read yields up to len(p) bytes of the stream. It reads 64 KiB from the
// source and one byte more, or all there is, before it yields any of them; for a
// p of 513 KiB or more, as many times that as fit in p, up to 2 MiB. It returns
// [io.EOF] after the last package, and only then; the error of a source
// comes back wrapped. It fails with [ErrEmpty] if the source has nothing, and
// with [stream.ErrTooLarge] before it yields a last package if it has more than
// [MaxSize]. After any error it fails for ever.
func (r *EncryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }
