// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/s3seal/s3seal/backend"
)

// conflict is what AWS answers if two requests with a condition meet.
const conflict = "ConditionalRequestConflict"

// setConditions adds the conditions of a put to the headers of one request.
func setConditions(headers *minio.PutObjectOptions, opts *backend.PutOptions) {
	if opts.IfNoneMatch {
		headers.SetMatchETagExcept("*")
	}
	if opts.IfMatch != "" {
		headers.SetMatchETag(opts.IfMatch)
	}
}

// foresee looks whether the conditions of a put hold now. What it cannot find
// out is left to the storage.
func (d *Driver) foresee(ctx context.Context, key string, opts *backend.PutOptions) error {
	if !opts.Conditional() {
		return nil
	}
	stat, err := d.stat(ctx, key)
	switch {
	case err == nil:
		return opts.Match(stat)
	case ctx.Err() != nil:
		return err
	case minio.ToErrorResponse(err).Code == minio.NoSuchKey:
		return opts.Match(nil)
	}
	return nil
}

func isPrecondition(err error) bool {
	return err != nil && minio.ToErrorResponse(err).Code == minio.PreconditionFailed
}

// conditionError says which condition it was that did not hold. That there is
// nothing to match is no missing object for who puts one.
func conditionError(opts *backend.PutOptions, err error) error {
	if err == nil || !opts.Conditional() {
		return err
	}
	var response minio.ErrorResponse
	if !errors.As(err, &response) {
		return err
	}
	switch response.Code {
	case minio.PreconditionFailed:
		if opts.IfNoneMatch {
			return withMeaning(err, backend.ErrExist)
		}
		return withMeaning(err, backend.ErrChanged)
	case minio.NoSuchKey, conflict:
		return withMeaning(err, backend.ErrChanged)
	}
	return err
}

// serverOptions adds what the storage is to do on its side. Wrong tags would be
// left out by the client.
func serverOptions(put *minio.PutObjectOptions, opts *backend.PutOptions) error {
	if err := opts.CheckConditions(); err != nil {
		return err
	}
	if len(opts.Tags) > 0 {
		if _, err := tags.MapToObjectTags(opts.Tags); err != nil {
			return fmt.Errorf("tags: %w", err)
		}
		put.UserTags = maps.Clone(opts.Tags)
	}
	if !isHeaderValue(opts.StorageClass) {
		return fmt.Errorf("storage class %q: not printable ASCII", opts.StorageClass)
	}
	put.StorageClass = opts.StorageClass
	var err error
	put.ServerSideEncryption, err = serverSide(opts.SSE)
	return err
}

func serverSide(sse *backend.SSE) (encrypt.ServerSide, error) {
	switch {
	case sse == nil:
		return nil, nil
	case !sse.KMS && (sse.KMSKeyID != "" || len(sse.KMSContext) > 0):
		return nil, fmt.Errorf("server-side encryption: a KMS key or context without KMS: %w", errors.ErrUnsupported)
	case !sse.KMS:
		return encrypt.NewSSE(), nil
	case !isHeaderValue(sse.KMSKeyID):
		return nil, fmt.Errorf("server-side encryption: key %q: not printable ASCII", sse.KMSKeyID)
	case len(sse.KMSContext) == 0:
		return encrypt.NewSSEKMS(sse.KMSKeyID, nil)
	}
	return encrypt.NewSSEKMS(sse.KMSKeyID, sse.KMSContext)
}
