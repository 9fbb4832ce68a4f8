// SPDX-License-Identifier: Apache-2.0

// Package backend stores sealed objects: a [Bucket] joins package envelope with
// a [Driver], which is any storage that can put, get, describe and delete
// objects with metadata.
//
//	backend/mem   in memory, the reference
//	backend/dir   a local folder
//	backend/s3    an S3 server
//
// # What is guaranteed
//
// A put that fails leaves no object and does not harm the one before. A source
// that ends early is an error wherever the end can be known: by its own error,
// by the declared size, by [Writer.Abort]. What [Bucket.Get] returns is
// authenticated as the options of package envelope say; by default nothing is
// released before all of it was verified.
//
// # What is not
//
// Keys of objects, their sizes, the time and the metadata are visible to the
// storage, which may also delete an object, or replace it by another one that
// was sealed under the same key-encryption key, or by an older version of it.
package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// Options say how a [Bucket] seals and what it opens. The zero value seals
// V3 and opens V3 only.
type Options struct {
	Seal envelope.SealOptions
	Open envelope.OpenOptions
}

// A Bucket seals objects into a storage and opens them. Use [NewBucket].
//
// It authenticates content, not names: an object that the storage returns for
// a key may have been sealed for another one.
//
// A Bucket is safe for concurrent use.
type Bucket struct {
	driver    Driver
	wrapper   wrap.Wrapper
	unwrapper wrap.Unwrapper
	seal      envelope.SealOptions
	open      envelope.OpenOptions
}

// NewBucket returns a bucket over d that wraps content keys by w and unwraps
// them by u. w may be nil in a bucket that is only read, u in one that is only
// written; what would need it fails with [wrap.ErrNoKey]. opts may be nil,
// which is the zero value, and is copied.
//
// NewBucket does not use the storage. It is safe for concurrent use.
func NewBucket(d Driver, w wrap.Wrapper, u wrap.Unwrapper, opts *Options) *Bucket {
	if opts == nil {
		opts = new(Options)
	}
	b := &Bucket{driver: d, wrapper: w, unwrapper: u, seal: opts.Seal, open: opts.Open}
	b.seal.MatDesc = maps.Clone(opts.Seal.MatDesc)
	b.open.ContentAAD = bytes.Clone(opts.Open.ContentAAD)
	return b
}

// ObjectInfo describes an object of a [Bucket].
type ObjectInfo struct {
	// Info is of the stored object: its Size is that of the ciphertext, its
	// Metadata includes the envelope.
	Info

	// Header is the envelope, or nil if the object is not encrypted.
	Header *envelope.Header

	// PlaintextSizeMin and PlaintextSizeMax are the bounds of the size of the
	// plaintext in bytes. They are equal but for CBC, unless the plaintext
	// was seen, and both -1 if the stored size is one that no intact object
	// has. Unless the plaintext was seen and verified, nothing authenticates
	// them.
	PlaintextSizeMin, PlaintextSizeMax int64

	// Authenticated is set by GetFile only: all that was written to the file
	// had been verified. It is false for CBC and CTR, which cannot be.
	Authenticated bool
}

// describe parses what the metadata of info says about the plaintext.
func describe(info *Info) (*ObjectInfo, error) {
	o := &ObjectInfo{Info: *info, PlaintextSizeMin: info.Size, PlaintextSizeMax: info.Size}
	h, err := envelope.ParseHeader(info.Metadata)
	if errors.Is(err, envelope.ErrNotEncrypted) {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	o.Header = h
	o.PlaintextSizeMin, o.PlaintextSizeMax, err = h.PlaintextSize(info.Size)
	if err != nil { // a damaged object can still be described
		o.PlaintextSizeMin, o.PlaintextSizeMax = -1, -1
	}
	return o, nil
}

// Stat describes an object. It needs no key and reads no body, and so nothing
// of what it returns is authenticated.
//
// It returns [ErrNotExist] for a missing object and a
// [*envelope.MetadataError] for one whose envelope is damaged. An object
// without an envelope is no error: its Header is nil.
func (b *Bucket) Stat(ctx context.Context, key string) (*ObjectInfo, error) {
	info, err := b.driver.Stat(ctx, key)
	if err != nil {
		return nil, opError("stat", key, err)
	}
	o, err := describe(info)
	if err != nil {
		return nil, opError("stat", key, err)
	}
	return o, nil
}

// Delete removes an object, encrypted or not. It returns [ErrNotExist] for a
// missing object if the storage can tell, and nil if it cannot.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := b.driver.Delete(ctx, key); err != nil {
		return opError("delete", key, err)
	}
	return nil
}

// opError says what failed. It is the one place that names the key.
func opError(op, key string, err error) error {
	return fmt.Errorf("backend: %s %q: %w", op, key, err)
}
