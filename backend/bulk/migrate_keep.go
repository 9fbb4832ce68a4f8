// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// A KeepError says that an object has something beside its content that could not be
// kept, and how to migrate it without. It may hold text from storage.
type KeepError struct {
	// Option is the field of [MigrateOptions] that leaves it out: "DropTags",
	// "DropHeaders" or "NoStorageClass".
	Option string

	Err error // why it could not be kept; Unwrap returns it
}

// Error names the option.
func (e *KeepError) Error() string {
	return fmt.Sprintf("%v (MigrateOptions.%s leaves it out)", e.Err, e.Option)
}

// Unwrap returns Err.
func (e *KeepError) Unwrap() error { return e.Err }

// explained makes a KeepError of an error of the destination that is about one of
// these things. It goes by the words of package backend and its drivers, which have
// one error for all that a storage does not support; the tests tell where those
// change.
func explained(put *backend.PutOptions, err error) error {
	text := err.Error()
	option := ""
	switch {
	case len(put.Headers) > 0 && (strings.Contains(text, ": headers: ") || strings.Contains(text, ": header ")):
		option = "DropHeaders"
	case len(put.Tags) > 0 && strings.Contains(text, ": tags: "):
		option = "DropTags"
	case put.StorageClass != "" && strings.Contains(text, " storage class"):
		option = "NoStorageClass"
	default:
		return err
	}
	return &KeepError{option, err}
}

// unreadTags is the error of an object whose tags cannot be read.
func unreadTags(err error) error {
	err = fmt.Errorf("source: %w", err)
	for _, other := range []error{backend.ErrNotExist, backend.ErrChanged, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return err
		}
	}
	return &KeepError{"DropTags", err}
}

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
	if m.opts.DropHeaders {
		put.Headers = nil
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
		return nil, unreadTags(err)
	}
	return put, nil
}
