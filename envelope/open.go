// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// An Opener opens one object: policy has allowed it, its CEK is unwrapped, and
// for V3 the commitment is verified; that of Chunked is in the body. The body
// is not verified yet. The content key stays in memory as long as the Opener
// does.
//
// An Opener may be used concurrently, and for several readers of the same
// body. Each reader is for one goroutine.
type Opener struct {
	header     *Header
	content    *content
	release    Release
	ranges     bool
	unverified atomic.Int64 // readers that have released bytes nobody verified
}

// NewOpener checks h against opts and then unwraps its CEK by u. opts may be
// nil, which is the zero value.
//
// The steps are, in this order: h must be a valid header, else it returns a
// [*MetadataError]; opts must allow it, else a [*PolicyError], see
// [OpenOptions.Permit]; only then is the key used. A CEK that cannot be
// unwrapped, is bound to another content algorithm or does not match the
// commitment is [ErrDecrypt]. A missing key is [wrap.ErrNoKey]; that, the errors
// of ctx and those of the way to a KMS are passed through wrapped.
//
// A header with several recipients is tried one after the other, at most one
// call of u for each: the first CEK that u vouches for is used. ErrNoKey then
// means that u has a key for none of them.
//
// A nil error does not mean that the right key was used: for V1 and V2 with RSA
// PKCS#1 v1.5 or a KMS, and for Chunked, only the content tells.
//
// It may be called concurrently.
func NewOpener(ctx context.Context, h *Header, u wrap.Unwrapper, opts *OpenOptions) (*Opener, error) {
	if opts == nil {
		opts = new(OpenOptions)
	}
	if h == nil {
		return nil, fmt.Errorf("envelope: open: no header: %w", ErrNotEncrypted)
	}
	h = h.clone()
	if err := opts.Permit(h); err != nil {
		return nil, err
	}
	cek, err := unwrap(ctx, u, h)
	defer clear(cek)
	if err != nil {
		return nil, err
	}
	c, err := openContent(h, cek, opts.contentAAD(h))
	if err != nil {
		return nil, err
	}
	return &Opener{header: h, content: c, release: opts.releaseRule(), ranges: opts.AllowUnauthenticatedRanges}, nil
}

// Authenticated reports whether every byte returned so far by any reader of
// this Opener was verified. It is always true under [Buffered], [Spool] and
// [TwoPass]; under [UnverifiedUntilEOF] it is false from the first byte on
// until the reader has returned io.EOF. It is always false for CBC and CTR,
// which nothing can verify, and once RangeReader or ReaderAt was called for
// other content than Chunked and DARE, for which it is always true.
//
// It says nothing about bytes that are still to come.
func (o *Opener) Authenticated() bool {
	verified := o.content.mode == modeGCM || o.content.mode == modeOwn
	return verified && o.unverified.Load() == 0
}

// Reader returns the plaintext of the whole body src.
//
// size is the size of the stored body in bytes, or -1 if it is unknown.
// Under [Buffered] and [Spool] a size over the limit is [stream.ErrBufferLimit]
// before src is read; for CBC and CTR, which have no tag, a body of another size
// is [ErrDecrypt]. A size that no body can have is ErrDecrypt or
// [stream.ErrTooLarge] at once.
//
// GCM content is released as [OpenOptions] say; Chunked and DARE stream, and
// yield nothing that was not verified, but that it is everything is only known
// at io.EOF; CBC and CTR stream and are NOT authenticated. Whatever the
// content is guilty of is ErrDecrypt; errors of src are passed through
// wrapped.
//
// The reader also has WriteTo. Its Close closes src if that is an io.Closer,
// once, and frees what the rule of release keeps; closing early never counts as
// success, and reading after it is [stream.ErrClosed]. If Reader fails, src
// stays open.
//
// The returned reader is not safe for concurrent use.
func (o *Opener) Reader(src io.Reader, size int64) (io.ReadCloser, error) {
	if size >= 0 {
		if _, _, err := o.header.PlaintextSize(size); err != nil {
			return nil, vague(err)
		}
	} else if size != -1 {
		return nil, fmt.Errorf("envelope: size %d: want -1 if it is unknown", size)
	}
	c := o.content
	switch c.mode {
	case modeCBC:
		dec, err := stream.NewCBCDecryptReader(sized(src, size), c.secret.key, c.iv)
		return o.body(src, dec, releasedForEver, err)
	case modeOwn:
		dec, err := c.format.DecryptReader(src, c.params())
		return o.body(src, dec, releasedVerified, err)
	case modeCTR:
		dec, err := stream.NewCTRReader(sized(src, size), c.secret.key, c.iv)
		return o.body(src, dec, releasedForEver, err)
	}
	return o.gcmReader(src, size)
}

// body joins a decrypting reader with its source.
func (o *Opener) body(src, dec io.Reader, state released, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, fmt.Errorf("envelope: open: %w", err)
	}
	return &bodyReader{opener: o, src: src, dec: dec, state: state}, nil
}

// String describes the opener without its keys.
func (o *Opener) String() string { return "opener of " + o.header.String() }

// Format prints String for every verb, so that no verb prints keys.
func (o *Opener) Format(f fmt.State, _ rune) { io.WriteString(f, o.String()) }

// LogValue returns the same text as String.
func (o *Opener) LogValue() slog.Value { return slog.StringValue(o.String()) }
