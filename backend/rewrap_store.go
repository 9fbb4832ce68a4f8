// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/s3seal/s3seal/envelope"
)

// findFile reads the instruction file of the object together with its ETag, and
// takes its word for the envelope instead of what was read before.
func (r *rewrapping) findFile(ctx context.Context) error {
	b, name := r.bucket, r.oi.InstructionFile
	if name == r.key+envelope.DotNetInstructionSuffix {
		return fmt.Errorf("instruction file %q of the first .NET client: %w; migrate the object", name, errors.ErrUnsupported)
	}
	found, err := b.readInstruction(ctx, name)
	if errors.Is(err, errNoFile) {
		return fmt.Errorf("%w: instruction file %q was deleted", ErrChanged, name)
	}
	if err == nil && found.info.ETag == "" {
		err = errNoETag
	}
	if err != nil {
		return fmt.Errorf("instruction file %q: %w", name, err)
	}
	h, err := envelope.ParseInstructionFile(r.oi.Metadata, bytes.NewReader(found.data), b.known...)
	if err != nil {
		return fmt.Errorf("instruction file %q: %w", name, err)
	}
	r.file, r.oi.Header = found, h
	return nil
}

// encode makes what is to be stored, and sees to it that it reads back.
func (r *rewrapping) encode() error {
	if r.file != nil {
		return r.encodeFile()
	}
	header, err := r.new.Metadata()
	if err != nil {
		return err
	}
	others := maps.Clone(r.oi.Metadata)
	for name := range r.oi.Metadata {
		if _, ours := header[name]; ours || isOptional(name) {
			delete(others, name)
		}
	}
	if r.meta, err = joinMetadata(header, others); err != nil {
		return err
	}
	h, err := envelope.ParseHeader(r.meta, r.bucket.known...)
	return r.same(h, err)
}

// isOptional reports whether an envelope of the format may have this name or not,
// so that the old one could have it and the new one must not: further recipients,
// and the description of a key that is or is not that of a KMS.
func isOptional(name string) bool {
	switch name {
	case "x-amz-m", "x-amz-t", "x-amz-matdesc", "x-amz-wrap-alg", "x-amz-tag-len":
		return true
	}
	return strings.HasPrefix(name, "s3seal-")
}

func (r *rewrapping) encodeFile() error {
	meta, data, err := r.new.InstructionFile()
	if err != nil {
		return err
	}
	for name, value := range meta {
		if got := r.oi.Metadata[name]; got != value { // would have to change together with the file
			return fmt.Errorf("%s in the metadata of the object: want %q, got %q: %w", name, value, got, errors.ErrUnsupported)
		}
	}
	r.data = data
	h, err := envelope.ParseInstructionFile(r.oi.Metadata, bytes.NewReader(data), r.bucket.known...)
	return r.same(h, err)
}

// same checks that h, which was read back, is the new envelope.
func (r *rewrapping) same(h *envelope.Header, err error) error {
	if err == nil && (h.Suite != r.new.Suite || h.Wrap != r.new.Wrap || !bytes.Equal(h.WrappedKey, r.new.WrappedKey)) {
		err = errors.New("another envelope")
	}
	if err != nil {
		return fmt.Errorf("%w: what would be stored reads back as %w", ErrMetadata, err)
	}
	return nil
}

// store replaces the old envelope.
func (r *rewrapping) store(ctx context.Context) (*Info, error) {
	if r.file != nil {
		return r.storeFile(ctx)
	}
	replacer, ok := r.bucket.driver.(MetadataReplacer)
	if !ok {
		return nil, errors.ErrUnsupported // find has looked
	}
	info, err := replacer.ReplaceMetadata(ctx, r.key, r.meta, r.oi.ETag)
	if err == nil && (info == nil || info.Size != r.oi.Size) {
		err = fmt.Errorf("%w: storage has replaced the metadata of something else", ErrChanged)
	}
	return info, err
}

// storeFile replaces the instruction file, if it is the one that was read, and
// then looks whether it still has its object.
func (r *rewrapping) storeFile(ctx context.Context) (*Info, error) {
	b, old := r.bucket, r.file.info
	if err := b.unchanged(ctx, r.key, &r.oi.Info); err != nil {
		return nil, err
	}
	opts := &PutOptions{Metadata: old.Metadata, ContentType: old.ContentType, Headers: old.Headers, IfMatch: old.ETag}
	if _, err := b.putInstruction(ctx, r.file.key, r.data, opts); err != nil {
		return nil, err
	}
	if err := b.unchanged(ctx, r.key, &r.oi.Info); err != nil {
		return nil, err
	}
	return &r.oi.Info, nil
}
