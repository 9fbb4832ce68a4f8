// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
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
	opener, err := b.opener(ctx, key, oi, b.reopening(ctx, oi, opts))
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
