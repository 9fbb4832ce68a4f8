// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// GetRange opens part of the plaintext: n bytes from off on, clipped at the
// end of the object; all from off on if n is -1. A negative off with n = -1
// means the last -off bytes, or all if there are not as many. The caller must
// close the Object, which delivers exactly those bytes or an error.
//
// A range is NOT authenticated: a tag covers the whole object, CBC and CTR have
// none, and whoever can alter the object can alter a range unnoticed. Therefore
// an encrypted object needs AllowUnauthenticatedRanges, else the error is a
// [*envelope.PolicyError], and Authenticated of the Object is false. Chunked and
// DARE are the exception: of them every byte that is read was verified, at the
// price of up to two small requests more.
//
// A range that starts at or past the end of the plaintext is [ErrRange], as is
// an n that is neither positive nor -1. The object is looked at first and then
// read, and if it was replaced or deleted in between the error is [ErrChanged]. Where a
// CBC object ends only its last block tells: a range that counts from the end,
// or begins in the last 16 bytes, takes one request more, and whatever touches
// that block is envelope.ErrDecrypt if the padding is not proper. Other errors
// are those of [Bucket.Get].
func (b *Bucket) GetRange(ctx context.Context, key string, off, n int64) (*Object, error) {
	o, err := b.getRange(ctx, key, off, n)
	if err != nil {
		return nil, opError("get range", key, err)
	}
	return b.watch(o), nil
}

func (b *Bucket) getRange(ctx context.Context, key string, off, n int64) (*Object, error) {
	oi, err := b.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if oi.Header == nil {
		return b.plainRange(ctx, oi, off, n)
	}
	// Before any key is used, which an Opener could not.
	if err := b.opening(key, &b.open).PermitRange(oi.Header); err != nil {
		return nil, err
	}
	if oi.PlaintextSizeMax < 0 {
		return nil, envelope.ErrDecrypt // no intact object has this size
	}
	opener, err := b.opener(ctx, key, oi, &b.open)
	if errors.Is(err, envelope.ErrDecrypt) && oi.InstructionFile != "" {
		// The body will be asked for by its ETag, but the key comes first.
		err = cmp.Or(b.unchanged(ctx, key, &oi.Info), err)
	}
	if err != nil {
		return nil, err
	}
	if off, n, err = b.locate(ctx, oi, opener, off, n); err != nil {
		return nil, err
	}
	return b.openRange(ctx, oi, opener, off, n)
}

// locate returns which bytes of the plaintext off and n name, clipped at the
// greatest size that it can have; a reader clips at the end that it finds. Only
// where that is too late, because the end decides where the range starts or
// whether there is one, the end is looked for now.
func (b *Bucket) locate(ctx context.Context, oi *ObjectInfo, opener *envelope.Opener, off, n int64) (int64, int64, error) {
	from, size, err := resolve(off, n, oi.PlaintextSizeMax)
	if fewer := oi.PlaintextSizeMax - oi.PlaintextSizeMin; err != nil && fewer > 0 {
		err = fmt.Errorf("%w, or up to %d fewer", err, fewer)
	}
	if err != nil || oi.PlaintextSizeMin == oi.PlaintextSizeMax || off >= 0 && off < oi.PlaintextSizeMin {
		return from, size, err
	}
	end, err := b.findEnd(ctx, oi, opener)
	if err != nil {
		return 0, 0, err
	}
	oi.PlaintextSizeMin, oi.PlaintextSizeMax = end, end
	return resolve(off, n, end)
}

// findEnd returns the size of the plaintext of a CBC object, which its last
// block tells. The block begins at PlaintextSizeMin.
func (b *Bucket) findEnd(ctx context.Context, oi *ObjectInfo, opener *envelope.Opener) (int64, error) {
	last, err := b.openRange(ctx, oi, opener, oi.PlaintextSizeMin, stream.BlockSize)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, last)
	if errors.Is(err, stream.ErrRange) {
		n, err = 0, nil // there is nothing but padding in it
	}
	return oi.PlaintextSizeMin + n, cmp.Or(err, last.Close())
}

// openRange opens n bytes of plaintext from off on.
func (b *Bucket) openRange(ctx context.Context, oi *ObjectInfo, opener *envelope.Opener, off, n int64) (*Object, error) {
	parts, err := opener.CiphertextRanges(off, n, oi.Size)
	if err != nil {
		return nil, err
	}
	o, err := b.readRanges(ctx, oi, parts)
	if err != nil {
		return nil, err
	}
	plain, err := opener.RangeReader(o.plain, off, n, oi.Size)
	if err != nil {
		o.Close()
		return nil, err
	}
	o.plain, o.opener = plain, opener
	return o, nil
}

func (b *Bucket) plainRange(ctx context.Context, oi *ObjectInfo, off, n int64) (*Object, error) {
	if err := permitPlain(oi, &b.open); err != nil {
		return nil, err
	}
	off, n, err := resolve(off, n, oi.Size)
	if err != nil {
		return nil, err
	}
	return b.readRange(ctx, oi, off, n)
}

// resolve returns the part of size bytes that off and n name.
func resolve(off, n, size int64) (int64, int64, error) {
	if off < 0 {
		if n != -1 {
			return 0, 0, fmt.Errorf("%w: last %d bytes with a length of %d", ErrRange, uint64(-off), n)
		}
		off = max(0, size+off)
	}
	return (&Range{Offset: off, Length: n}).Resolve(size)
}

// readRanges opens parts of the stored body, one after the other. There is more
// than one where a format proves what a range is, see
// [envelope.Opener.CiphertextRanges]; most are small.
func (b *Bucket) readRanges(ctx context.Context, oi *ObjectInfo, parts []envelope.BodyRange) (*Object, error) {
	var all bodies
	var src []io.Reader
	for _, p := range parts {
		o, err := b.readRange(ctx, oi, p.Off, p.N)
		if err != nil {
			all.Close() // the first error is the one that counts
			return nil, err
		}
		all, src = append(all, o.body), append(src, o.plain)
	}
	return &Object{info: oi, plain: io.NopCloser(io.MultiReader(src...)), body: all}, nil
}

// bodies are closed together.
type bodies []io.Closer

func (b bodies) Close() error {
	var errs []error
	for _, body := range b {
		errs = append(errs, body.Close())
	}
	return errors.Join(errs...)
}

// readRange opens n stored bytes from off on, of the very object that oi
// describes.
func (b *Bucket) readRange(ctx context.Context, oi *ObjectInfo, off, n int64) (*Object, error) {
	body := b.resumed(ctx, oi.Key, &oi.Info, nil, off, off+n)
	if err := body.open(); err != nil {
		return nil, err
	}
	src := newBodyReader(ctx, body, n, "read body")
	return &Object{info: oi, plain: io.NopCloser(src), body: body}, nil
}
