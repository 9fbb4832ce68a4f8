// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// sealing returns the options for one object, of size bytes of plaintext or -1.
func (b *Bucket) sealing(key string, size int64) *envelope.SealOptions {
	opts := b.seal
	if b.bind && opts.Bind == (envelope.Binding{}) {
		opts.Bind = envelope.Binding{Bucket: b.name, Key: key}
	}
	opts.Empty = size == 0
	return &opts
}

// opening returns opts with the names that an object was asked for by. They are
// of use to bound objects only, so names that nothing can be bound to are left
// out, for the others.
func (b *Bucket) opening(key string, opts *envelope.OpenOptions) *envelope.OpenOptions {
	if opts.Bind != (envelope.Binding{}) || key == "" || len(key) > math.MaxUint16 || len(b.name) > math.MaxUint16 {
		return opts
	}
	own := *opts
	own.Bind = envelope.Binding{Bucket: b.name, Key: key}
	return &own
}

// marksEmpty reports whether the format has a header of its own for an empty
// plaintext, and so has to know beforehand whether there is any: DARE.
func (b *Bucket) marksEmpty() bool {
	marked := envelope.Header{Suite: b.seal.Suite, Empty: true}
	n, _, err := marked.PlaintextSize(0)
	return err == nil && n == 0
}

// begin is newUpload, and returns what to read instead of src: where the format
// has to know, and size does not say, it looks whether there is a first byte.
func (b *Bucket) begin(ctx context.Context, key string, src io.Reader, size int64, opts *PutOptions) (*upload, io.Reader, error) {
	if size == -1 && b.marksEmpty() {
		if err := b.checkPut(key, opts.clone()); err != nil { // before src is read
			return nil, nil, err
		}
		plain := newBodyReader(ctx, src, -1, "read source")
		var first [1]byte
		switch n, err := plain.Read(first[:]); {
		case n > 0:
			src = io.MultiReader(strings.NewReader(string(first[:])), plain)
		case err == io.EOF:
			src, size = plain, 0
		default:
			return nil, nil, err
		}
	}
	u, err := b.newUpload(ctx, key, size, opts)
	return u, src, err
}

// A beginning is begin with all of its arguments but the source.
type beginning func(ctx context.Context, src io.Reader) (*upload, io.Reader, error)

// beginLater is begin for a source that does not flow yet: all that can fail
// without it has been done when beginLater returns.
func (b *Bucket) beginLater(ctx context.Context, key string, opts *PutOptions) (beginning, error) {
	if b.marksEmpty() {
		opts = opts.clone()
		return func(ctx context.Context, src io.Reader) (*upload, io.Reader, error) {
			return b.begin(ctx, key, src, -1, opts)
		}, b.checkPut(key, opts)
	}
	u, err := b.newUpload(ctx, key, -1, opts)
	return func(_ context.Context, src io.Reader) (*upload, io.Reader, error) { return u, src, nil }, err
}

// hintSize names the format that goes on where GCM ends; with a size that is
// known, package envelope has done so before anything was read.
func (u *upload) hintSize(err error) error {
	s := u.bucket.seal.Suite
	if errors.Is(err, stream.ErrTooLarge) && (s == envelope.V3 || s == envelope.V2GCM) {
		return fmt.Errorf("%w; format %v takes larger objects", err, envelope.Chunked)
	}
	return err
}

// clone returns a copy of o, which may be nil, for a put that goes on after
// its caller has got o back.
func (o *PutOptions) clone() *PutOptions {
	if o == nil {
		return new(PutOptions)
	}
	c := *o
	c.Metadata, c.Headers, c.Tags = maps.Clone(o.Metadata), maps.Clone(o.Headers), maps.Clone(o.Tags)
	if o.SSE != nil {
		sse := *o.SSE
		sse.KMSContext = maps.Clone(sse.KMSContext)
		c.SSE = &sse
	}
	return &c
}
