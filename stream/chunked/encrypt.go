// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"crypto/rand"
	"io"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// An EncryptWriter encrypts what is written to it and writes a stream of the
// form that the package comment describes.
//
// It says nothing about where the stream belongs, or that it is the newest,
// except by the context. Up to 112 KiB are withheld until they are full or Close
// is called; there is no way to flush earlier. The caller must call Close, and
// check its error, to finish the stream, and [EncryptWriter.Abort] if the
// plaintext is not complete: a deferred Close would finish half of it as if it
// were the whole.
//
// An EncryptWriter is not safe for concurrent use.
type EncryptWriter struct {
	w engine.Writer
	s sealer
}

var _ io.ReaderFrom = (*EncryptWriter)(nil)

// NewEncryptWriter returns a writer that encrypts to dst, under a new random
// salt. The key has [KeySize] bytes and is uniformly random; context, which may
// be empty, is what a reader must know besides the key. Neither is retained.
// The error is [stream.ErrFIPS] or names the argument with the wrong length.
//
// It may be called concurrently.
func NewEncryptWriter(dst io.Writer, key, context []byte) (*EncryptWriter, error) {
	return newEncryptWriter(dst, key, newSalt(), context)
}

func newEncryptWriter(dst io.Writer, key, salt, context []byte) (*EncryptWriter, error) {
	w := new(EncryptWriter)
	if err := w.s.init(key, salt, context); err != nil {
		return nil, err
	}
	w.w.Init(dst, &w.s, runSize)
	return w, nil
}

// Write encrypts p. It never retains or modifies p, and returns how many bytes
// of it were accepted. If the stream would pass [MaxSize] it fails with
// [stream.ErrTooLarge] and takes nothing of p. After any error it fails for
// ever, after Close with [stream.ErrClosed].
func (w *EncryptWriter) Write(p []byte) (int, error) { return w.w.Write(p) }

// ReadFrom encrypts what src yields until its end, reading into its own
// buffers, up to 224 KiB a core ahead of what dst has got. It does not finish
// the stream: more may be written, and Close must be called. An error of src,
// wrapped, is an error of the stream: no last chunk will be written. n counts
// the bytes that were accepted.
func (w *EncryptWriter) ReadFrom(src io.Reader) (n int64, err error) { return w.w.ReadFrom(src) }

// Close writes the rest of the ciphertext and the last chunk. It does not close
// dst. If the stream has failed or was aborted it writes nothing and returns
// that error; a second call returns what the first returned.
func (w *EncryptWriter) Close() error { return w.w.Close() }

// Abort ends the stream without its last chunk, so that what was written can
// never be decrypted as a whole; chunks that have left can. Write and Close then
// return an error that wraps [stream.ErrAborted] and, if it is not nil, err.
// After Close or an error Abort does nothing, so that it may be deferred.
func (w *EncryptWriter) Abort(err error) { w.w.Abort(err) }

// An EncryptReader encrypts what it reads from a source. It is the pull form of
// [EncryptWriter], for uploads that want a body to read.
//
// It says nothing about where the stream belongs, or that it is the newest,
// except by the context. It offers Read alone: a body that can seek would be
// read twice by a transport that retries, and a source that has changed in
// between would then be encrypted under nonces that were used.
//
// An EncryptReader is not safe for concurrent use.
type EncryptReader struct {
	r engine.Puller
	s sealer
}

// NewEncryptReader returns a reader of the encrypted form of src, under a new
// random salt. The key has [KeySize] bytes and is uniformly random; context,
// which may be empty, is what a reader must know besides the key. Neither is
// retained. The error is [stream.ErrFIPS] or names the argument with the wrong
// length.
//
// It may be called concurrently.
func NewEncryptReader(src io.Reader, key, context []byte) (*EncryptReader, error) {
	return newEncryptReader(src, key, newSalt(), context)
}

func newEncryptReader(src io.Reader, key, salt, context []byte) (*EncryptReader, error) {
	r := new(EncryptReader)
	if err := r.s.init(key, salt, context); err != nil {
		return nil, err
	}
	r.r.F = engine.NewEncryptFeed(src, &r.s, runSize)
	return r, nil
}

// Read yields up to len(p) bytes of ciphertext. It reads 112 KiB from the
// source, or all there is, before it yields any of it; for a p of 1 MiB or more,
// as many times that as fit in p, up to 4 MiB. It returns [io.EOF] after
// the last chunk, and only then; the error of a source comes back wrapped. It
// fails with [stream.ErrTooLarge] before it yields anything past [MaxSize].
// After any error it fails for ever.
func (r *EncryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// newSalt returns the salt of a new stream. Two streams with one salt, key and
// context would share their nonces, which gives both away: so there is no way
// to choose it.
func newSalt() []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return salt
}

// A sealer encrypts a stream run by run.
type sealer struct {
	keys   schedule
	header [headerSize]byte
	size   int64  // plaintext bytes admitted so far
	next   int64  // number of the first chunk that was not begun
	end    []byte // what Final has made, in the buffer
}

func (s *sealer) init(key, salt, context []byte) (err error) {
	if err := check(key); err != nil {
		return err
	}
	if s.keys, err = expand(key, salt, context); err != nil {
		return err
	}
	copy(s.header[:], salt)
	copy(s.header[saltSize:], s.keys.commitment[:])
	return nil
}

// Admit implements engine.Encrypter.
func (s *sealer) Admit(n int) error {
	if int64(n) > MaxSize-s.size {
		return stream.ErrTooLarge
	}
	s.size += int64(n)
	return nil
}

// Begin implements engine.Encrypter.
func (s *sealer) Begin(p *engine.Piece) {
	p.Off = s.next
	s.next += int64(len(p.In) / ChunkSize)
}

// Work implements engine.Encrypter.
func (s *sealer) Work(p *engine.Piece) { s.seal(p, false) }

// Join implements engine.Encrypter.
func (s *sealer) Join(p *engine.Piece) { clear(p.Block[:]) }

// Final implements engine.Encrypter.
func (s *sealer) Final(p *engine.Piece) {
	s.Begin(p)
	s.seal(p, true)
	s.Join(p)
	s.end = p.Out
}

// Parallel implements engine.Encrypter.
func (*sealer) Parallel() bool { return true }

// seal encrypts a piece whose offset counts chunks. The header leaves with
// chunk 0, and is put in its place when the plaintext there was used.
func (s *sealer) seal(p *engine.Piece, last bool) {
	out := p.Buf[sealRoom:]
	var head []byte
	if p.Off == 0 {
		head = s.header[:]
	}
	n := s.keys.seal(out[len(head):], p.In, p.Off, last, (*[nonceSize]byte)(p.Block[:]))
	copy(out, head)
	p.Out = out[:len(head)+n]
}

// Wipe implements engine.Encrypter. The buffers of short streams are cleared
// only where plaintext was, and the end lies far behind that.
func (s *sealer) Wipe() {
	s.keys.wipe()
	clear(s.end)
	s.end = nil
}
