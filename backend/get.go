// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
)

// Get opens an object. The caller must close it.
//
// Nothing is verified by Get itself but the envelope; what the plaintext is
// worth while it is being read, [Object] says. Chunked and DARE stream what was
// verified. Of everything else, by default, no byte is released
// before the whole object was verified, which needs memory for all of it: an
// object over the limit (64 MiB) is stream.ErrBufferLimit. Options.Open has
// other rules. Of those, envelope.Spool keeps the ciphertext in a temporary
// file, and envelope.TwoPass(nil) gets the object twice: the second time only
// the same version, and if that was replaced or deleted in between, reading
// fails with [ErrChanged]. [Bucket.GetFile] reads an object of any size into a
// file.
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
//
// A body that the connection cuts short is resumed where it stopped, as
// Options.Download says: the reader notices nothing but the time it takes. If the
// object was replaced meanwhile, that is ErrChanged.
func (b *Bucket) Get(ctx context.Context, key string) (*Object, error) {
	o, err := b.get(ctx, key, &b.open)
	if err != nil {
		return nil, opError("get", key, err)
	}
	return b.watch(o), nil
}

// get opens an object to be read by the rule of opts.
func (b *Bucket) get(ctx context.Context, key string, opts *envelope.OpenOptions) (*Object, error) {
	f, err := b.find(ctx, key, opts, 0)
	if err != nil {
		return nil, err
	}
	o, err := f.object(ctx)
	if err != nil {
		f.body.Close() // the first error is the one that counts
		return nil, err
	}
	return o, nil
}

// A found is an object that may be opened, and its body, of which nothing was
// read yet.
type found struct {
	info   *ObjectInfo
	opener *envelope.Opener // nil if not encrypted
	body   *resumedBody
}

// find reads metadata and body by one request, so that they cannot be of two
// versions, or if first is not 0 only that many bytes of the body: what is left is
// asked for when it is come to. An instruction file takes another request, and one
// to see that the object is still the same.
func (b *Bucket) find(ctx context.Context, key string, opts *envelope.OpenOptions, first int64) (*found, error) {
	body, info, err := b.getFirst(ctx, key, first)
	if err != nil {
		return nil, err
	}
	f, err := b.examine(ctx, key, info, opts)
	if err != nil {
		body.Close() // the first error is the one that counts
		return nil, err
	}
	f.body = b.resumed(ctx, key, info, body, 0, info.Size)
	f.body.stop = first
	return f, nil
}

// getFirst asks for the first n bytes of an object, or for all if n is 0. An empty
// object has no range, and there are storages without any: then it is all, as it is
// where no ETag would say that the rest is of the same object.
func (b *Bucket) getFirst(ctx context.Context, key string, n int64) (io.ReadCloser, *Info, error) {
	if n > 0 {
		body, info, err := b.driver.Get(ctx, key, &GetOptions{Range: &Range{Length: n}})
		switch {
		case err == nil && info.ETag == "" && info.Size > n:
			body.Close() // no more is asked of it
		case !errors.Is(err, ErrRange):
			return body, info, err
		}
	}
	return b.driver.Get(ctx, key, &GetOptions{})
}

func (b *Bucket) examine(ctx context.Context, key string, info *Info, opts *envelope.OpenOptions) (*found, error) {
	oi, err := b.describe(ctx, key, info)
	if err == nil && oi.InstructionFile != "" {
		err = b.unchanged(ctx, key, info)
	}
	if err != nil {
		return nil, err
	}
	if oi.Header == nil {
		return &found{info: oi}, permitPlain(oi, opts)
	}
	opener, err := b.opener(ctx, key, oi, b.reopening(ctx, oi, opts))
	return &found{info: oi, opener: opener}, err
}

// object reads the body from its front to its end.
func (f *found) object(ctx context.Context) (*Object, error) {
	src := newBodyReader(ctx, f.body, f.info.Size, "read body")
	if f.opener == nil {
		return &Object{info: f.info, plain: io.NopCloser(src), body: f.body}, nil
	}
	plain, err := f.opener.Reader(src, f.info.Size)
	if err != nil {
		return nil, err
	}
	return &Object{info: f.info, plain: plain, body: f.body, opener: f.opener}, nil
}

// Permit says whether Options.Open allow the object that oi describes, as Stat has
// returned it, to be read as a whole. The error is that of [Bucket.Get], which says
// so before it uses a key: a [*envelope.PolicyError] with all that is in the way,
// or [envelope.ErrNotEncrypted]. Permit uses no key and no storage, so that it can
// be asked of many objects before anything is done to them.
//
// What else Get would fail of it does not find out, and what is in oi nothing
// authenticates. It may be called concurrently.
func (b *Bucket) Permit(oi *ObjectInfo) error {
	var err error
	if oi.Header == nil {
		err = permitPlain(oi, &b.open)
	} else {
		err = b.opening(oi.Key, &b.open).Permit(oi.Header)
	}
	if err != nil {
		return opError("get", oi.Key, err)
	}
	return nil
}

// permitPlain says whether an object without an envelope and without an
// instruction file may be read as it is. One that still carries the hints of an
// encrypting writer must not be mistaken for plaintext.
func permitPlain(o *ObjectInfo, opts *envelope.OpenOptions) error {
	if name := CiphertextHint(o.Metadata); name != "" {
		return fmt.Errorf("%w in its metadata, but has %s: its envelope is in an instruction file that is not there", envelope.ErrNotEncrypted, name)
	}
	if !opts.AllowPlaintext {
		return envelope.ErrNotEncrypted
	}
	if opts.RequireBound { // what is not sealed is not bound either
		return &envelope.PolicyError{Option: "RequireBound", Reason: "not encrypted, so not bound to bucket and key"}
	}
	return nil
}
