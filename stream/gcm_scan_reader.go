// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/subtle"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A GCMVerifiedReader decrypts a GCM stream, ciphertext || tag, that was
// scanned before, of any length in constant memory. [GCMScan.Reader] makes it.
//
// Every byte that it yields is verified: it reads a run of 1 MiB, compares it
// with the scan, and only then decrypts it. Where the stream has changed since
// the scan, it fails with nothing of the run in which that is; what came before
// is the start of the plaintext, no more and no less. The plaintext is complete
// only when Read returns [io.EOF] or WriteTo returns nil.
//
// A GCMVerifiedReader is not safe for concurrent use.
type GCMVerifiedReader struct{ r engine.Puller }

var _ io.WriterTo = (*GCMVerifiedReader)(nil)

// Read yields up to len(p) bytes of plaintext, all of it verified. It reads a
// run of 1 MiB from the source, or all there is, before it yields any of it. It
// returns [ErrDecrypt] if the source is not the stream that was scanned, be it
// only longer or shorter, [ErrClosed] if the scan was wiped, and the error of
// the source, wrapped. After any error it fails for ever.
func (r *GCMVerifiedReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo writes all that is left of the plaintext to dst, all of it verified,
// and returns how many bytes dst has taken. Its errors are those of Read, and that
// of dst, wrapped; it returns nil once the plaintext is complete.
func (r *GCMVerifiedReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

// A verifiedFeed holds one run of a stream.
type verifiedFeed struct {
	scan *GCMScan
	o    *gcmOpener
	bufs []*engine.Chunk // the run, verified
	n    int             // bytes in it
	at   int             // of these, handed out
	done int64           // bytes in this run and all before it
	runs int             // how many that were

	loading loadingRun
	tail    [GCMTagSize + 1]byte
}

// Next implements engine.Feed.
func (f *verifiedFeed) Next() ([]byte, error) {
	if f.at == f.n {
		if err := f.load(); err != nil {
			return nil, err
		}
	}
	i, n, off := f.take()
	p := f.bufs[i][:n]
	if !f.scan.end.oneShot {
		f.o.decrypt(p, off)
	}
	if f.at == f.n && f.done == f.scan.size {
		return p, io.EOF
	}
	return p, nil
}

// take returns the next piece of the run: which it is, its size, and its offset
// in the stream.
func (f *verifiedFeed) take() (i, n int, off int64) {
	i, n = f.at/f.o.chunk, min(f.n-f.at, f.o.chunk)
	off = f.done - int64(f.n) + int64(f.at)
	f.at += n
	return i, n, off
}

// Many implements engine.Feed. The last piece of a stream is left to Next.
func (f *verifiedFeed) Many() int {
	if f.n-f.at < f.o.chunk || f.n-f.at == f.o.chunk && f.done == f.scan.size {
		return 0
	}
	return f.o.chunk
}

// Produce implements engine.Feed. The piece changes places with the buffer that
// comes for it.
func (f *verifiedFeed) Produce(p *engine.Piece) error {
	if f.Many() == 0 {
		return io.EOF
	}
	i, n, off := f.take()
	f.bufs[i], p.Buf = p.Buf, f.bufs[i]
	p.In, p.Off = p.Buf[:n], off
	return nil
}

// Work implements engine.Feed.
func (f *verifiedFeed) Work(p *engine.Piece) { f.o.decryptPiece(p) }

// Join implements engine.Feed.
func (f *verifiedFeed) Join(*engine.Piece) error { return nil }

// load reads and verifies the next run. Until that is done there are no bytes
// to hand out, even if a source that panics keeps it from returning.
func (f *verifiedFeed) load() error {
	if err := f.scan.check(-1, element{}); err != nil {
		return err
	}
	if f.scan.end.oneShot {
		return f.loadAll()
	}
	f.o.start()
	n := int(min(f.scan.run, f.scan.size-f.done))
	f.at, f.n, f.loading = 0, 0, loadingRun{f: f, n: n}
	if err := engine.Run(&f.loading); err != nil {
		return err
	}
	done := f.done + int64(n)
	if done == f.scan.size {
		if err := f.finish(); err != nil {
			return err
		}
	}
	if err := f.scan.check(f.runs, f.o.hash.acc); err != nil {
		return err
	}
	f.n, f.done = n, done
	f.runs++
	return nil
}

// loadingRun is the run, in the sense of package engine, that reads and hashes
// a run of the stream.
type loadingRun struct {
	f          *verifiedFeed
	n          int // bytes in the run
	read, kept int // of these
}

// Produce implements engine.Job.
func (j *loadingRun) Produce(p *engine.Piece) error {
	n := min(j.n-j.read, j.f.o.chunk)
	if n == 0 {
		return io.EOF
	}
	if _, err := j.f.o.src.Fill(p.Buf[:n]); err == io.EOF {
		return ErrDecrypt
	} else if err != nil {
		return err
	}
	p.In = p.Buf[:n]
	j.read += n
	return nil
}

// Work implements engine.Job.
func (j *loadingRun) Work(p *engine.Piece) { j.f.o.hashPiece(p) }

// Consume implements engine.Job. The piece changes places with what is left of
// the run before.
func (j *loadingRun) Consume(p *engine.Piece) error {
	j.f.o.joinPiece(p)
	i := j.kept / j.f.o.chunk
	if i == len(j.f.bufs) {
		j.f.bufs = append(j.f.bufs, nil)
	}
	j.f.bufs[i], p.Buf = p.Buf, j.f.bufs[i]
	j.kept += len(p.In)
	return nil
}

// finish reads the tag, behind which nothing may follow. The tag was computed
// from what the runs are compared with, so it could not tell anything new; but
// a stream with another one is not the stream that was scanned.
func (f *verifiedFeed) finish() error {
	if err := f.ended(f.tail[:], GCMTagSize); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(f.tail[:GCMTagSize], f.scan.end.tag[:]) != 1 {
		return ErrDecrypt
	}
	return nil
}

// ended fills buf, which has room for one byte more than the n with which the
// source must end.
func (f *verifiedFeed) ended(buf []byte, n int) error {
	got, err := f.o.src.Fill(buf)
	if err != nil && err != io.EOF {
		return err
	}
	if err == nil || got != n {
		return ErrDecrypt
	}
	return nil
}

// loadAll reads a stream that fits in a chunk and leaves it to the one-shot
// AEAD, as the scan has: two streams that it accepts under one key, IV and aad,
// the second of the same length as the first, are one stream or a forgery.
func (f *verifiedFeed) loadAll() error {
	n := int(f.scan.size)
	sealed := n + GCMTagSize
	buf := engine.NewChunk()
	f.bufs = append(f.bufs, buf)
	if err := f.ended(buf[:sealed+1], sealed); err != nil {
		return err
	}
	if _, err := f.o.aead.Open(buf[:0], f.o.iv[:], buf[:sealed], f.o.aad); err != nil {
		return ErrDecrypt // its text is that of crypto/cipher
	}
	f.n, f.done = n, f.scan.size
	return nil
}

// Wipe implements engine.Feed.
func (f *verifiedFeed) Wipe() {
	f.o.Wipe()
	for _, b := range f.bufs {
		if b != nil {
			b.Free()
		}
	}
	f.bufs, f.scan = nil, nil
}
