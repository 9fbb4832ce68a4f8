// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// Put seals all of src and stores it under key, replacing what was there.
//
// size is the size of the plaintext in bytes, or -1 if it is unknown. A src
// that delivers more or fewer bytes than a size >= 0 is [ErrSize]; Put looks
// for the end of src before it releases the last bytes; opts.MaxSize is about
// what src may deliver if the size is unknown. A size over the limit
// of the format is stream.ErrTooLarge before the storage is used. If src fails
// with whatever error but io.EOF, so does Put, with an error that wraps it.
// After any error nothing is stored and an object that was there is intact; a
// [SidecarKey] may leave a sidecar.
//
// The storage learns the size of the plaintext and, unencrypted,
// opts.Metadata, opts.ContentType, opts.Headers and opts.Tags. Names of
// metadata are lower case and must not begin with x-amz- or s3seal-, values
// must be printable ASCII, and all of it together with the envelope must fit
// into [MaxMetadataSize]; else the error is [ErrMetadata]. A key that ends as
// those of instruction files do is
// [ErrKey]. opts may be nil and is not retained or modified.
//
// With opts.IfNoneMatch or opts.IfMatch the put replaces nothing, or nothing
// else, and otherwise fails with [ErrExist] or [ErrChanged], perhaps not before
// all of src has been read. An option that the driver does not have is an error
// that wraps errors.ErrUnsupported before src is read. A server that ignores a tag,
// a storage class or SSE is not found out.
//
// With Options.InstructionFile, an instruction file that exists already is
// [ErrInstructionFile] before src is read. With IfNoneMatch it is so whatever
// the other options say, even if there is no object with it, which Delete
// mends; the file is then stored under the same condition as the object.
// IfMatch is not supported, since the file of the object that may stay would
// have to be replaced first. Without instruction files, one that an object
// before had stays and no longer counts, since metadata comes first.
//
// Put notices that ctx is done between two reads of src; a src that blocks
// must be unblocked by the caller. Where DARE is written and the size is
// unknown, the first byte of src is read before a key is used. It reads src
// only in goroutines that have ended when it returns, and does not seek or
// close it.
func (b *Bucket) Put(ctx context.Context, key string, src io.Reader, size int64, opts *PutOptions) (*ObjectInfo, error) {
	u, src, err := b.begin(ctx, key, src, size, opts)
	if err != nil {
		return nil, opError("put", key, err)
	}
	info, err := u.run(ctx, src)
	if err != nil {
		return nil, opError("put", key, err)
	}
	return info, nil
}

// An upload is a put of which all is decided but the plaintext.
type upload struct {
	bucket  *Bucket
	key     string
	sealer  *envelope.Sealer
	sidecar *sidecar // nil if the key needs none
	size    int64    // of the plaintext, or -1
	stored  int64    // of the ciphertext, or -1
	most    int64    // of a plaintext of unknown size, or 0
	file    []byte   // the instruction file; nil if the envelope is in metadata
	opts    *PutOptions
}

// newUpload does all that can fail before the storage is used.
func (b *Bucket) newUpload(ctx context.Context, key string, size int64, opts *PutOptions) (*upload, error) {
	if opts == nil {
		opts = new(PutOptions)
	}
	if size < -1 {
		return nil, fmt.Errorf("%w: size %d: want -1 if it is unknown", ErrSize, size)
	}
	if err := b.checkPut(key, opts); err != nil {
		return nil, err
	}
	sealer, side, err := b.newSealer(ctx, key, size)
	if err != nil {
		return nil, err
	}
	stored, most := int64(-1), int64(0)
	if size >= 0 {
		stored, err = sealer.CiphertextSize(size)
	} else {
		most, err = maxStored(sealer, opts.MaxSize)
	}
	if err != nil {
		return nil, err
	}
	header, file, err := b.envelope(sealer.Header())
	if err != nil {
		return nil, err
	}
	meta, err := joinMetadata(header, opts.Metadata)
	if err != nil {
		return nil, err
	}
	put := opts.clone()
	put.Metadata, put.MaxSize, put.PartSent = meta, most, b.partSent(key)
	return &upload{b, key, sealer, side, size, stored, opts.MaxSize, file, put}, nil
}

// maxStored returns the size of the largest ciphertext that sealer can make of up
// to n bytes, or of any number if n is 0, and 0 if that is more than storages
// hold: GCM is the only mode with less.
func maxStored(sealer *envelope.Sealer, n int64) (int64, error) {
	if n < 0 {
		return 0, fmt.Errorf("%w: MaxSize %d", ErrSize, n)
	}
	if n == 0 || n > stream.GCMMaxSize {
		_, err := sealer.CiphertextSize(stream.GCMMaxSize + 1)
		if errors.Is(err, stream.ErrTooLarge) {
			n = stream.GCMMaxSize
		} else if n == 0 {
			return 0, nil
		}
	}
	most, err := sealer.CiphertextSize(n)
	if errors.Is(err, stream.ErrTooLarge) {
		return 0, nil
	}
	return most, err
}

// checkPut does all that can fail before a key is used.
func (b *Bucket) checkPut(key string, opts *PutOptions) error {
	if err := b.checkKey(key); err != nil {
		return err
	}
	if err := checkOptions(opts); err != nil {
		return err
	}
	if b.file && opts.IfMatch != "" {
		// The file would replace the old one before the condition is decided.
		return fmt.Errorf("IfMatch with an instruction file: %w", errors.ErrUnsupported)
	}
	return nil
}

// envelope returns h as metadata, or split into metadata and a file.
func (b *Bucket) envelope(h *envelope.Header) (meta map[string]string, file []byte, err error) {
	if b.file {
		return h.InstructionFile()
	}
	meta, err = h.Metadata()
	return meta, nil, err
}

// runFile stores the object, after its instruction file if it has one: a reader
// that comes in between finds nothing, instead of ciphertext that looks like
// plaintext.
func (u *upload) runFile(ctx context.Context, src io.Reader) (info *ObjectInfo, err error) {
	if u.file == nil {
		return u.store(ctx, src)
	}
	placed, err := u.bucket.place(ctx, u.key, u.file, u.opts.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	placed.begun = true
	stored := false
	defer func() { // deferred: src may panic
		if !stored {
			err = u.bucket.takeBack(ctx, placed, err)
		}
	}()
	if info, err = u.store(ctx, src); err != nil {
		return nil, err
	}
	stored = true
	if err := u.bucket.inPlace(ctx, placed, info.ETag); err != nil {
		return nil, fmt.Errorf("the object is stored, its instruction file may not be: %w", err)
	}
	info.InstructionFile = placed.file
	return info, nil
}

// store seals src into the storage.
func (u *upload) store(ctx context.Context, src io.Reader) (*ObjectInfo, error) {
	plain := newBodyReader(ctx, src, u.size, "read source")
	if u.most > 0 {
		plain.Limit(u.most)
	}
	sealed, err := u.sealer.Reader(plain)
	if err != nil {
		return nil, err
	}
	body := newBodyReader(ctx, sealed, u.stored, "seal")
	info, err := u.bucket.driver.Put(ctx, u.key, body, u.stored, u.opts)
	if err := outcome(body, info, err); err != nil {
		return nil, u.hintSize(err)
	}
	return &ObjectInfo{
		Info:             *info,
		Header:           u.sealer.Header(),
		PlaintextSizeMin: plain.N(),
		PlaintextSizeMax: plain.N(),
	}, nil
}

// outcome is the error of a put. It does not take the driver's word for it:
// there are transports that store a body as far as it came and report success,
// or that replace the error of a body by one of their own.
func outcome(body *BodyReader, info *Info, err error) error {
	cause := body.Err()
	switch {
	case cause != nil && err == nil:
		return fmt.Errorf("storage took a failed body for a whole one: %w", cause)
	case cause != nil && !errors.Is(err, root(cause)):
		return fmt.Errorf("%w (storage: %w)", cause, err)
	case err != nil:
		return err
	case !body.Done():
		return fmt.Errorf("%w: storage stopped reading after %d bytes", ErrSize, body.N())
	case info == nil || info.Size != body.N():
		return fmt.Errorf("%w: storage did not take all of %d bytes", ErrSize, body.N())
	}
	return nil
}

// root returns the innermost error of a chain.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
