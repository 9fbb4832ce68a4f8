// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A GCMEncryptWriter encrypts what is written to it with AES-GCM and writes
// ciphertext || tag.
//
// It does not make a key or IV: a pair of key and IV that encrypts two
// different plaintexts gives both away, and lets anyone forge.
//
// Up to one chunk of 128 KiB is withheld until it is full or Close is called;
// there is no way to flush earlier. The caller must call Close, and check its
// error, to finish the stream, and [GCMEncryptWriter.Abort] if the plaintext
// is not complete: a deferred Close would sign half of it as if it were the
// whole.
//
// A GCMEncryptWriter is not safe for concurrent use.
type GCMEncryptWriter struct {
	w engine.Writer
	s gcmSealer
}

var _ io.ReaderFrom = (*GCMEncryptWriter)(nil)

// NewGCMEncryptWriter returns a writer that encrypts to dst. The key has 16,
// 24 or 32 bytes, the IV 12, and aad, which may be empty, any number. None of
// them is retained. The error is [ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewGCMEncryptWriter(dst io.Writer, key, iv, aad []byte) (*GCMEncryptWriter, error) {
	w := new(GCMEncryptWriter)
	if err := w.s.init(key, iv, aad); err != nil {
		return nil, err
	}
	w.w.Init(dst, &w.s, engine.ChunkSize)
	return w, nil
}

// Write encrypts p. It never retains or modifies p, and returns how many bytes
// of it were accepted. If the stream would pass [GCMMaxSize] it fails with
// [ErrTooLarge] and takes nothing of p. After any error it fails for ever,
// after Close with [ErrClosed].
func (w *GCMEncryptWriter) Write(p []byte) (int, error) { return w.w.Write(p) }

// ReadFrom encrypts what src yields until its end, reading into its own
// buffers, up to two chunks a core ahead of what dst has got. It does not
// finish the stream: more may be written, and Close must be called. An error
// of src, wrapped, is an error of the stream: no tag will be written. n counts
// the bytes that were accepted.
func (w *GCMEncryptWriter) ReadFrom(src io.Reader) (n int64, err error) { return w.w.ReadFrom(src) }

// Close writes the rest of the ciphertext and the tag. It does not close dst.
// If the stream has failed or was aborted it writes nothing and returns that
// error; a second call returns what the first returned.
func (w *GCMEncryptWriter) Close() error { return w.w.Close() }

// Abort ends the stream without its tag, so that what was written can never
// be decrypted as a whole. Write and Close then return an error that wraps
// [ErrAborted] and, if it is not nil, err. After Close or an error Abort does
// nothing, so that it may be deferred.
func (w *GCMEncryptWriter) Abort(err error) { w.w.Abort(err) }

// A GCMEncryptReader encrypts what it reads from a source with AES-GCM and
// yields ciphertext || tag. It is the pull form of [GCMEncryptWriter], for
// uploads that want a body to read.
//
// It does not make a key or IV: a pair of key and IV that encrypts two
// different plaintexts gives both away, and lets anyone forge. It offers Read
// alone: a body that can seek would be read twice by a transport that retries,
// and a source that has changed in between would then reuse the IV.
//
// A GCMEncryptReader is not safe for concurrent use.
type GCMEncryptReader struct {
	r engine.Puller
	s gcmSealer
}

// NewGCMEncryptReader returns a reader of the encrypted form of src. The key
// has 16, 24 or 32 bytes, the IV 12, and aad, which may be empty, any number.
// None of them is retained. The error is [ErrFIPS] or names the argument with
// the wrong length.
//
// It may be called concurrently.
func NewGCMEncryptReader(src io.Reader, key, iv, aad []byte) (*GCMEncryptReader, error) {
	r := new(GCMEncryptReader)
	if err := r.s.init(key, iv, aad); err != nil {
		return nil, err
	}
	r.r.F = engine.NewEncryptFeed(src, &r.s, engine.ChunkSize)
	return r, nil
}

// Read yields up to len(p) bytes of ciphertext. It reads a chunk of 128 KiB
// from the source, or all there is, before it yields any of it; for a p of 1 MiB
// or more, as many chunks as fit in p, up to 4 MiB. It returns
// [io.EOF] after the tag, and only then; the error of a source comes back
// wrapped. It fails with [ErrTooLarge] before it yields anything past
// [GCMMaxSize]. After any error it fails for ever.
func (r *GCMEncryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }
