// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/s3seal/s3seal/envelope"
)

// Get opens an object. The caller must close it.
//
// Nothing is verified by Get itself but the envelope; what the plaintext is
// worth while it is being read, [Object] says. By default no byte is released
// before the whole object was verified, which needs memory for all of it: an
// object over the limit (64 MiB) is stream.ErrBufferLimit. Options.Open has
// other rules; [Bucket.GetFile] reads an object of any size into a file.
//
// It returns [ErrNotExist] for a missing object; a [*envelope.PolicyError] or
// [*envelope.MetadataError], before any key is used, for one that the options
// do not allow or whose envelope is damaged; and [envelope.ErrNotEncrypted]
// for one that has no envelope, unless AllowPlaintext. A wrong key, or an
// object that was altered, is envelope.ErrDecrypt.
//
// Where metadata has no envelope, Get looks for an instruction file. Only an
// answer that there is none makes an object count as not encrypted, or where
// V3 has left a part in the metadata as [ErrNoInstructionFile]; if the storage
// refuses or fails to answer, that is the error, and what is there but is no
// instruction file is a MetadataError. An object that was replaced
// while its instruction file was read is [ErrChanged], except that one whose
// replacement is still going on can be ErrDecrypt. ctx is bound to the object
// until it is closed.
func (b *Bucket) Get(ctx context.Context, key string) (*Object, error) {
	o, err := b.get(ctx, key, &b.open)
	if err != nil {
		return nil, opError("get", key, err)
	}
	return o, nil
}

// get reads metadata and body by one request, so that they cannot be of two
// versions. An instruction file takes another request, and one to see that the
// object is still the same.
func (b *Bucket) get(ctx context.Context, key string, opts *envelope.OpenOptions) (*Object, error) {
	body, info, err := b.driver.Get(ctx, key, &GetOptions{})
	if err != nil {
		return nil, err
	}
	o, err := b.openWhole(ctx, key, body, info, opts)
	if err != nil {
		body.Close() // the first error is the one that counts
		return nil, err
	}
	return o, nil
}

func (b *Bucket) openWhole(ctx context.Context, key string, body io.ReadCloser, info *Info, opts *envelope.OpenOptions) (*Object, error) {
	oi, err := b.describe(ctx, key, info)
	if err == nil && oi.InstructionFile != "" {
		err = b.unchanged(ctx, key, info)
	}
	if err != nil {
		return nil, err
	}
	src := newBodyReader(ctx, body, info.Size, "read body")
	if oi.Header == nil {
		if err := permitPlain(oi, opts); err != nil {
			return nil, err
		}
		return &Object{info: oi, plain: io.NopCloser(src), body: body}, nil
	}
	opener, err := b.opener(ctx, key, oi, opts)
	if err != nil {
		return nil, err
	}
	plain, err := opener.Reader(src, info.Size)
	if err != nil {
		return nil, err
	}
	return &Object{info: oi, plain: plain, body: body, opener: opener}, nil
}

// permitPlain says whether an object without an envelope and without an
// instruction file may be read as it is. One that still carries the hints of an
// encrypting writer is ciphertext whose file is lost, one with names of ours is
// of a format that this version does not know; neither must be mistaken for
// plaintext.
func permitPlain(o *ObjectInfo, opts *envelope.OpenOptions) error {
	for name := range o.Metadata {
		bare := strings.TrimPrefix(strings.ToLower(name), metadataPrefix)
		if strings.HasPrefix(bare, "x-amz-unencrypted-content-") || strings.HasPrefix(bare, "s3seal-") {
			return fmt.Errorf("%w in its metadata, but has %s", envelope.ErrNotEncrypted, name)
		}
	}
	if !opts.AllowPlaintext {
		return envelope.ErrNotEncrypted
	}
	return nil
}

// GetRange opens part of the plaintext: n bytes from off on, clipped at the
// end of the object; all from off on if n is -1. A negative off with n = -1
// means the last -off bytes, or all if there are not as many. The caller must
// close the Object, which delivers exactly those bytes or an error.
//
// A range is NOT authenticated: the tag covers the whole object, and whoever
// can alter the object can flip any bit of a range unnoticed. Therefore an
// encrypted object needs AllowUnauthenticatedRanges, else the error is a
// [*envelope.PolicyError], and Authenticated of the Object is false.
//
// A range that starts at or past the end is [ErrRange], as is an n that is
// neither positive nor -1. CBC has no ranges: [errors.ErrUnsupported]. The
// object is looked at first and then read, and if it was replaced in between
// the error is [ErrChanged]. Other errors are those of [Bucket.Get].
func (b *Bucket) GetRange(ctx context.Context, key string, off, n int64) (*Object, error) {
	o, err := b.getRange(ctx, key, off, n)
	if err != nil {
		return nil, opError("get range", key, err)
	}
	return o, nil
}

func (b *Bucket) getRange(ctx context.Context, key string, off, n int64) (*Object, error) {
	info, err := b.driver.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	oi, err := b.describe(ctx, key, info)
	if err != nil {
		return nil, err
	}
	if oi.Header == nil {
		return b.plainRange(ctx, oi, off, n)
	}
	if err := b.permitRange(oi.Header); err != nil {
		return nil, err
	}
	if oi.PlaintextSizeMax < 0 {
		return nil, envelope.ErrDecrypt // no intact object has this size
	}
	opener, err := b.opener(ctx, key, oi, &b.open)
	if errors.Is(err, envelope.ErrDecrypt) && oi.InstructionFile != "" {
		// The body will be asked for by its ETag, but the key comes first.
		err = cmp.Or(b.unchanged(ctx, key, info), err)
	}
	if err != nil {
		return nil, err
	}
	if off, n, err = resolve(off, n, oi.PlaintextSizeMax); err != nil {
		return nil, err
	}
	coff, cn, err := opener.CiphertextRange(off, n, oi.Size)
	if err != nil {
		return nil, err
	}
	o, err := b.readRange(ctx, oi, coff, cn)
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

// permitRange decides before any key is used, which [envelope.Opener] cannot.
func (b *Bucket) permitRange(h *envelope.Header) error {
	if h.Suite == envelope.V1 || h.Suite == envelope.V2CBC {
		return fmt.Errorf("range of a %v object: %w", h.Suite, errors.ErrUnsupported)
	}
	if !b.open.AllowUnauthenticatedRanges {
		reason := "a range cannot be authenticated; it needs AllowUnauthenticatedRanges"
		return &envelope.PolicyError{Option: "AllowUnauthenticatedRanges", Reason: reason}
	}
	return nil
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

// readRange opens n stored bytes from off on, of the very object that oi
// describes.
func (b *Bucket) readRange(ctx context.Context, oi *ObjectInfo, off, n int64) (*Object, error) {
	opts := &GetOptions{Range: &Range{Offset: off, Length: n}, IfMatch: oi.ETag}
	body, info, err := b.driver.Get(ctx, oi.Key, opts)
	if err != nil {
		return nil, err
	}
	if info.ETag != oi.ETag || info.Size != oi.Size {
		body.Close()
		return nil, fmt.Errorf("%w: want ETag %q with %d bytes, got %q with %d", ErrChanged, oi.ETag, oi.Size, info.ETag, info.Size)
	}
	src := newBodyReader(ctx, body, n, "read body")
	return &Object{info: oi, plain: io.NopCloser(src), body: body}, nil
}
