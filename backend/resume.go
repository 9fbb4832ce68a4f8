// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// PutResumable is [Bucket.Put] for a source that can be read again: after a
// failure or a crash the same call, in this process or another one, goes on with
// what has arrived already. src holds size bytes, which is at least 0. In the
// meantime the file at statePath remembers the upload; it is removed when the
// object is stored. The object is the old one or all of the new one.
//
// # What is resumed
//
// All of src is read and encrypted again, but only what the storage does not
// have is sent. If a part of src is not what it was, the error is
// [stream.ErrPartChanged] and nothing of that part leaves: it would be encrypted
// under a key and counter that were used before. [Bucket.AbortStale] then gives
// the upload up, and so does a call with another size.
//
// The upload begins again, under a new content key and after the old upload was
// aborted, if the state file is of another size, part size or options, if it is
// damaged or has a record less than it should, if the keys do not open it, and if
// the storage has lost the upload or has parts of which the file knows nothing.
// An object that was completed by the call before, which then was killed, is
// recognised, after src was compared.
//
// # The state file
//
// Parts are remembered in it, sealed under a key derived from that of the
// content, before their first byte is sent; the envelope, the key of the
// object and the upload ID are in the clear. It is readable by its owner only
// and locked while it is in use: a second call is [ErrStateInUse]. The lock
// ends with the process where the system has flock; elsewhere it is a file
// beside it that a killed process leaves behind. A file that is something
// else, belongs to somebody else, or that others have access to, is
// [ErrNotState], and stays: who can write to it can make it name a content key
// that he knows, or forget what was encrypted. Nobody must go on with a copy of
// the file, or with an older one from a backup: both would encrypt the same
// places again, and nothing could tell.
//
// A file that names an upload of another key or Options.Name is a [*StateError],
// before src is read or anything is made or aborted: nothing else may know of that
// upload. [ReadUploadState] says what a file is for.
//
// A crash just after the storage has begun the upload, and before that was
// written down, leaves an empty upload that only AbortStale with AllUploads
// finds. So does a file whose upload ID is damaged.
//
// # Limits
//
// It needs an unwrapper that opens what the wrapper wraps, else the error is
// [wrap.ErrNoKey] before the storage is used. Errors that wrap
// errors.ErrUnsupported, then too, are those of a driver without
// [Multiparter], of formats that are not sealed in parts (Chunked, DARE), of
// Options.InstructionFile and of a [SidecarKey]; Put does all of those. The
// driver's [UploadLimits] decide the size of a part and how many are encrypted
// and sent at a time; each takes as much memory. Parts of CBC are encrypted one
// after the other.
//
// That ctx is done is noticed between two parts and by the driver.
//
// Of opts and of errors what Put says is true here, too. If a condition does
// not hold, the upload is aborted and the state file removed; after any other
// error both stay as long as there is something to resume. PutResumable may be
// called concurrently, with different state files; src.ReadAt is.
func (b *Bucket) PutResumable(ctx context.Context, key string, src io.ReaderAt, size int64, statePath string, opts *PutOptions) (*ObjectInfo, error) {
	info, err := b.putResumable(ctx, key, src, size, opts, func() (stateFile, error) { return openState(statePath, false) })
	if err != nil {
		return nil, opError("put", key, err)
	}
	return info, nil
}

func (b *Bucket) putResumable(ctx context.Context, key string, src io.ReaderAt, size int64, opts *PutOptions, open func() (stateFile, error)) (info *ObjectInfo, err error) {
	r := &resumable{bucket: b, src: src, opts: opts.clone()}
	if err := r.plan(key, size); err != nil {
		return nil, err
	}
	if r.file, err = open(); err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	defer func() {
		if r.parts != nil {
			r.parts.Wipe()
		}
		if cerr := r.file.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("state file: the object is stored, but: %w", cerr)
		}
	}()
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// A resumable is a call of PutResumable.
type resumable struct {
	bucket  *Bucket
	driver  Multiparter
	src     io.ReaderAt
	opts    *PutOptions // of the caller; with metadata of the envelope once begun
	file    stateFile
	head    *stateHeader
	slots   []slot
	parts   *envelope.Parts
	header  *envelope.Header
	arrived map[int64]Part // that need not be sent, by index
	done    *Info          // of an object that was completed before
}

// plan does all that can fail before a file is made or a key used.
func (r *resumable) plan(key string, size int64) error {
	b := r.bucket
	if b.wrapper == nil {
		return wrap.ErrNoKey
	}
	if b.unwrapper == nil {
		return fmt.Errorf("an upload that can be resumed needs the key to unwrap, too: %w", wrap.ErrNoKey)
	}
	if size < 0 {
		return fmt.Errorf("%w: size %d", ErrSize, size)
	}
	if err := b.checkPut(key, r.opts); err != nil {
		return err
	}
	if err := r.supported(); err != nil {
		return err
	}
	partSize, err := r.driver.UploadLimits().partSize(size)
	if err != nil {
		return err
	}
	digest, err := r.digest()
	if err != nil {
		return err
	}
	r.head = &stateHeader{Bucket: b.name, Key: key, Size: size, PartSize: partSize, Options: digest}
	return nil
}

// supported says whether this bucket can do it at all.
func (r *resumable) supported() error {
	b, ok := r.bucket, false
	r.driver, ok = b.driver.(Multiparter)
	switch b.seal.Suite {
	case envelope.V1, envelope.V2CBC, envelope.V2GCM, envelope.V3:
	default:
		return fmt.Errorf("format %v cannot be resumed, use Put: %w", b.seal.Suite, errors.ErrUnsupported)
	}
	_, sidecar := b.wrapper.(*SidecarKey)
	switch {
	case !ok:
		return fmt.Errorf("this storage takes no parts, use Put: %w", errors.ErrUnsupported)
	case b.file:
		return fmt.Errorf("a put with an instruction file cannot be resumed, use Put: %w", errors.ErrUnsupported)
	case sidecar:
		return fmt.Errorf("a put with a sidecar cannot be resumed, use Put: %w", errors.ErrUnsupported)
	}
	return nil
}

// partSize returns the size of all parts but the last for an object of size
// bytes of plaintext.
func (l UploadLimits) partSize(size int64) (int64, error) {
	const unit = 1 << 20
	least := max(l.PartSize, l.MinPartSize, 1)
	n := (least + stream.BlockSize - 1) / stream.BlockSize * stream.BlockSize
	if l.MaxParts > 0 && size/n >= int64(l.MaxParts) {
		n = (size/int64(l.MaxParts) + unit) / unit * unit
	}
	// The last part holds the trailer, too.
	if n > l.MaxPartSize-stream.BlockSize || size > l.MaxSize-stream.BlockSize || int64(int(n)) != n {
		return 0, fmt.Errorf("%w: %d bytes do not fit into the parts of this storage", stream.ErrTooLarge, size)
	}
	return n, nil
}

// digest covers whatever else makes another object. That only has to be compared,
// so it need not be in the file itself.
func (r *resumable) digest() (string, error) {
	b := r.bucket
	data, err := json.Marshal([]any{b.seal.Suite.String(), b.wrapper.Algorithm().String(), b.seal.MatDesc, r.opts})
	if err != nil {
		return "", fmt.Errorf("backend: state file: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// begin goes on with the upload of the state file, or begins a new one.
func (r *resumable) begin(ctx context.Context) error {
	old, err := readHead(r.file)
	if err == nil && old.UploadID != "" && (old.Bucket != r.head.Bucket || old.Key != r.head.Key) {
		return &StateError{Bucket: old.Bucket, Key: old.Key}
	}
	if err == nil && r.head.matches(old) {
		err = r.restore(ctx, old)
		if err == nil {
			return nil
		}
	}
	switch {
	case err == nil, errors.Is(err, errDamaged), errors.Is(err, ErrNoUpload),
		errors.Is(err, envelope.ErrDecrypt), errors.Is(err, stream.ErrPartState), errors.Is(err, wrap.ErrNoKey):
	default:
		return err
	}
	if r.parts != nil {
		r.parts.Wipe()
		r.parts = nil
	}
	// Whatever is wrong with the keys shall be found before the upload is lost.
	if err := r.prepare(ctx); err != nil {
		if old == nil || old.UploadID == "" {
			err = r.discard(err)
		}
		return err
	}
	if old != nil {
		if err := r.abandon(ctx, old); err != nil {
			return err
		}
	}
	return r.start(ctx)
}

// matches says whether old, of the same object, names an upload to go on with.
func (h *stateHeader) matches(old *stateHeader) bool {
	return old.Size == h.Size && old.PartSize == h.PartSize && old.Options == h.Options && old.UploadID != ""
}

// abandon aborts an upload that will not be resumed.
func (r *resumable) abandon(ctx context.Context, old *stateHeader) error {
	if old.UploadID == "" {
		return nil
	}
	err := r.driver.AbortUpload(ctx, old.Key, old.UploadID)
	if err == nil || errors.Is(err, ErrNoUpload) || errors.Is(err, ErrKey) {
		return nil
	}
	return fmt.Errorf("abort the upload before, of %q: %w", old.Key, err)
}

// prepare makes a new content key, and all of an upload that needs no storage.
func (r *resumable) prepare(ctx context.Context) error {
	b := r.bucket
	u, err := b.newUpload(ctx, r.head.Key, r.head.Size, r.opts)
	if err != nil {
		return err
	}
	if u.sidecar != nil { // of one of several keys
		return fmt.Errorf("a put with a sidecar cannot be resumed, use Put: %w", errors.ErrUnsupported)
	}
	r.header = u.sealer.Header()
	if err := b.opens(ctx, r.header); err != nil {
		return err
	}
	if r.head.Envelope, err = r.header.Metadata(); err != nil {
		return err
	}
	if r.parts, err = u.sealer.Parts(); err != nil {
		return err
	}
	r.opts, r.arrived, r.done = u.opts, map[int64]Part{}, nil
	r.slots = make([]slot, r.head.parts()+1)
	return nil
}

// start begins a new upload.
func (r *resumable) start(ctx context.Context) error {
	err := resetState(r.file, r.head)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if r.head.UploadID, err = r.driver.StartUpload(ctx, r.head.Key, r.opts); err != nil {
		return r.discard(err)
	}
	if err := writeHead(r.file, r.head); err != nil {
		return errors.Join(fmt.Errorf("state file: %w", err), r.abandon(ctx, r.head))
	}
	return nil
}

// discard removes the state file, in which there is nothing to resume, and
// returns err.
func (r *resumable) discard(err error) error {
	if rerr := r.file.Remove(); rerr != nil {
		return errors.Join(err, fmt.Errorf("state file: %w", rerr))
	}
	return err
}

// opens makes sure that the unwrapper can do what every resuming needs. Only
// the states are missing then.
func (b *Bucket) opens(ctx context.Context, h *envelope.Header) error {
	_, err := envelope.ResumeParts(ctx, h, b.unwrapper, nil)
	switch {
	case errors.Is(err, stream.ErrPartState):
		return nil
	case errors.Is(err, envelope.ErrDecrypt), errors.Is(err, wrap.ErrNoKey):
		return fmt.Errorf("%w: the unwrapper does not open what the wrapper wraps", wrap.ErrNoKey)
	}
	return err
}

// restore goes on with the upload of old.
func (r *resumable) restore(ctx context.Context, old *stateHeader) (err error) {
	if r.header, err = envelope.ParseHeader(old.Envelope); err != nil || r.header.Suite != r.bucket.seal.Suite {
		return errDamaged
	}
	if r.slots, err = readSlots(r.file, old); err != nil {
		return err
	}
	// What a killed process has written need not be on the disk yet.
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	var states []byte
	for _, s := range r.slots {
		states = append(states, s.state...)
	}
	if len(states) == 0 {
		return errDamaged // nothing was sent, so nothing is lost
	}
	if r.parts, err = envelope.ResumeParts(ctx, r.header, r.bucket.unwrapper, states); err != nil {
		return err
	}
	meta, err := joinMetadata(old.Envelope, r.opts.Metadata)
	if err != nil {
		return err
	}
	if err := r.find(ctx, old); err != nil {
		return err
	}
	r.head = old
	r.opts.Metadata = meta
	return nil
}

// record returns the slot whose state must be there before any of part i is
// sent. What is in the last part has the end.
func (r *resumable) record(i int64) int64 {
	if i == r.head.parts()-1 {
		return i + 1
	}
	return i
}

// find asks the storage what it has of the upload.
func (r *resumable) find(ctx context.Context, old *stateHeader) error {
	list, err := r.driver.ListParts(ctx, old.Key, old.UploadID)
	if errors.Is(err, ErrNoUpload) {
		return r.findObject(ctx, old, err)
	}
	if err != nil {
		return err
	}
	r.arrived = map[int64]Part{}
	for _, p := range list {
		i := int64(p.Number) - 1
		if i < 0 || i >= old.parts() || r.slots[r.record(i)].state == nil {
			return fmt.Errorf("%w: the storage has part %d, which it does not know", errDamaged, p.Number)
		}
		if r.slots[r.record(i)].etag == p.ETag {
			r.arrived[i] = p
		}
	}
	return nil
}

// findObject looks whether the upload that is gone has become the object.
func (r *resumable) findObject(ctx context.Context, old *stateHeader, gone error) error {
	stored, err := r.parts.CiphertextSize(old.Size)
	if err != nil {
		return err
	}
	info, err := r.driver.Stat(ctx, old.Key)
	switch {
	case errors.Is(err, ErrNotExist):
		return gone
	case err != nil:
		return err
	case r.slots[old.parts()].state == nil || !r.isOurs(info, stored):
		return gone
	}
	r.done = info
	return nil
}
