// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// A Driver stores objects: bytes with metadata under a key. It is what a
// storage system implements so that a [Bucket] can seal into it; it sees
// ciphertext only and knows nothing of encryption. Package backendtest holds
// the conformance suite, package mem the reference implementation;
// [BodyReader] and [Range.Resolve] do the parts that every driver needs.
//
// Keys are non-empty UTF-8; a driver that cannot store a key must return
// [ErrKey] before it reads a body, and may return ErrKey or [ErrNotExist]
// when asked for an object under such a key. Every method must return
// promptly with an error that wraps ctx.Err() once ctx is done; a body that
// Get returned is bound to the ctx of its Get in the same way. Put can notice
// only between two reads of the body, so whoever supplies one that blocks
// must unblock it.
//
// All methods must be safe for concurrent use.
type Driver interface {
	// Put stores body under key, replacing what was there.
	//
	// size is the number of bytes that body will deliver, or -1 if it is
	// unknown. A body that delivers more or fewer bytes than a size >= 0 must
	// fail with [ErrSize], so Put must look for the end of body after the last
	// byte that it expects. If body returns an error other than io.EOF, Put
	// must return an error that wraps it; a bare io.ErrUnexpectedEOF is an
	// error like any other and not an end.
	//
	// Put must be all or nothing: readers see the object that was there
	// before (or none) until Put has succeeded, body and metadata change
	// together, and a failed Put leaves nothing behind, no partial object and
	// no unfinished upload, even if ctx was cancelled. Of several concurrent
	// puts under one key, one wins as a whole. Put must read body only
	// in the calling goroutine or one that it has joined before it returns,
	// and must not seek, rewind or close it. opts is never nil and must not
	// be retained or modified.
	//
	// Put must keep all that opts ask for. What it cannot keep it must refuse,
	// before it reads body, with an error that wraps errors.ErrUnsupported;
	// [PutOptions.CheckPlain], [PutOptions.CheckWithHeaders] and
	// [PutOptions.CheckConditions] help with that.
	// Whether a condition of opts holds must be decided at the moment at which
	// the object is replaced, so that of several puts with IfNoneMatch under a
	// key that is free exactly one succeeds, and of several with the same
	// IfMatch at most one. Put may look sooner as well. A condition that does
	// not hold must be [ErrExist] for IfNoneMatch and [ErrChanged] for IfMatch.
	//
	// The Info must have the Key, Size, ETag, ContentType, Headers and Metadata
	// that Stat would return. ModTime may be zero if the storage does not say.
	Put(ctx context.Context, key string, body io.Reader, size int64, opts *PutOptions) (*Info, error)

	// Get opens an object. The caller must close the body, at any point and
	// at most once; that must free all that the body holds. The body and the
	// Info must be of the same version of the object, also while the object
	// is being replaced. If the body ends before its time, Read must return
	// an error that is neither io.EOF nor a bare io.ErrUnexpectedEOF. Get
	// must return [ErrNotExist] for a missing object, [ErrChanged] if
	// opts.IfMatch does not match, and [ErrRange] for a range that starts at
	// or past the end of the object or is no range at all, or if the storage
	// answered with another range than the one asked for. opts is never nil.
	Get(ctx context.Context, key string, opts *GetOptions) (io.ReadCloser, *Info, error)

	// Stat describes an object without its body. It must return
	// [ErrNotExist] for a missing object.
	Stat(ctx context.Context, key string) (*Info, error)

	// Delete removes an object and its metadata. It must return
	// [ErrNotExist] for a missing object if the storage can tell, and may
	// return nil if it cannot.
	Delete(ctx context.Context, key string) error
}

// PutOptions say what is stored beside the body. They may be used concurrently
// while nobody writes to them.
type PutOptions struct {
	// Metadata is the user metadata: names in lower case without any prefix,
	// values of printable ASCII that neither begin nor end with a space. A
	// storage may lose empty values and x-amz-unencrypted-content-length.
	Metadata map[string]string

	// ContentType is the media type; empty means application/octet-stream.
	ContentType string

	// Headers are further headers of answers about the object, with names of
	// [HeaderNames] and values as [PutOptions.CheckHeaders] wants them. They are
	// about what is stored, which is ciphertext: a Content-Encoding makes a
	// program that does not know so decode it.
	Headers map[string]string

	// IfNoneMatch stores the object only if there is none under the key; else
	// the put fails with [ErrExist].
	IfNoneMatch bool

	// IfMatch, if not empty, is the ETag of the object that is to be replaced.
	// If there is another one, or none, the put fails with [ErrChanged].
	IfMatch string

	// Tags are kept beside the object by storages that have tags. They are not
	// part of Info.
	Tags map[string]string

	// StorageClass is a name that the storage knows; empty is its default. Some
	// servers ignore it, as they do SSE, and nobody is told.
	StorageClass string

	// MaxSize, if not 0, is what a body of unknown size is not longer than, in
	// bytes. It lets a driver plan, which may refuse a longer one with [ErrSize],
	// or not notice. A [Bucket] takes it as a limit of the plaintext, holds every
	// source to it, and tells the driver those of formats.
	MaxSize int64

	// SSE, if not nil, asks the storage to encrypt what it stores once more,
	// with keys of its own.
	SSE *SSE

	// PartSent, if not nil, should be called for each part of an upload that the
	// storage has taken. A [Bucket] sets it from its [Hooks].
	PartSent func(Part) `json:"-"`
}

// SSE says how a storage is to encrypt on its side: by AES-256 with keys of the
// storage (the zero value), or of a KMS that it uses. This adds nothing to what
// sealing promises; there are storages that accept nothing without it.
type SSE struct {
	// KMS takes the key from the storage's KMS.
	KMS bool

	// KMSKeyID names the key; empty is the default key. It needs KMS.
	KMSKeyID string

	// KMSContext is the encryption context. It needs KMS.
	KMSContext map[string]string
}

// GetOptions select what Get reads.
type GetOptions struct {
	// Range is the part of the body to read; nil is all of it.
	Range *Range

	// IfMatch, if not empty, is the ETag that the object must have.
	IfMatch string
}

// A Range is a part of a body, in bytes of the stored object. It may be used
// concurrently while nobody writes to it.
type Range struct {
	Offset int64 // >= 0
	Length int64 // > 0, or -1 for all from Offset on; clipped to the end of the object
}

// Resolve returns the offset and the number of bytes that r selects of a body
// of size bytes. A nil r selects all. The error wraps [ErrRange] if r starts at
// or past the end, or is not a range: a negative offset, a length that is
// neither positive nor -1.
//
// Resolve does not modify r.
func (r *Range) Resolve(size int64) (off, n int64, err error) {
	if r == nil {
		return 0, size, nil
	}
	if r.Offset < 0 || r.Length == 0 || r.Length < -1 {
		return 0, 0, fmt.Errorf("%w: offset %d, length %d", ErrRange, r.Offset, r.Length)
	}
	if r.Offset >= size {
		return 0, 0, fmt.Errorf("%w: offset %d of %d bytes", ErrRange, r.Offset, size)
	}
	n = size - r.Offset
	if r.Length >= 0 {
		n = min(n, r.Length)
	}
	return r.Offset, n, nil
}

// Info describes a stored object, that is, its ciphertext. An Info belongs to
// the caller: changing its maps changes nothing else.
type Info struct {
	Key         string            // that it was asked for by, or is listed under
	Size        int64             // bytes stored, of the whole object even if a range was read
	ETag        string            // differs between versions that differ in their body; never empty
	VersionID   string            // empty where the storage has no versions
	ModTime     time.Time         // when it was stored, by the clock of the storage
	ContentType string            // the media type of the plaintext, as it was given
	Metadata    map[string]string // names in lower case without any prefix
	Headers     map[string]string // names of HeaderNames that it has; not from a List

	StorageClass string // as the storage calls it; empty is its default, or unknown
	Locked       bool   // may not be deleted or expire for now; Stat and Get say it if they may know
	Noncurrent   bool   // a version that is not the object any more; from a List of versions only
}

// Errors of drivers and buckets. Errors of the storage itself pass through
// wrapped.
var (
	// ErrNotExist says that there is no object under the key. It is
	// [fs.ErrNotExist] with a prefix.
	ErrNotExist = fmt.Errorf("backend: object: %w", fs.ErrNotExist)

	// ErrExist says that there is an object already, where a put was to
	// replace none. It is [fs.ErrExist] with a prefix.
	ErrExist = fmt.Errorf("backend: object: %w", fs.ErrExist)

	// ErrChanged says that the object is no longer the one that was asked for.
	ErrChanged = errors.New("backend: object has changed")

	// ErrRange says that a range lies outside the object, or that the storage
	// did not deliver the range it was asked for.
	ErrRange = errors.New("backend: range not satisfiable")

	// ErrKey says that this storage cannot hold an object under that key.
	ErrKey = errors.New("backend: key not allowed")

	// ErrSize says that a body had another length than was declared.
	ErrSize = errors.New("backend: body is not of the declared size")
)
