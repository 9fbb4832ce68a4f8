// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/s3seal/s3seal/envelope"
)

// readStep is how much plaintext is fetched and decrypted at once. No format
// verifies anything as a whole across a multiple of it.
const readStep = 1 << 20

// A ReaderAt is the plaintext of one version of an object, for reads at any
// offset: for archive/zip, net/http.ServeContent, or io.NewSectionReader. Use
// [Bucket.ReaderAt]. Whoever got it must close it.
//
// Of Chunked and DARE every byte was verified before it is returned, and so was
// the size. All other content, and its size, is NOT authenticated: see
// Authenticated.
//
// It fetches what is not in its cache, which is ciphertext: at most 4 pieces of
// up to about 1 MiB, besides those that reads in progress hold, one each, and the
// start and the end of the body. Reads that follow each other are fetched ahead,
// 128 KiB at first and then twice as much each time, up to 1 MiB.
//
// ReadAt and all other methods may be called concurrently.
type ReaderAt struct {
	info   *ObjectInfo
	opener *envelope.Opener // nil if not encrypted
	plain  io.ReaderAt
	size   int64
	cache  *rangeCache
	cancel context.CancelFunc
}

var (
	_ io.ReaderAt = (*ReaderAt)(nil)
	_ io.Closer   = (*ReaderAt)(nil)
)

// ReaderAt opens an object for reads at any offset. ctx is bound to it until it
// is closed.
//
// Chunked and DARE need no option for that. Everything else needs
// AllowUnauthenticatedRanges, else the error is a [*envelope.PolicyError] before
// any key is used. It takes one request that describes the object, and for its
// start and its end up to two for parts of the body, one if the object is small
// or DARE, none for GCM and CTR.
//
// A body that does not end where its size says is envelope.ErrDecrypt, if the
// format can tell. Other errors are those of [Bucket.Get].
func (b *Bucket) ReaderAt(ctx context.Context, key string) (*ReaderAt, error) {
	r, err := b.readerAt(ctx, key)
	if err != nil {
		return nil, opError("read", key, err)
	}
	return r, nil
}

func (b *Bucket) readerAt(ctx context.Context, key string) (*ReaderAt, error) {
	oi, err := b.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &ReaderAt{info: oi, cancel: cancel, cache: &rangeCache{size: oi.Size}}
	r.cache.open = func(off, n int64) (*Object, error) { return b.readRange(ctx, oi, off, n) }
	if oi.Header == nil {
		err = r.openPlain(&b.open)
	} else {
		err = r.openSealed(ctx, b, key)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	r.cache.keepNoMore()
	return r, nil
}

func (r *ReaderAt) openPlain(opts *envelope.OpenOptions) error {
	r.plain, r.size = r.cache, r.info.Size
	return permitPlain(r.info, opts)
}

func (r *ReaderAt) openSealed(ctx context.Context, b *Bucket, key string) error {
	oi := r.info
	if err := b.opening(key, &b.open).PermitRange(oi.Header); err != nil {
		return err // before any key is used
	}
	if oi.PlaintextSizeMax < 0 {
		return envelope.ErrDecrypt // no intact object has this size
	}
	opener, err := b.opener(ctx, key, oi, &b.open)
	if errors.Is(err, envelope.ErrDecrypt) && oi.InstructionFile != "" {
		err = cmp.Or(b.unchanged(ctx, key, &oi.Info), err)
	}
	if err != nil {
		return err
	}
	r.opener = opener
	plain, err := opener.ReaderAt(r.cache, oi.Size)
	if err != nil {
		return r.cause(err)
	}
	if r.size, err = plain.Size(); err != nil { // for CBC it takes the last block to tell
		return r.cause(err)
	}
	oi.PlaintextSizeMin, oi.PlaintextSizeMax = r.size, r.size
	r.plain = plain
	return nil
}

// ReadAt reads len(p) bytes of plaintext from offset off on. If there are fewer,
// it returns them and io.EOF, which it never does for another reason. However
// long p is, it takes one request, or none if all is in the cache; several only
// where part of p is.
//
// The n bytes before an error are good; behind them, p holds nothing. The error
// is envelope.ErrDecrypt if the object was altered, [ErrChanged] if it was
// replaced or deleted since it was opened, one that wraps [fs.ErrClosed] after
// Close, or that of the storage or the context. Errors do not stick: ReadAt may
// be tried again.
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case off < 0:
		return 0, opError("read", r.info.Key, fmt.Errorf("%w: offset %d", ErrRange, off))
	case len(p) == 0:
		return 0, nil
	case off >= r.size:
		return 0, io.EOF
	}
	short := int64(len(p)) > r.size-off
	if short {
		p = p[:r.size-off]
	}
	f := &fetch{cache: r.cache}
	if f.last, err = r.ends(off, int64(len(p))); err == nil {
		n, err = r.read(p, off, f)
	}
	f.close()
	switch {
	case err != nil:
		return n, opError("read", r.info.Key, r.cause(err))
	case short:
		return n, io.EOF
	}
	return n, nil
}

// read fills p, step by step.
func (r *ReaderAt) read(p []byte, off int64, f *fetch) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		step := int(min(int64(len(p)-n), readStep-at%readStep))
		coff, cn, err := r.ciphertext(at, int64(step))
		if err != nil {
			return n, err
		}
		w, err := f.window(coff, coff+cn)
		if err != nil {
			return n, err
		}
		m, err := r.plain.ReadAt(p[n:n+step], at)
		r.cache.release(w, err == nil || m == step)
		n += m
		if m < step {
			clear(p[n : n+step-m])
			if err == nil || err == io.EOF {
				err = envelope.ErrDecrypt // the size says that there is more
			}
			return n, err
		}
	}
	return n, nil
}

// ciphertext returns the part of the body that holds n bytes of plaintext from
// off on: the last one that the format names, or an edge, which is there.
func (r *ReaderAt) ciphertext(off, n int64) (coff, cn int64, err error) {
	if r.opener == nil {
		return off, n, nil
	}
	parts, err := r.opener.CiphertextRanges(off, n, r.info.Size)
	if err != nil || len(parts) == 0 {
		return 0, 0, err
	}
	last := parts[len(parts)-1]
	return last.Off, last.N, nil
}

// ends returns where the ciphertext of a whole read ends.
func (r *ReaderAt) ends(off, n int64) (int64, error) {
	coff, cn, err := r.ciphertext(off, n)
	return coff + cn, err
}

// cause returns an error of the storage instead of what was made of it on the
// way through the format, and says that an object that is gone has changed.
func (r *ReaderAt) cause(err error) error {
	switch {
	case r.cache.isClosed():
		return fs.ErrClosed
	case errors.Is(err, ErrNotExist):
		return fmt.Errorf("%w: it was deleted", ErrChanged)
	case err == io.EOF:
		return envelope.ErrDecrypt
	}
	return err
}

// Size returns the size of the plaintext in bytes. It is verified if
// Authenticated.
func (r *ReaderAt) Size() int64 { return r.size }

// Info describes the object as it was when it was opened. Every call returns the
// same value.
func (r *ReaderAt) Info() *ObjectInfo { return r.info }

// Authenticated reports whether whatever is read, and the size, is verified. It
// is true for Chunked and DARE, and false for everything else, of which a part
// cannot be.
func (r *ReaderAt) Authenticated() bool { return r.opener != nil && r.opener.Authenticated() }

// Close cancels the reads in progress and drops the cache. It returns nil, also
// if it is called again.
func (r *ReaderAt) Close() error {
	r.cache.close()
	r.cancel()
	return nil
}
