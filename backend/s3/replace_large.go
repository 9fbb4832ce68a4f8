// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// copyPartSize is far below what S3 copies at once: until a part has been copied
// some storages say nothing at all, and clients do not wait for ever.
const copyPartSize = 512 << 20

// copyParts copies an object onto itself as a multipart upload, and completes
// info. Each part must come from the object with the ETag opts.IfMatch, and so
// must be the one that the upload replaces in the end.
func (d *Driver) copyParts(ctx context.Context, info *backend.Info, headers minio.PutObjectOptions, opts *backend.PutOptions) (err error) {
	// A copy by one request keeps the tags by itself.
	if headers.UserTags, err = d.tags(ctx, info.Key); err != nil {
		return fmt.Errorf("tags: %w", err)
	}
	u, err := d.startCopy(ctx, info, headers, opts)
	if err != nil {
		return fmt.Errorf("start upload: %w", err)
	}
	defer func() { err = errors.Join(err, u.abort()) }()
	if err := u.copyAll(); err != nil {
		return err
	}
	return u.complete()
}

// startCopy begins the upload. It says nothing of conditions, which have just been
// looked at and which AWS does not take here, nor of checksums: MinIO wants to be
// given those of all parts, and of these only the storage has the bytes.
func (d *Driver) startCopy(ctx context.Context, info *backend.Info, headers minio.PutObjectOptions, opts *backend.PutOptions) (*upload, error) {
	u := &upload{d: d, info: info, opts: opts, caller: ctx}
	err := send(ctx, content{}, func(ctx context.Context, _ *payload) (err error) {
		u.id, err = d.core.NewMultipartUpload(ctx, d.bucket, info.Key, headers)
		return err
	})
	if err == nil {
		u.ctx, u.cancel = context.WithCancelCause(ctx)
	}
	return u, err
}

// copyAll copies all parts, some at a time.
func (u *upload) copyAll() error {
	size := max(u.d.copyPart, (u.info.Size+int64(u.d.maxParts)-1)/int64(u.d.maxParts))
	slots := make(chan struct{}, u.d.concurrency)
	for number, off := 1, int64(0); off < u.info.Size || number == 1; number, off = number+1, off+size {
		select {
		case slots <- struct{}{}:
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		}
		u.wg.Go(func() {
			defer func() { <-slots }()
			part, err := u.copyPart(number, off, min(size, u.info.Size-off))
			if err != nil {
				u.cancel(fmt.Errorf("part %d: %w", number, err))
				return
			}
			u.note(part)
		})
	}
	return u.wait()
}

// copyPart copies n bytes from off on.
func (u *upload) copyPart(number int, off, n int64) (part backend.Part, err error) {
	key := u.info.Key
	length := n
	if n == u.info.Size {
		length = -1 // all of it: S3 takes no range of a small object
	}
	condition := map[string]string{sourceIfMatch: quote(u.opts.IfMatch)}
	err = send(u.ctx, content{}, func(ctx context.Context, _ *payload) error {
		done, err := u.d.core.CopyObjectPart(ctx, u.d.bucket, key, u.d.bucket, key, u.id, number, off, length, condition)
		part = backend.Part{Number: number, Size: n, ETag: strings.Trim(done.ETag, `"`), Checksum: done.ChecksumCRC32C}
		if err == nil && part.ETag == "" {
			err = errNoETag
		}
		return err
	})
	return part, err
}
