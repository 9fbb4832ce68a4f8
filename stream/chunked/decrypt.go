// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"bytes"
	"io"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A DecryptReader decrypts a stream from its front to its end, in constant
// memory. All that it yields was verified.
//
// That it is everything is NOT known until Read returns [io.EOF] or WriteTo
// returns nil: what was read before another error is a genuine beginning, cut
// short by an attacker or an accident. Whoever must not act on half of the
// plaintext waits for the end, or asks a [ReaderAt] for the size.
//
// A DecryptReader is not safe for concurrent use.
type DecryptReader struct {
	r engine.Puller
	f openFeed
}

var _ io.WriterTo = (*DecryptReader)(nil)

// NewDecryptReader returns a reader of the plaintext of src. The key has
// [KeySize] bytes; context is what the stream was encrypted with. Neither is
// retained; src is not read yet. The error is [stream.ErrFIPS] or names the
// argument with the wrong length.
//
// It may be called concurrently.
func NewDecryptReader(src io.Reader, key, context []byte) (*DecryptReader, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	r := &DecryptReader{f: openFeed{
		src:     engine.Source{R: src},
		key:     bytes.Clone(key),
		context: bytes.Clone(context),
		buf:     engine.NewChunk(),
	}}
	r.r.F = &r.f
	return r, nil
}

// Read yields up to len(p) bytes of plaintext, all of it verified. It reads
// 112 KiB from the source, or all there is, before it yields any of it; for a p
// of 1 MiB or more, as many times that as fit in p, up to 4 MiB. It returns
// [io.EOF] once the last chunk has been verified, and
// [stream.ErrDecrypt] if the stream was not made with this key and context, or
// after what comes before the first chunk that was altered or is missing. Other
// errors are [stream.ErrTooLarge], if the stream passes [MaxSize], and that of
// the source, wrapped. After any error it fails for ever.
func (r *DecryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo writes all that is left of the plaintext to dst, all of it verified,
// and returns how many bytes dst has taken. It returns nil once the last chunk has
// been verified. Its errors are those of Read, and that of dst, wrapped.
func (r *DecryptReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

// An openFeed opens a stream run by run.
type openFeed struct {
	src     engine.Source
	key     []byte // nil once the header was read
	context []byte
	keys    schedule
	next    int64         // number of the first chunk that was not produced
	buf     *engine.Chunk // for runs that go alone, and the last one
	n       int           // bytes of the run that was read last
	ended   bool          // the source has, and nothing but the last run is left
	bad     bool          // a chunk was not genuine; what is before it was yielded
	piece   engine.Piece
}

// Next implements engine.Feed.
func (f *openFeed) Next() ([]byte, error) {
	if f.bad {
		return nil, stream.ErrDecrypt
	}
	p := &f.piece
	p.Buf = f.buf
	if !f.ended {
		err := f.Produce(p)
		f.buf = p.Buf
		if err == nil {
			f.Work(p)
			err = f.Join(p)
			return p.Out, err
		}
		if err != io.EOF {
			return nil, err
		}
	}
	return f.last(p)
}

// last opens the last run. It is empty if the source ended behind a full chunk,
// and is rejected then, for a tag is the least there must be.
func (f *openFeed) last(p *engine.Piece) ([]byte, error) {
	if f.next+int64(f.n/sealedSize) >= maxChunks {
		return nil, stream.ErrTooLarge
	}
	in := f.buf[openRoom:][:f.n]
	out, ok := f.keys.open(f.buf[:], in, f.next, true, (*[nonceSize]byte)(p.Block[:]))
	if !ok {
		f.bad = true
		return out, nil
	}
	return out, io.EOF
}

// Many implements engine.Feed. The first run goes alone, for most streams have
// no other.
func (f *openFeed) Many() int {
	if f.next == 0 || f.ended || f.bad {
		return 0
	}
	return runSize
}

// Produce implements engine.Feed.
func (f *openFeed) Produce(p *engine.Piece) error {
	if err := f.unlock(); err != nil {
		return err
	}
	in := p.Buf[openRoom:][:runChunks*sealedSize]
	n, err := f.src.Fill(in)
	f.n = n
	if err == io.EOF {
		f.buf, p.Buf, f.ended = p.Buf, f.buf, true
	}
	if err != nil {
		return err
	}
	if f.next+runChunks >= maxChunks {
		return stream.ErrTooLarge // none of these is the last
	}
	p.In, p.Off = in, f.next
	f.next += runChunks
	return nil
}

// unlock reads the header and checks the commitment, once.
func (f *openFeed) unlock() error {
	if f.key == nil {
		return nil
	}
	var header [headerSize]byte
	_, err := f.src.Fill(header[:])
	if err == io.EOF {
		return stream.ErrDecrypt
	}
	if err != nil {
		return err
	}
	f.keys, err = unlock(f.key, header[:], f.context)
	f.forget()
	return err
}

// forget clears the input key.
func (f *openFeed) forget() {
	clear(f.key)
	f.key, f.context = nil, nil
}

// Work implements engine.Feed.
func (f *openFeed) Work(p *engine.Piece) {
	p.Out, _ = f.keys.open(p.Buf[:], p.In, p.Off, false, (*[nonceSize]byte)(p.Block[:]))
}

// Join implements engine.Feed. Of a run with a bad chunk it yields what comes
// before that, and nothing of what follows.
func (f *openFeed) Join(p *engine.Piece) error {
	clear(p.Block[:])
	if f.bad || len(p.Out) == 0 {
		return stream.ErrDecrypt
	}
	f.bad = len(p.Out) < runSize
	return nil
}

// Wipe implements engine.Feed.
func (f *openFeed) Wipe() {
	f.forget()
	f.keys.wipe()
	f.piece = engine.Piece{}
	used := openRoom + f.n
	if f.next > 0 {
		used = len(f.buf)
	}
	f.buf.FreeFirst(used)
}
