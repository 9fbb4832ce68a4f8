// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"io"
	"math"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// cbc encrypts a CBC stream with PKCS #7 padding (RFC 5652, 6.3), which other
// languages call PKCS5Padding.
type cbc struct {
	mode cipher.BlockMode
	size int64
}

func newCBC(key, iv []byte) (*cbc, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	return &cbc{mode: cipher.NewCBCEncrypter(block, iv)}, nil
}

// Admit implements engine.Encrypter.
func (c *cbc) Admit(n int) error {
	if int64(n) > math.MaxInt64-BlockSize-c.size {
		return ErrTooLarge // no mode limit, but sizes stay sizes
	}
	c.size += int64(n)
	return nil
}

// Begin implements engine.Encrypter.
func (c *cbc) Begin(*engine.Piece) {}

// Work implements engine.Encrypter.
func (c *cbc) Work(p *engine.Piece) {
	p.Out = p.Buf[:len(p.In)]
	c.mode.CryptBlocks(p.Out, p.In)
}

// Join implements engine.Encrypter.
func (c *cbc) Join(*engine.Piece) {}

// Parallel implements engine.Encrypter: each block needs the one before.
func (c *cbc) Parallel() bool { return false }

// Final implements engine.Encrypter.
func (c *cbc) Final(p *engine.Piece) {
	p.Out = pad(p.In)
	c.mode.CryptBlocks(p.Out, p.Out)
}

// Wipe implements engine.Encrypter.
func (c *cbc) Wipe() { c.mode = nil }

// A CBCEncryptWriter encrypts what is written to it with AES-CBC and PKCS #7
// padding.
//
// CBC authenticates nothing: whoever can change the ciphertext can change the
// plaintext, and whoever can see whether its decryption fails can read it. It
// is here for readers that know nothing newer. It does not make a key or IV;
// the IV of each stream must be unpredictable.
//
// Up to one chunk of 128 KiB is withheld until it is full or Close is called;
// there is no way to flush earlier. The caller must call Close, and check its
// error, to finish the stream, and [CBCEncryptWriter.Abort] if the plaintext
// is not complete: a deferred Close would pad half of it as if it were the
// whole.
//
// A CBCEncryptWriter is not safe for concurrent use.
type CBCEncryptWriter struct{ w engine.Writer }

var _ io.ReaderFrom = (*CBCEncryptWriter)(nil)

// NewCBCEncryptWriter returns a writer that encrypts to dst. The key has 16,
// 24 or 32 bytes, the IV 16; neither is retained. The error names the argument
// with the wrong length.
//
// It may be called concurrently.
func NewCBCEncryptWriter(dst io.Writer, key, iv []byte) (*CBCEncryptWriter, error) {
	c, err := newCBC(key, iv)
	if err != nil {
		return nil, err
	}
	w := new(CBCEncryptWriter)
	w.w.Init(dst, c, engine.ChunkSize)
	return w, nil
}

// Write encrypts p. It never retains or modifies p, and returns how many bytes
// of it were accepted. After any error it fails for ever, after Close with
// [ErrClosed].
func (w *CBCEncryptWriter) Write(p []byte) (int, error) { return w.w.Write(p) }

// ReadFrom encrypts what src yields until its end, reading into its own
// buffer. It does not finish the stream: more may be written, and Close must
// be called. An error of src, wrapped, is an error of the stream: no padding
// will be written. n counts the bytes that were accepted.
func (w *CBCEncryptWriter) ReadFrom(src io.Reader) (n int64, err error) { return w.w.ReadFrom(src) }

// Close writes the rest of the ciphertext with its padding. It does not close
// dst. If the stream has failed or was aborted it writes nothing and returns
// that error; a second call returns what the first returned.
func (w *CBCEncryptWriter) Close() error { return w.w.Close() }

// Abort ends the stream without padding. Write and Close then return an error
// that wraps [ErrAborted] and, if it is not nil, err. After Close or an error
// Abort does nothing, so that it may be deferred.
//
// What was written must be discarded: one in 256 of such stumps ends, by
// chance, in bytes that look like padding.
func (w *CBCEncryptWriter) Abort(err error) { w.w.Abort(err) }

// A CBCEncryptReader encrypts what it reads from a source with AES-CBC and
// PKCS #7 padding. It is the pull form of [CBCEncryptWriter], for uploads that
// want a body to read.
//
// CBC authenticates nothing: see [CBCEncryptWriter]. It offers Read alone: a
// body that can seek would be read twice by a transport that retries.
//
// A CBCEncryptReader is not safe for concurrent use.
type CBCEncryptReader struct{ r engine.Puller }

// NewCBCEncryptReader returns a reader of the encrypted form of src. The key
// has 16, 24 or 32 bytes, the IV 16; neither is retained. The error names the
// argument with the wrong length.
//
// It may be called concurrently.
func NewCBCEncryptReader(src io.Reader, key, iv []byte) (*CBCEncryptReader, error) {
	c, err := newCBC(key, iv)
	if err != nil {
		return nil, err
	}
	return &CBCEncryptReader{engine.Puller{F: engine.NewEncryptFeed(src, c, engine.ChunkSize)}}, nil
}

// Read yields up to len(p) bytes of ciphertext. It reads a chunk of 128 KiB
// from the source, or all there is, before it yields any of it. It returns
// [io.EOF] after the padding, and only then; the error of a source comes back
// wrapped. After any error it fails for ever.
func (r *CBCEncryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }
