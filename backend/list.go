// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// A Lister is a [Driver] that can also list its objects.
//
// A driver that has the method but whose storage cannot do it must yield one
// error that wraps errors.ErrUnsupported, so that a driver around another one
// can pass it on. What [Driver] says about contexts holds here too. List must
// be safe for concurrent use.
type Lister interface {
	Driver

	// List yields the objects that opts select, each once, in ascending order
	// of the bytes of their keys. It asks the storage for more as they are
	// taken, and keeps no more of them than one answer holds, so that a bucket
	// of any size can be listed. An error is yielded with a nil Info and ends
	// the sequence. Objects that are stored or deleted meanwhile may be yielded
	// or not; the others must be.
	//
	// An Info that is yielded describes the object as far as a listing does:
	// its ContentType is empty, and its Metadata and Headers are nil. Key,
	// Size and ETag must be set. opts is never nil and must not be retained
	// after the sequence ends, nor modified. What opts ask for and the storage
	// cannot do must be an error that wraps errors.ErrUnsupported.
	List(ctx context.Context, opts *ListOptions) iter.Seq2[*Info, error]
}

// ListOptions select what is listed. The zero value selects all objects.
type ListOptions struct {
	Prefix string // of keys
	After  string // only keys that come after this one, which need not exist

	// Versions also yields the versions of objects that others have replaced or
	// that were deleted, with Info.Noncurrent set: all versions of a key one
	// after the other, the newest first. A storage that keeps none yields the
	// objects alone. It cannot be had together with After.
	Versions bool
}

// A Versioner is a [Driver] of a storage that may keep the versions of an object
// that others replace. Versioned reports whether it does now, for all objects:
// only then can a put be undone. It must be safe for concurrent use.
type Versioner interface {
	Driver

	// Versioned reports whether it does so now. An error means that it could not
	// be asked, or does not say.
	Versioned(ctx context.Context) (bool, error)
}

// List yields the stored objects that opts select, in ascending order of the
// bytes of their keys, as [Lister] says: sealed ones, others, and those that
// belong to them, such as instruction files and sidecars. Their Sizes are those
// of the ciphertext; Stat tells more about one of them.
//
// No key is needed, and nothing of what is yielded is authenticated. An error is
// yielded with a nil Info and ends the sequence; a driver that cannot list gives
// one that wraps errors.ErrUnsupported. opts may be nil. List is safe for
// concurrent use, and what it returns can be used more than once.
func (b *Bucket) List(ctx context.Context, opts *ListOptions) iter.Seq2[*Info, error] {
	if opts == nil {
		opts = new(ListOptions)
	}
	return func(yield func(*Info, error) bool) {
		lister, ok := b.driver.(Lister)
		if !ok {
			yield(nil, opError("list", opts.Prefix, errors.ErrUnsupported))
			return
		}
		if opts.Versions && opts.After != "" {
			yield(nil, opError("list", opts.Prefix, fmt.Errorf("versions after a key: %w", errors.ErrUnsupported)))
			return
		}
		for info, err := range lister.List(ctx, opts) {
			if err != nil {
				yield(nil, opError("list", opts.Prefix, err))
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}
