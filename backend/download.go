// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// GetToUnverified reads an object of any size into w, in parts of
// Options.Download that are read concurrently and written in any order.
//
// What is written to w is NOT verified before GetToUnverified returns nil, and for
// CBC and CTR not even then: the Authenticated field of the result says so. On
// any error the caller must discard all that w has; nobody may use it before.
// [Bucket.GetFile] does that with a file.
//
// The plaintext begins at offset 0 of w. WriteAt is called concurrently for
// places that do not overlap, each of them once, and not after GetToUnverified has
// returned; it should return when ctx is done. What lies behind the plaintext,
// which for CBC may be up to 16 bytes shorter than Stat says, stays as it is.
// Options.Open.Release is not used. The errors are those of [Bucket.Get],
// [ErrChanged] if the object was replaced meanwhile, and those of w, wrapped.
func (b *Bucket) GetToUnverified(ctx context.Context, key string, w io.WriterAt) (*ObjectInfo, error) {
	var start time.Time
	info, err := b.getTo(ctx, key, func(*found) (io.WriterAt, error) {
		start = time.Now()
		return w, nil
	})
	b.fetched(key, start, info, err)
	if err != nil {
		return nil, opError("get", key, err)
	}
	return info, nil
}

// getTo reads the object to what target returns once it is known what there is.
func (b *Bucket) getTo(ctx context.Context, key string, target func(*found) (io.WriterAt, error)) (*ObjectInfo, error) {
	ctx, cancel := context.WithCancel(ctx) // also the first body is read under it
	defer cancel()
	opts := b.open
	opts.Release = envelope.UnverifiedUntilEOF() // nobody sees it before the end
	first := int64(0)
	if b.download.Concurrency > 1 {
		first = b.partSize(stream.BlockSize)
	}
	f, err := b.find(ctx, key, &opts, first)
	if err != nil {
		return nil, err
	}
	defer f.body.Close() // what counts is whether all was read
	w, err := target(f)
	if err != nil {
		return nil, err
	}
	n, err := b.copyTo(ctx, cancel, f, w)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	info := *f.info
	info.PlaintextSizeMin, info.PlaintextSizeMax = n, n
	info.Authenticated = f.opener != nil && f.opener.Authenticated()
	return &info, nil
}

// copyTo returns the number of bytes written to w, all of them verified if the
// format allows it.
func (b *Bucket) copyTo(ctx context.Context, cancel func(), f *found, w io.WriterAt) (int64, error) {
	if b.download.Concurrency > 1 && f.info.PlaintextSizeMax > b.download.PartSize && f.info.ETag != "" {
		parts, err := f.parts()
		if err == nil {
			defer parts.Wipe()
			size := b.partSize(parts.Multiple())
			d := &download{bucket: b, found: f, parts: parts, size: size, w: w, cancel: cancel}
			return d.run(ctx)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return 0, err
		}
	}
	o, err := f.object(ctx)
	if err != nil {
		return 0, err
	}
	defer o.Close()
	return o.WriteTo(io.NewOffsetWriter(w, 0))
}

// partSize returns the size of parts that are a multiple of m bytes.
func (b *Bucket) partSize(m int) int64 {
	n := int64(m)
	return (b.download.PartSize + n - 1) / n * n
}

// A partOpener opens a body in parts, concurrently. What it decrypts may be used
// when Finish has returned nil, by a format that verifies each part by itself no
// less than by one that verifies them in the end.
type partOpener interface {
	// End returns where the last part ends in the plaintext, and Multiple of
	// what number of bytes all others are a multiple.
	End() int64
	Multiple() int

	// BodyRange returns what Decrypt needs of the body for n bytes of
	// plaintext from off on, and Decrypt decrypts that in place.
	BodyRange(off, n int64) (envelope.BodyRange, error)
	Decrypt(body []byte, off, n int64) ([]byte, error)

	Finish() error
	Wipe()
}

var _ partOpener = (*envelope.UnverifiedParts)(nil)

// parts returns the parts of the object; the error wraps errors.ErrUnsupported
// if it has none.
func (f *found) parts() (partOpener, error) {
	if f.opener == nil {
		return plainParts(f.info.Size), nil
	}
	return f.opener.UnverifiedParts(f.info.Size)
}

// plainParts are those of an object of that size that is not encrypted.
type plainParts int64

func (p plainParts) End() int64 { return int64(p) }

func (p plainParts) Multiple() int { return 1 }

func (p plainParts) BodyRange(off, n int64) (envelope.BodyRange, error) {
	return envelope.BodyRange{Off: off, N: n}, nil
}

func (p plainParts) Decrypt(body []byte, _, _ int64) ([]byte, error) { return body, nil }

func (p plainParts) Finish() error { return nil }

func (p plainParts) Wipe() {}

// A download reads the parts of one object, several at a time.
type download struct {
	bucket *Bucket
	found  *found
	parts  partOpener
	size   int64 // of a part
	w      io.WriterAt

	next    atomic.Int64 // number of the next part that nobody reads
	written atomic.Int64 // bytes

	once   sync.Once
	err    error // the first; the others come from cancel
	cancel func()
}

// run returns when no worker is left.
func (d *download) run(ctx context.Context) (int64, error) {
	var workers sync.WaitGroup
	for range d.bucket.download.Concurrency {
		workers.Go(func() {
			if err := d.work(ctx); err != nil {
				d.once.Do(func() { d.err = err })
				d.cancel()
			}
		})
	}
	workers.Wait()
	if d.err == nil {
		d.err = d.parts.Finish()
	}
	return d.written.Load(), d.err
}

// work reads one part after the other into the same memory.
func (d *download) work(ctx context.Context) error {
	var buf []byte
	defer func() { clear(buf) }()
	size, end := d.size, d.parts.End()
	for {
		i := d.next.Add(1) - 1
		if i > (end-1)/size {
			return nil
		}
		off := i * size
		n := min(size, end-off)
		r, err := d.parts.BodyRange(off, n)
		if err != nil {
			return err
		}
		if int64(cap(buf)) < r.N {
			clear(buf)
			buf = make([]byte, max(r.N, size+32)) // as much as any part takes
		}
		if err := d.part(ctx, buf[:r.N], r, off, n); err != nil {
			return err
		}
	}
}

func (d *download) part(ctx context.Context, buf []byte, r envelope.BodyRange, off, n int64) error {
	if err := d.fetch(ctx, buf, r, off == 0); err != nil {
		return err
	}
	plain, err := d.parts.Decrypt(buf, off, n)
	if err != nil {
		return err
	}
	m, err := d.w.WriteAt(plain, off)
	if err == nil && m != len(plain) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("backend: write: %w", err)
	}
	d.written.Add(int64(m))
	return nil
}

// fetch fills buf with the stored bytes r. Those of the first part come with the
// answer that told what the object is, of which no more is read: as a rule there
// is no more, so that its connection serves again.
func (d *download) fetch(ctx context.Context, buf []byte, r envelope.BodyRange, first bool) error {
	var body *resumedBody
	var src io.Reader
	if first && r.Off == 0 {
		body = d.found.body
		body.end = r.N
		src = io.LimitReader(body, r.N)
	} else {
		info := d.found.info
		body = d.bucket.resumed(ctx, info.Key, &info.Info, nil, r.Off, r.Off+r.N)
		src = body
	}
	defer body.Close()
	_, err := io.ReadFull(newBodyReader(ctx, src, r.N, "read body"), buf)
	return err
}
