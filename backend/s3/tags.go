// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Tagger = (*Driver)(nil)

// Tags returns the tags of an object by a single request, as [backend.Tagger]
// says: none where the storage knows no tags. It takes the permission to read
// tags, which not all have who may read the object.
func (d *Driver) Tags(ctx context.Context, key string) (map[string]string, error) {
	if err := checkKey(key); err != nil {
		return nil, fault(ctx, "tags of", key, err)
	}
	list, err := d.tags(ctx, key)
	if err != nil {
		return nil, fault(ctx, "tags of", key, err)
	}
	return list, nil
}

// tags returns those of an object, nil if it has none.
func (d *Driver) tags(ctx context.Context, key string) (map[string]string, error) {
	found, err := d.core.GetObjectTagging(ctx, d.bucket, key, minio.GetObjectTaggingOptions{})
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchTagSet", "NotImplemented":
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := found.ToMap()
	if _, err := tags.NewTags(list, true); err != nil {
		return nil, err // the client would leave them out
	}
	return list, nil
}
