// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A GCMUnverifiedReader decrypts a GCM stream, ciphertext || tag, of any
// length in constant memory.
//
// The plaintext is NOT authenticated until Read returns [io.EOF] or WriteTo
// returns nil: until then it may have been altered by whoever holds the
// ciphertext. Use it only where nothing is done with the plaintext before
// that, and discard all of it on any other error. To have read as many bytes
// as the plaintext has is not enough: read on until io.EOF.
// [GCMDecryptReader] releases nothing unverified.
//
// A GCMUnverifiedReader is not safe for concurrent use.
type GCMUnverifiedReader struct {
	r engine.Puller
	f unverifiedFeed
}

var _ io.WriterTo = (*GCMUnverifiedReader)(nil)

// NewGCMUnverifiedReader returns a reader of the plaintext of src. The key has
// 16, 24 or 32 bytes, the IV 12; aad is what it was encrypted with. None of
// them is retained. The error is [ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewGCMUnverifiedReader(src io.Reader, key, iv, aad []byte) (*GCMUnverifiedReader, error) {
	r := new(GCMUnverifiedReader)
	if err := r.f.o.init(src, key, iv, aad); err != nil {
		return nil, err
	}
	r.f.buf = engine.NewChunk()
	r.r.F = &r.f
	return r, nil
}

// Read decrypts up to len(p) bytes, unverified. It reads a chunk of 128 KiB
// from the source, or all there is, before it yields any of it; for a p of 1
// MiB or more, as many chunks as fit in p, up to 4 MiB. It returns [io.EOF]
// once the tag has been verified, [ErrDecrypt] if it is wrong or the stream
// too short to have one, [ErrTooLarge] if the stream passes [GCMMaxSize], and the
// error of the source, wrapped. After any error it fails for ever.
func (r *GCMUnverifiedReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo decrypts all that is left of the stream to dst, unverified, reading up
// to two chunks a core ahead of what dst has got. It returns how many bytes dst
// has taken, and nil once the tag has been verified; on any error what dst got
// must be discarded. Its errors are those of Read, and that of dst, wrapped.
func (r *GCMUnverifiedReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

type unverifiedFeed struct {
	o   gcmOpener
	buf *engine.Chunk
}

// Next implements engine.Feed.
func (f *unverifiedFeed) Next() ([]byte, error) {
	n, plain, err := f.o.next(f.buf[:])
	if err != nil {
		return nil, err
	}
	if !plain {
		f.o.decrypt(f.buf[:n], f.o.done-int64(n))
	}
	if f.o.end {
		return f.buf[:n], io.EOF
	}
	return f.buf[:n], nil
}

// Many implements engine.Feed.
func (f *unverifiedFeed) Many() int { return f.o.many() }

// Produce implements engine.Feed.
func (f *unverifiedFeed) Produce(p *engine.Piece) error { return f.o.produce(p) }

// Work implements engine.Feed.
func (f *unverifiedFeed) Work(p *engine.Piece) {
	f.o.hashPiece(p)
	f.o.decryptPiece(p)
}

// Join implements engine.Feed.
func (f *unverifiedFeed) Join(p *engine.Piece) error {
	f.o.joinPiece(p)
	return nil
}

// Wipe implements engine.Feed.
func (f *unverifiedFeed) Wipe() {
	f.o.Wipe()
	f.buf.FreeFirst(f.o.used())
}
