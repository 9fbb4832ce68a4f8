// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/s3seal/s3seal/backend"
)

// keepsTags says whether objects of the source may have tags, and they are to be
// kept. A driver that tells none has none that it was asked to store.
func (m *migration) keepsTags(ctx context.Context) bool {
	if m.opts.DropTags {
		return false
	}
	_, err := m.src.Tags(ctx, "") // no key, no request
	return !errors.Is(err, errors.ErrUnsupported)
}

// tagRequests is how many requests it takes to know the tags of an object. How
// many it has is told by no answer that everybody gets.
func (m *migration) tagRequests() int64 {
	if m.tags {
		return 1
	}
	return 0
}

// putOptions returns what of the old object the new one keeps. The tags must be
// read before the body is opened, which finds out that the object was replaced.
func (m *migration) putOptions(ctx context.Context, oi *backend.ObjectInfo) (*backend.PutOptions, error) {
	put := &backend.PutOptions{
		Metadata:     maps.Clone(oi.Metadata),
		ContentType:  oi.ContentType,
		Headers:      oi.Headers,
		StorageClass: oi.StorageClass,
	}
	maps.DeleteFunc(put.Metadata, func(name, _ string) bool { return backend.ReservedMetadata(name) })
	if m.opts.NoStorageClass {
		put.StorageClass = ""
	}
	if !m.tags {
		return put, nil
	}
	var err error
	put.Tags, err = m.src.Tags(ctx, oi.Key)
	if errors.Is(err, errors.ErrUnsupported) { // a driver around another one
		return put, nil
	}
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	return put, nil
}
