// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http/httptrace"
	"path"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Lister = (*Driver)(nil)

var (
	errOrder   = fmt.Errorf("s3: the storage does not list in the order of keys: %w", errors.ErrUnsupported)
	errSpelled = fmt.Errorf("s3: the storage lists a key that it cannot spell: %w", errors.ErrUnsupported)
)

// List yields objects, as [backend.Lister] says. It asks for a thousand at a
// time, and holds no more than that.
//
// The order is that of the storage, which is checked: S3 lists by bytes, but its
// directory buckets do not, and a storage that does not may skip keys between two
// answers. So a key that comes before the one that was yielded before it ends the
// listing with an error that wraps errors.ErrUnsupported. So does a name that the
// storage could not put into its answer and replaced a part of: versitygw does
// that with control characters, and goes on from the replaced name, which skips
// others. What cannot be noticed is what a storage leaves out: MinIO on a single
// drive does not list keys that have the key of another object as their folder.
// 10,000 answers in a row without anything new are an error too.
//
// Only AWS is asked to begin after a key. MinIO then leaves out keys further on, so
// that from others all is listed and what comes before the key passed over.
//
// Versions have the VersionID that the storage gives them, "null" where it gives
// none. Delete markers are not yielded: below one all versions are noncurrent.
// StorageClass is empty for that called STANDARD, as it is from Stat.
func (d *Driver) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	given := *opts
	return func(yield func(*backend.Info, error) bool) {
		err := d.list(ctx, &given, func(info *backend.Info) bool { return yield(info, nil) })
		if err != nil {
			yield(nil, fault(ctx, "list", given.Prefix, err))
		}
	}
}

// list calls yield until that has had enough or there is nothing more. An error
// is for what it has not been called with.
func (d *Driver) list(ctx context.Context, opts *backend.ListOptions, yield func(*backend.Info) bool) error {
	if opts.Versions && opts.After != "" {
		return fmt.Errorf("versions after a key: %w", errors.ErrUnsupported)
	}
	ctx, moved, done := d.watched(ctx)
	defer done()
	last := cursor{versions: opts.Versions}
	marker := "" // the greatest key of a delete marker
	for object := range d.core.ListObjectsIter(ctx, d.bucket, d.listRequest(opts)) {
		if err := stopped(ctx, object.Err); err != nil {
			return err
		}
		if err := d.checkSpelling(ctx, object.Key, opts.Versions); err != nil {
			return err
		}
		if object.IsDeleteMarker { // versitygw has those of an answer at its end
			if object.Key > marker {
				marker = object.Key
				moved()
			}
			continue
		}
		again, err := last.move(object)
		if err != nil {
			return err
		}
		if !again {
			moved()
		}
		selected := strings.HasPrefix(object.Key, opts.Prefix)
		if !selected && object.Key > opts.Prefix {
			return nil
		}
		if !selected || again || object.Key <= opts.After {
			continue
		}
		info, err := listed(object, opts.Versions)
		if err != nil {
			return err
		}
		if !yield(info) {
			return nil
		}
	}
	return stopped(ctx, nil) // when it is done the client ends a listing without a word
}

// watched returns a context for a listing that is done after d.maxPages answers in
// which nothing has moved. The client would ask for the next for ever.
func (d *Driver) watched(ctx context.Context) (_ context.Context, moved func(), done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var asked atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if asked.Add(1) > int64(d.maxPages) {
				cancel(fmt.Errorf("%w: %d answers with nothing new", errEndless, d.maxPages))
			}
		},
	})
	return ctx, func() { asked.Store(0) }, func() { cancel(nil) }
}

// stopped returns why a listing with a watched context has ended: err, or that of
// the context.
func stopped(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errEndless) {
		return cause
	}
	return errors.Join(err, ctx.Err())
}

func (d *Driver) listRequest(opts *backend.ListOptions) minio.ListObjectsOptions {
	owner, prefix := false, opts.Prefix
	if folder, name := path.Split(prefix); name == "." || name == ".." {
		prefix = folder // MinIO takes a prefix for a path, and refuses this one
	}
	after := ""
	if s3utils.IsAmazonEndpoint(*d.core.EndpointURL()) {
		after = opts.After
	}
	return minio.ListObjectsOptions{
		Prefix:       prefix,
		StartAfter:   after,
		WithVersions: opts.Versions,
		Recursive:    true,
		MaxKeys:      d.listKeys,
		FetchOwner:   &owner,
	}
}

// A cursor follows a listing and checks its order.
type cursor struct {
	versions     bool
	key, version string
	begun        bool
	repeated     bool
}

// move goes on to object. again says that it is the one before: versitygw begins
// an answer about versions with the last of the answer before. Once more is a
// storage that does not go on.
func (c *cursor) move(object minio.ObjectInfo) (again bool, err error) {
	same := c.begun && object.Key == c.key
	if same && c.versions && object.VersionID == c.version && !c.repeated {
		c.repeated = true
		return true, nil
	}
	if c.begun && object.Key < c.key || same && (!c.versions || object.IsLatest || object.VersionID == c.version) {
		return false, fmt.Errorf("%w: %q, version %q, after %q, version %q", errOrder, object.Key, object.VersionID, c.key, c.version)
	}
	c.key, c.version, c.begun, c.repeated = object.Key, object.VersionID, true, false
	return false, nil
}

// listed describes an object that has been listed.
func listed(object minio.ObjectInfo, versions bool) (*backend.Info, error) {
	if object.ETag == "" {
		return nil, fmt.Errorf("%q: %w", object.Key, errNoETag)
	}
	info := &backend.Info{
		Key:          object.Key,
		Size:         object.Size,
		ETag:         object.ETag,
		ModTime:      object.LastModified,
		StorageClass: storageClass(object.StorageClass),
	}
	if versions {
		info.VersionID, info.Noncurrent = object.VersionID, !object.IsLatest
	}
	return info, nil
}

// checkSpelling asks for a key by the name under which it was listed, if a
// listing may have changed that: one in XML has the replacement character in
// place of what XML cannot hold.
func (d *Driver) checkSpelling(ctx context.Context, key string, versions bool) error {
	if !strings.ContainsRune(key, utf8.RuneError) {
		return nil
	}
	request := d.listRequest(&backend.ListOptions{Prefix: key, Versions: versions})
	request.MaxKeys = 1
	for object := range d.core.ListObjectsIter(ctx, d.bucket, request) {
		if object.Err != nil {
			return stopped(ctx, object.Err)
		}
		if object.Key == key {
			return nil
		}
		break
	}
	if err := stopped(ctx, nil); err != nil {
		return err
	}
	return fmt.Errorf("%w: %q", errSpelled, key)
}
