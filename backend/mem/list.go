// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
)

var (
	_ backend.Lister           = (*Driver)(nil)
	_ backend.Versioner        = (*Driver)(nil)
	_ backend.MetadataReplacer = (*Driver)(nil)
)

// List yields the objects that opts select. See [backend.Lister]. It sorts the
// keys that there are when it begins, and holds them until it ends.
func (d *Driver) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	given := *opts
	return func(yield func(*backend.Info, error) bool) {
		if given.Versions && given.After != "" {
			yield(nil, fmt.Errorf("mem: list: versions after a key: %w", errors.ErrUnsupported))
			return
		}
		for _, key := range d.keys(&given) {
			info, err := d.listed(ctx, key)
			if err != nil {
				yield(nil, err)
				return
			}
			if info != nil && !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // also where nothing is selected
			yield(nil, fmt.Errorf("mem: list: %w", err))
		}
	}
}

// keys returns what opts select, in order.
func (d *Driver) keys(opts *backend.ListOptions) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []string
	for key := range d.objects {
		if strings.HasPrefix(key, opts.Prefix) && key > opts.After {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// listed returns what a listing says of an object, or nil if it has been deleted
// meanwhile. The lock is not held while others look at it.
func (d *Driver) listed(ctx context.Context, key string) (*backend.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mem: list: %w", err)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	o, ok := d.objects[key]
	if !ok {
		return nil, nil
	}
	info := o.info
	info.ContentType, info.Metadata, info.Headers = "", nil, nil
	return &info, nil
}

// Versioned returns false: an object that is replaced is gone. See
// [backend.Versioner].
func (d *Driver) Versioned(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("mem: %w", err)
	}
	return false, nil
}

// ReplaceMetadata replaces the metadata of an object. See
// [backend.MetadataReplacer]. The object has another ETag afterwards.
func (d *Driver) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	metadata = maps.Clone(metadata)
	d.mu.Lock()
	defer d.mu.Unlock()
	old, ok := d.objects[key]
	if !ok {
		return nil, fmt.Errorf("mem: replace metadata: %w: want ETag %q, got no object", backend.ErrChanged, ifMatch)
	}
	if old.info.ETag != ifMatch {
		return nil, fmt.Errorf("mem: replace metadata: %w: want ETag %q, got %q", backend.ErrChanged, ifMatch, old.info.ETag)
	}
	again := &object{body: old.body, info: old.info} // readers may still hold the old one
	again.info.Metadata = metadata
	again.info.ETag = d.etag()
	again.info.ModTime = time.Now()
	d.objects[key] = again
	return again.describe(), nil
}
