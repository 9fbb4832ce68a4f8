// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Multiparter = (*Driver)(nil)

// UploadLimits returns the limits of S3 and what [Options] say. It may be called
// concurrently.
func (d *Driver) UploadLimits() backend.UploadLimits {
	return backend.UploadLimits{
		PartSize:    d.partSize,
		MinPartSize: minPartSize,
		MaxPartSize: maxPartSize,
		MaxSize:     d.maxSize,
		MaxParts:    d.maxParts,
		EqualParts:  d.equalParts,
		Concurrency: d.concurrency,
	}
}

// StartUpload begins an upload, as [backend.Multiparter] says. If its answer
// never comes, an empty upload may be left behind.
func (d *Driver) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	id, err := d.tryStart(ctx, key, opts)
	if err != nil {
		return "", fault(ctx, "start upload", key, conditionError(opts, err))
	}
	return id, nil
}

func (d *Driver) tryStart(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	if err := d.checkNewKey(key); err != nil {
		return "", err
	}
	headers, err := putOptions(opts)
	if err != nil {
		return "", err
	}
	if err := d.foresee(ctx, key, opts); err != nil {
		return "", err
	}
	return d.startUpload(ctx, key, headers, opts)
}

func (d *Driver) startUpload(ctx context.Context, key string, headers minio.PutObjectOptions, opts *backend.PutOptions) (id string, err error) {
	if d.checksum {
		headers.UserMetadata = maps.Clone(headers.UserMetadata)
		headers.UserMetadata["x-amz-checksum-algorithm"] = checksumAlgorithm
		headers.UserMetadata["x-amz-checksum-type"] = "FULL_OBJECT"
	}
	start := func(headers minio.PutObjectOptions) error {
		return send(ctx, content{}, func(ctx context.Context, _ *payload) (err error) {
			id, err = d.core.NewMultipartUpload(ctx, d.bucket, key, headers)
			return err
		})
	}
	with := headers
	setConditions(&with, opts)
	err = start(with)
	if opts.Conditional() && minio.ToErrorResponse(err).Code == "NotImplemented" {
		err = start(headers) // it takes conditions in the end only
	}
	return id, err
}

// checkUpload refuses what cannot be an upload. IDs have no slashes, and there
// are servers that make paths of them.
func checkUpload(key, id string) error {
	if id == "" || strings.ContainsAny(id, "/\\") {
		return fmt.Errorf("%w: %q", backend.ErrNoUpload, id)
	}
	return checkKey(key)
}

// PutPart stores a part, as [backend.Multiparter] says. When ctx is done it
// waits as Put does.
func (d *Driver) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	err := checkUpload(key, id)
	if err == nil && (number < 1 || number > d.maxParts) {
		err = fmt.Errorf("%w: number: want 1 to %d, got %d", backend.ErrPart, d.maxParts, number)
	}
	var part backend.Part
	if err == nil {
		part, err = d.putPart(ctx, key, id, number, d.content(body))
	}
	if err != nil {
		return backend.Part{}, fault(ctx, "put part", key, err)
	}
	return part, nil
}

func (d *Driver) putPart(ctx context.Context, key, id string, number int, c content) (part backend.Part, err error) {
	err = send(ctx, c, func(ctx context.Context, body *payload) error {
		// The option is about hashes of chunks: there is one of the whole part.
		opts := minio.PutObjectPartOptions{Sha256Hex: c.sum.sha, DisableContentSha256: true}
		if c.sum.crc != "" {
			opts.CustomHeader = http.Header{}
			opts.CustomHeader.Set(checksumHeader, c.sum.crc)
		}
		sent, err := d.core.PutObjectPart(ctx, d.bucket, key, id, number, body, c.size, opts)
		if err == nil && sent.ETag == "" {
			err = errNoETag
		}
		part = newPart(sent)
		part.Number, part.Size = number, c.size
		return err
	})
	return part, err
}

func newPart(p minio.ObjectPart) backend.Part {
	return backend.Part{Number: p.PartNumber, Size: p.Size, ETag: strings.Trim(p.ETag, `"`), Checksum: p.ChecksumCRC32C}
}

// CompleteUpload makes an object of parts, as [backend.Multiparter] says. If it
// gets no answer it looks for the object, as Put does.
func (d *Driver) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.tryComplete(ctx, key, id, parts, opts)
	if err != nil {
		return nil, fault(ctx, "complete upload", key, conditionError(opts, err))
	}
	return info, nil
}

func (d *Driver) tryComplete(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	if err := checkUpload(key, id); err != nil {
		return nil, err
	}
	headers, err := putOptions(opts)
	if err != nil {
		return nil, err
	}
	info := newPutInfo(key, headers, opts)
	for i, part := range parts {
		if i > 0 && part.Number <= parts[i-1].Number {
			return nil, fmt.Errorf("%w: part %d after %d", backend.ErrPart, part.Number, parts[i-1].Number)
		}
		info.Size += part.Size
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: no parts", backend.ErrPart)
	}
	err = d.completeUpload(ctx, id, parts, info, opts)
	if err == nil {
		return info, nil
	}
	if etag, ok := multipartETag(parts); ok && d.isOver(ctx, key, id) && d.holds(ctx, info, etag) {
		return info, nil
	}
	return nil, err
}

// isOver is over after a failure, when ctx may be done.
func (d *Driver) isOver(ctx context.Context, key, id string) bool {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	return d.over(ctx, key, id)
}

// over reports whether an upload is surely not there any more.
func (d *Driver) over(ctx context.Context, key, id string) bool {
	_, err := d.core.ListObjectParts(ctx, d.bucket, key, id, 0, 1)
	return err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchUpload
}

// completeUpload sends the request and completes info.
//
// First it looks whether the upload is there. It may have been aborted by others,
// and versitygw takes a request to complete an upload that is gone for one that
// is repeated: as long as there is any object under the key it reports success.
func (d *Driver) completeUpload(ctx context.Context, id string, parts []backend.Part, info *backend.Info, opts *backend.PutOptions) error {
	if d.over(ctx, info.Key, id) {
		return fmt.Errorf("%w: %q", backend.ErrNoUpload, id)
	}
	if err := d.foresee(ctx, info.Key, opts); err != nil {
		return err
	}
	list := make([]minio.CompletePart, 0, len(parts))
	for _, p := range parts {
		list = append(list, minio.CompletePart{PartNumber: p.Number, ETag: p.ETag, ChecksumCRC32C: p.Checksum})
	}
	var headers minio.PutObjectOptions
	setConditions(&headers, opts)
	var tries atomic.Int64
	err := send(ctx, content{}, func(ctx context.Context, _ *payload) error {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { tries.Add(1) },
		})
		done, err := d.core.CompleteMultipartUpload(ctx, d.bucket, info.Key, id, list, headers)
		if err == nil && done.ETag == "" {
			err = errNoETag
		}
		info.ETag, info.VersionID = done.ETag, done.VersionID
		return err
	})
	if err == nil && tries.Load() > 1 {
		err = d.settle(ctx, info, id)
	}
	return err
}

// AbortUpload removes an upload with its parts, as [backend.Multiparter] says.
func (d *Driver) AbortUpload(ctx context.Context, key, id string) error {
	err := checkUpload(key, id)
	if err == nil {
		err = d.core.AbortMultipartUpload(ctx, d.bucket, key, id)
	}
	if err != nil {
		return fault(ctx, "abort upload", key, err)
	}
	return nil
}
