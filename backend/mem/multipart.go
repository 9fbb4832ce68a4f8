// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Multiparter = (*Driver)(nil)

// An upload is guarded by the lock of its driver.
type upload struct {
	backend.Upload
	parts map[int]part
}

type part struct {
	backend.Part
	body []byte
}

// maxParts is that of S3. Memory has no limit of its own.
const maxParts = 10000

// UploadLimits returns the limits of parts, of which there are few: they may be
// empty. It may be called concurrently.
func (d *Driver) UploadLimits() backend.UploadLimits {
	return backend.UploadLimits{
		PartSize:    8 << 20,
		MaxPartSize: math.MaxInt,
		MaxSize:     math.MaxInt,
		MaxParts:    maxParts,
		Concurrency: 1,
	}
}

// StartUpload begins an upload. See [backend.Multiparter].
func (d *Driver) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	if err := opts.CheckWithHeaders(); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.match(key, opts); err != nil {
		return "", err
	}
	u := &upload{
		Upload: backend.Upload{Key: key, ID: d.etag(), Initiated: time.Now()},
		parts:  make(map[int]part),
	}
	d.uploads[u.ID] = u
	return u.ID, nil
}

// PutPart stores a part. See [backend.Multiparter].
func (d *Driver) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	if number < 1 || number > maxParts {
		return backend.Part{}, fmt.Errorf("mem: %w: number: want 1 to %d, got %d", backend.ErrPart, maxParts, number)
	}
	body = bytes.Clone(body)
	d.mu.Lock()
	defer d.mu.Unlock()
	u, err := d.upload(ctx, key, id)
	if err != nil {
		return backend.Part{}, err
	}
	p := part{backend.Part{Number: number, Size: int64(len(body)), ETag: d.etag()}, body}
	u.parts[number] = p
	return p.Part, nil
}

// CompleteUpload makes an object of parts. See [backend.Multiparter].
func (d *Driver) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	if err := opts.CheckWithHeaders(); err != nil {
		return nil, err
	}
	bodies, err := d.bodies(ctx, key, id, parts)
	if err != nil {
		return nil, err
	}
	o := newObject(key, slices.Concat(bodies...), opts)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.upload(ctx, key, id); err != nil { // completed or aborted meanwhile
		return nil, err
	}
	info, err := d.replace(o, opts)
	if err == nil {
		delete(d.uploads, id)
	}
	return info, err
}

// bodies returns what is in the parts of an upload.
func (d *Driver) bodies(ctx context.Context, key, id string, parts []backend.Part) ([][]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	u, err := d.upload(ctx, key, id)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("mem: %w: no parts", backend.ErrPart)
	}
	var bodies [][]byte
	for i, want := range parts {
		got, ok := u.parts[want.Number]
		if !ok || got.ETag != want.ETag || i > 0 && want.Number <= parts[i-1].Number {
			return nil, fmt.Errorf("mem: %w: part %d", backend.ErrPart, want.Number)
		}
		bodies = append(bodies, got.body)
	}
	return bodies, nil
}

// AbortUpload removes an upload. See [backend.Multiparter].
func (d *Driver) AbortUpload(ctx context.Context, key, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.upload(ctx, key, id); err != nil {
		return err
	}
	delete(d.uploads, id)
	return nil
}

// ListUploads returns the uploads that are not over. See [backend.Multiparter].
func (d *Driver) ListUploads(ctx context.Context, prefix string) ([]backend.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mem: %w", err)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []backend.Upload
	for _, u := range d.uploads {
		if strings.HasPrefix(u.Key, prefix) {
			list = append(list, u.Upload)
		}
	}
	return list, nil
}

// ListParts returns the parts of an upload. See [backend.Multiparter].
func (d *Driver) ListParts(ctx context.Context, key, id string) ([]backend.Part, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	u, err := d.upload(ctx, key, id)
	if err != nil {
		return nil, err
	}
	var list []backend.Part
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		list = append(list, u.parts[number].Part)
	}
	return list, nil
}

// upload finds an upload. It is called under the lock.
func (d *Driver) upload(ctx context.Context, key, id string) (*upload, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	u, ok := d.uploads[id]
	if !ok || u.Key != key {
		return nil, fmt.Errorf("mem: %w: %q of %q", backend.ErrNoUpload, id, key)
	}
	return u, nil
}
