// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// Wrap wraps cek by the KEK in the sidecar of the object that ctx is about, or
// by a new one that the Bucket then stores. It may be called concurrently.
func (k *SidecarKey) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	s := sidecarOf(ctx)
	if s == nil || !s.write {
		return nil, fmt.Errorf("backend: sidecar key: %w: only a Bucket stores the sidecar", wrap.ErrNoKey)
	}
	if strings.HasSuffix(s.key, SidecarSuffix) {
		return nil, fmt.Errorf("%w: keys that end in %q are those of sidecars", ErrKey, SidecarSuffix)
	}
	kek, err := k.kek(ctx, s)
	if err != nil {
		return nil, err
	}
	return kek.Wrap(ctx, cek, info)
}

// kek returns the KEK of the object that is to be put.
//
// The one that is there already is used again. With a new one for each put there
// would be no order of requests without harm: between the new sidecar and the
// new object nobody could read the object before, and if the put then fails,
// nobody ever can.
func (k *SidecarKey) kek(ctx context.Context, s *sidecar) (wrap.Key, error) {
	data, err := s.data, error(nil)
	if data == nil { // else another key was asked before, for the same sidecar
		data, err = s.load(ctx)
	}
	if errors.Is(err, errNoFile) {
		return k.generate(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	kek, err := k.decrypt(ctx, data, newKEK(k.alg))
	if errors.Is(err, wrap.ErrUnwrap) {
		return nil, fmt.Errorf("%w: %q exists and is not under this key, and an object may need it;"+
			" use its key, or delete it first", ErrSidecar, s.file())
	}
	s.data = data
	return kek, err
}

func (k *SidecarKey) generate(ctx context.Context, s *sidecar) (wrap.Key, error) {
	kek, blob, err := wrap.GenerateKEK(ctx, k.client, k.keyID, k.encCtx, newKEK(k.alg))
	if err != nil {
		return nil, err
	}
	s.data, s.fresh = encodeBlob(blob), true
	if len(s.data) > MaxSidecarSize {
		return nil, fmt.Errorf("%w: blob of the KMS: want at most %d bytes, got %d", ErrSidecar, MaxSidecarSize, len(s.data))
	}
	return kek, nil
}

// encodeBlob returns what decodeBlob reads: the blob itself, unless that would
// be taken for another one in base64.
func encodeBlob(blob []byte) []byte {
	if bytes.Equal(decodeBlob(blob), blob) {
		return blob
	}
	return base64.StdEncoding.AppendEncode(nil, blob)
}

// newSealer makes the sealer of an object, and finds out whether the object has
// a sidecar.
func (b *Bucket) newSealer(ctx context.Context, key string, size int64) (*envelope.Sealer, *sidecar, error) {
	s := &sidecar{driver: b.driver, key: key, write: true}
	sealer, err := envelope.NewSealer(s.in(ctx), b.wrapper, b.sealing(key, size))
	if s.data == nil {
		s = nil
	}
	return sealer, s, err
}

// run stores the object, after its sidecar if that is a new one.
func (u *upload) run(ctx context.Context, src io.Reader) (*ObjectInfo, error) {
	if u.sidecar == nil {
		return u.runFile(ctx, src)
	}
	if err := u.sidecar.place(ctx); err != nil {
		return nil, err
	}
	info, err := u.runFile(ctx, src)
	if err != nil {
		return nil, err // the sidecar stays: another put may use it by now
	}
	if err := u.bucket.settle(ctx, u.sidecar, info.ETag); err != nil {
		return nil, fmt.Errorf("the object is stored, its sidecar may not be: %w", err)
	}
	return info, nil
}

// place stores a new sidecar, if there still is none: a call of the KMS has
// passed, so another put may have come first, and its object may be there. Where
// the storage has no conditions a moment remains in which that is not noticed.
func (s *sidecar) place(ctx context.Context) error {
	if !s.fresh {
		return nil
	}
	err := s.put(ctx, s.data, &PutOptions{IfNoneMatch: true})
	if errors.Is(err, errors.ErrUnsupported) {
		if _, err = s.driver.Stat(ctx, s.file()); err == nil {
			err = ErrExist
		} else if errors.Is(err, ErrNotExist) {
			return s.store(ctx, s.data)
		}
	}
	switch {
	case errors.Is(err, ErrExist):
		return fmt.Errorf("%w: another client has stored sidecar %q meanwhile", ErrChanged, s.file())
	case err != nil:
		return fmt.Errorf("sidecar %q: %w", s.file(), err)
	}
	return nil
}

func (s *sidecar) store(ctx context.Context, data []byte) error {
	return s.put(ctx, data, &PutOptions{})
}

func (s *sidecar) put(ctx context.Context, data []byte, opts *PutOptions) error {
	size := int64(len(data))
	body := newBodyReader(ctx, bytes.NewReader(data), size, "write sidecar")
	info, err := s.driver.Put(ctx, s.file(), body, size, opts)
	if err := outcome(body, info, err); err != nil {
		return fmt.Errorf("sidecar %q: %w", s.file(), err)
	}
	return nil
}

// settle makes sure that the object that was stored, and has etag, has its
// sidecar. Of two first puts at the same time the last object stored wins, with
// its sidecar: whose object it is puts his own back. If the object has changed
// in the meantime, what was there before is put back again: it is that of the
// other.
func (b *Bucket) settle(ctx context.Context, s *sidecar, etag string) error {
	now, err := s.load(ctx)
	if err != nil && !errors.Is(err, errNoFile) {
		return err
	}
	if err == nil && bytes.Equal(now, s.data) {
		return nil
	}
	if err := b.owns(ctx, s.key, etag); err != nil {
		return err
	}
	if err := s.store(ctx, s.data); err != nil {
		return err
	}
	err = b.owns(ctx, s.key, etag)
	if errors.Is(err, ErrChanged) && now != nil {
		err = cmp.Or(s.store(ctx, now), err)
	}
	return err
}

// owns reports whether the object under key is still the one with etag.
func (b *Bucket) owns(ctx context.Context, key, etag string) error {
	current, err := b.etag(ctx, key)
	if err == nil && current != etag {
		err = fmt.Errorf("%w: it was replaced or deleted while it was being stored", ErrChanged)
	}
	return err
}

// opener opens the envelope of an object. Object and sidecar were read one after
// the other: where they do not go together, the object may have been replaced in
// between.
func (b *Bucket) opener(ctx context.Context, key string, oi *ObjectInfo, opts *envelope.OpenOptions) (*envelope.Opener, error) {
	s := &sidecar{driver: b.driver, key: key}
	opener, err := s.open(ctx, oi.Header, b.unwrapper, b.opening(key, opts))
	if errors.Is(err, envelope.ErrDecrypt) && s.loaded.Load() {
		err = cmp.Or(b.unchanged(ctx, key, &oi.Info), err)
	}
	return opener, err
}
