// SPDX-License-Identifier: Apache-2.0

// Package backend stores sealed objects: a [Bucket] joins package envelope with
// a [Driver], which is any storage that can put, get, describe and delete
// objects with metadata.
//
//	backend/mem   in memory, the reference
//	backend/dir   a local folder
//	backend/s3    an S3 server
//
// As in:
//
//	bucket := backend.NewBucket(driver, key, key, nil)   // key is a wrap.Key
//	info, err := bucket.Put(ctx, "a/key", src, -1, nil)  // of a size that is not known
//
//	object, err := bucket.Get(ctx, "a/key")
//	defer object.Close()
//	_, err = io.Copy(dst, object)
//
// # What is guaranteed
//
// A put that fails leaves no object and does not harm the one before. A source
// that ends early is an error wherever the end can be known: by its own error,
// by the declared size, by [Writer.Abort]. What [Bucket.Get] returns is
// authenticated as the options of package envelope say; by default nothing is
// released before all of it was verified. Chunked and DARE stream instead: every
// byte was verified, but that none is missing is known at the end. They alone can
// be read in part without giving that up, see [Bucket.ReaderAt].
//
// # What is not
//
// An object whose envelope is in an instruction file consists of two objects,
// and nothing makes those change, move or vanish together: see
// Options.InstructionFile.
//
// Keys of objects, their sizes, the time and the metadata are visible to the
// storage, which may also delete an object, or replace it by another one that
// was sealed under the same key-encryption key, or by an older version of it.
// Options.Bind prevents the former in Chunked and DARE.
//
// # The bytes
//
// What is stored under a key is the body as package envelope describes it, and its
// envelope is metadata; nothing is added. What lies beside it, where it is asked
// for:
//
//	KEY.instruction   the instruction file, see package envelope; up to 64 KiB
//	KEY.key           the sidecar of NewSidecarKey: what the KMS has made of the KEK; up to 8 KiB
//
// The state file of [Bucket.PutResumable] is on the disk of the client:
//
//	offset   0                16        48                52     16384
//	         s3seal-resume-1  SHA-256   size of JSON      JSON   a slot for each part, and one for the end
//	size     16, newline last 32        4, big endian     s      512 each
//
// The SHA-256 is of what follows it in the first 16384 bytes, which end in zeros;
// it finds damage, not intent. The JSON is the envelope of the object, its key, and
// how it was to be put. A slot is zeros until its part was encrypted, then
//
//	offset   0              78      128           129    129+e     133+e
//	         sealed state   zeros   size of ETag  ETag   CRC-32C   zeros
//	size     78             50      1             e      4
//
// where the state is that of [stream.Parts], under a key that the state file does
// not have.
//
// # What was rejected
//
// [Driver] as what users call: methods can be added to [Bucket], not to an interface
// that others implement. Embedding the client of a storage: a method that was
// forgotten would bypass encryption without a word. Drivers by URL and a registry
// of them: what a program can reach should show in its imports.
//
// Seek on what [Bucket.Get] returns: each one would hide a request; an
// [io.SectionReader] over [Bucket.ReaderAt] says so. Keeping plaintext between calls
// of a [ReaderAt], which saves little beside a request, and fetching ahead of what
// was asked for, which a short range would pay for. A HEAD before a download in
// parts: small objects would take a second request.
//
// One error for all conditions: [ErrExist] and [ErrChanged] lead to different next
// steps. Leaving out what a driver cannot keep: it has to refuse.
package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// Options say how a [Bucket] seals and what it opens. The zero value seals
// V3, with the envelope in metadata, and opens V3 and Chunked.
type Options struct {
	// Seal says how puts seal, and Open what reads let in.
	Seal envelope.SealOptions
	Open envelope.OpenOptions // the zero value opens V3 and Chunked only

	// Download says how bodies are read from the storage: what happens when a
	// connection breaks, and how much GetFile reads at a time.
	Download DownloadOptions

	// Name is the name of the storage bucket, to which objects are bound
	// together with their keys. It may be empty where storage has no buckets.
	Name string

	// Bind makes puts bind the content to Name and the key of the object:
	// storage can then not deliver it under another key, and a copy or a
	// renamed object cannot be opened. Only s3seal's own formats can be bound.
	// Reading needs Name, and nothing else: the keys are those that are asked
	// for. Open.RequireBound keeps out what is not bound.
	//
	// Seal.Bind and Open.Bind, where they are not empty, are used instead of
	// Name and the key, whatever the key.
	Bind bool

	// InstructionFile makes puts store the envelope in an instruction file
	// beside the object, for an envelope that does not fit into metadata or
	// for readers that expect it there. Reading needs no option.
	//
	// The file is written before the object and removed again if the object
	// fails and the storage says that nothing of it was stored; a crash in
	// between leaves a file without an object. Two puts, or a put and a delete,
	// of the same key at the same time can leave an object with the file of
	// another one: it can no longer be opened, or with CBC opens to garbage.
	//
	// Overwriting is refused with [ErrInstructionFile] unless the storage
	// keeps versions: from the moment that the file is replaced until the
	// object is, too, the object before cannot be read.
	InstructionFile bool

	// AllowInstructionOverwrite lets a put replace an instruction file all
	// the same. If the put fails, the file before is put back; if that fails
	// too, or the process dies, the object before is lost.
	AllowInstructionOverwrite bool

	// InstructionSuffix is what ends the key of an instruction file, after
	// the key of the object; empty means [envelope.InstructionSuffix]. With
	// another one puts use that, where other readers do not look unasked, and
	// reads look there first. [envelope.DotNetInstructionSuffix] also reads
	// the files of the first .NET client.
	InstructionSuffix string

	// Hooks are called when something has happened.
	Hooks Hooks
}

// A Bucket seals objects into a storage and opens them. Use [NewBucket].
//
// It authenticates content, not names: an object that the storage returns for
// a key may have been sealed for another one, unless Options.Open has
// RequireBound.
//
// A Bucket is safe for concurrent use.
type Bucket struct {
	driver    Driver
	wrapper   wrap.Wrapper
	unwrapper wrap.Unwrapper
	seal      envelope.SealOptions
	open      envelope.OpenOptions
	download  DownloadOptions
	known     []envelope.Suite // that are not built in
	name      string           // Options.Name
	bind      bool             // Options.Bind
	file      bool             // Options.InstructionFile
	overwrite bool             // Options.AllowInstructionOverwrite
	suffixes  []string         // of instruction files; the first is the one that puts use
	hooks     Hooks
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
	b := &Bucket{driver: d, wrapper: w, unwrapper: u, seal: opts.Seal, open: opts.Open, download: opts.Download.withDefaults()}
	b.name, b.bind, b.hooks = opts.Name, opts.Bind, opts.Hooks
	b.file, b.overwrite = opts.InstructionFile, opts.AllowInstructionOverwrite
	if s := opts.InstructionSuffix; s != "" && s != envelope.InstructionSuffix {
		b.suffixes = append(b.suffixes, s)
	}
	b.suffixes = append(b.suffixes, envelope.InstructionSuffix)
	b.seal.MatDesc = maps.Clone(opts.Seal.MatDesc)
	b.seal.Recipients = slices.Clone(opts.Seal.Recipients)
	b.open.ContentAAD = bytes.Clone(opts.Open.ContentAAD)
	b.open.ExtraSuites = slices.Clone(opts.Open.ExtraSuites)
	b.known = slices.Concat(opts.Open.ExtraSuites, []envelope.Suite{opts.Seal.Suite})
	return b
}

// ObjectInfo describes an object of a [Bucket].
type ObjectInfo struct {
	// Info is of the stored object: its Size is that of the ciphertext, its
	// Metadata includes the envelope, or what is not in an instruction file.
	Info

	// InstructionFile is the key of the instruction file that holds the
	// envelope; empty if metadata does.
	InstructionFile string

	// Header is the envelope, or nil if the object is not encrypted.
	Header *envelope.Header

	// PlaintextSizeMin and PlaintextSizeMax are the bounds of the size of the
	// plaintext in bytes. They are equal but for CBC, unless the plaintext
	// was seen, and both -1 if the stored size is one that no intact object
	// has. Unless the plaintext was seen and verified, nothing authenticates
	// them.
	PlaintextSizeMin, PlaintextSizeMax int64

	// Authenticated is set by GetFile and GetToUnverified only: all that they
	// wrote was verified. It is false for CBC and CTR, which cannot be.
	Authenticated bool
}

// describe finds the envelope of the object under key and says what it tells
// about the plaintext. It is the one way from an Info to a Header.
func (b *Bucket) describe(ctx context.Context, key string, info *Info) (*ObjectInfo, error) {
	o := &ObjectInfo{Info: *info, PlaintextSizeMin: info.Size, PlaintextSizeMax: info.Size}
	h, file, err := b.findHeader(ctx, key, info)
	if err == envelope.ErrNotEncrypted { // itself: no other error may pass for it
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	o.Header, o.InstructionFile = h, file
	o.PlaintextSizeMin, o.PlaintextSizeMax, err = h.PlaintextSize(info.Size)
	if err != nil { // a damaged object can still be described
		o.PlaintextSizeMin, o.PlaintextSizeMax = -1, -1
	}
	return o, nil
}

// Stat describes an object. It needs no key and reads no body but that of an
// instruction file, and so nothing of what it returns is authenticated.
//
// It returns [ErrNotExist] for a missing object, a [*envelope.MetadataError]
// for one whose envelope is damaged, and [ErrNoInstructionFile] for one of
// which half the envelope is missing. An object without an envelope is no
// error: its Header is nil.
func (b *Bucket) Stat(ctx context.Context, key string) (*ObjectInfo, error) {
	o, err := b.stat(ctx, key)
	if err != nil {
		return nil, opError("stat", key, err)
	}
	return o, nil
}

func (b *Bucket) stat(ctx context.Context, key string) (*ObjectInfo, error) {
	info, err := b.driver.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return b.describe(ctx, key, info)
}

// Delete removes an object, encrypted or not, and then its instruction file if
// it has one: an object in that place which is no instruction file stays, as
// does everything else with a similar key, such as a sidecar. It returns
// [ErrNotExist] for a missing object if the storage can tell, and nil if it
// cannot; a file that was left without an object is removed in any case.
//
// An error about the instruction file means that the object itself is deleted.
// Delete can then be called again.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	err := b.driver.Delete(ctx, key)
	if err != nil && !errors.Is(err, ErrNotExist) {
		return opError("delete", key, err)
	}
	if fileErr := b.deleteInstructions(ctx, key); fileErr != nil {
		return opError("delete", key, fmt.Errorf("the object is deleted, but not what may be its %w", fileErr))
	}
	if err != nil {
		return opError("delete", key, err)
	}
	return nil
}

// opError says what failed. It is the one place that names the key of an
// object, but for ErrDecrypt: that stays as bare as it comes from Read, since
// any difference would tell at which step a forgery was found.
func opError(op, key string, err error) error {
	if errors.Is(err, envelope.ErrDecrypt) {
		return envelope.ErrDecrypt
	}
	return fmt.Errorf("backend: %s %q: %w", op, key, err)
}
