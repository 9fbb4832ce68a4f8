// SPDX-License-Identifier: Apache-2.0

// Package mem keeps objects in memory. It is the reference for the contract of
// [backend.Driver], and what tests and examples store into; nothing survives
// the process.
//
// # What was rejected
//
// Limits and an order in which objects are dropped: it is no cache. Tags, storage
// classes and encryption by the storage: it refuses them, as a driver has to refuse
// what it cannot keep.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/s3seal/s3seal/backend"
)

// defaultType is the media type of objects that were stored without one.
const defaultType = "application/octet-stream"

// A Driver stores objects in memory. Use [New].
//
// It holds whole bodies and limits neither their number nor their size.
//
// A Driver is safe for concurrent use.
type Driver struct {
	mu      sync.RWMutex
	objects map[string]*object
	uploads map[string]*upload // by ID
	puts    uint64             // objects, uploads and parts so far; makes each ETag new
}

var _ backend.Driver = (*Driver)(nil)

// An object never changes once it is in the map, so readers need no lock.
type object struct {
	body []byte
	info backend.Info
}

// New returns an empty store. It is safe for concurrent use.
func New() *Driver {
	return &Driver{objects: make(map[string]*object), uploads: make(map[string]*upload)}
}

// Put stores body under key. See [backend.Driver]. Tags, storage classes and
// encryption are not supported.
func (d *Driver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if err := opts.CheckWithHeaders(); err != nil {
		return nil, err
	}
	src := backend.NewBodyReader(ctx, body, size)
	data, err := io.ReadAll(src) // not preallocated: size is only a claim
	if err != nil {
		return nil, fmt.Errorf("mem: put: %w", err)
	}
	return d.commit(newObject(key, data, opts), opts)
}

func newObject(key string, data []byte, opts *backend.PutOptions) *object {
	o := &object{body: data, info: backend.Info{
		Key:         key,
		Size:        int64(len(data)),
		ModTime:     time.Now(),
		ContentType: opts.ContentType,
		Metadata:    maps.Clone(opts.Metadata),
		Headers:     maps.Clone(opts.Headers),
	}}
	if o.info.ContentType == "" {
		o.info.ContentType = defaultType
	}
	return o
}

// commit makes o visible if opts allow it: this is the moment at which a put
// succeeds.
func (d *Driver) commit(o *object, opts *backend.PutOptions) (*backend.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replace(o, opts)
}

// replace is commit under the lock.
func (d *Driver) replace(o *object, opts *backend.PutOptions) (*backend.Info, error) {
	if err := d.match(o.info.Key, opts); err != nil {
		return nil, err
	}
	o.info.ETag = d.etag()
	d.objects[o.info.Key] = o
	return o.describe(), nil
}

// match says whether opts allow to replace what is under key now. It is called
// under the lock.
func (d *Driver) match(key string, opts *backend.PutOptions) error {
	var old *backend.Info
	if o, ok := d.objects[key]; ok {
		old = &o.info
	}
	if err := opts.Match(old); err != nil {
		return fmt.Errorf("mem: put: %w", err)
	}
	return nil
}

// etag returns a new ETag. It is called under the lock.
func (d *Driver) etag() string {
	d.puts++
	return strconv.FormatUint(d.puts, 16)
}

// Get opens an object. See [backend.Driver].
func (d *Driver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	o, err := d.lookup(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	if opts.IfMatch != "" && opts.IfMatch != o.info.ETag {
		return nil, nil, fmt.Errorf("%w: want ETag %q, got %q", backend.ErrChanged, opts.IfMatch, o.info.ETag)
	}
	off, n, err := opts.Range.Resolve(o.info.Size)
	if err != nil {
		return nil, nil, err
	}
	part := bytes.NewReader(o.body[off : off+n])
	return &reader{src: backend.NewBodyReader(ctx, part, n)}, o.describe(), nil
}

// Stat describes an object. See [backend.Driver].
func (d *Driver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	o, err := d.lookup(ctx, key)
	if err != nil {
		return nil, err
	}
	return o.describe(), nil
}

// Delete removes an object. It returns [backend.ErrNotExist] if there is none.
func (d *Driver) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.objects[key]; !ok {
		return backend.ErrNotExist
	}
	delete(d.objects, key)
	return nil
}

func (d *Driver) lookup(ctx context.Context, key string) (*object, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	o, ok := d.objects[key]
	if !ok {
		return nil, backend.ErrNotExist
	}
	return o, nil
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mem: %w", err)
	}
	if key == "" || !utf8.ValidString(key) {
		return fmt.Errorf("%w: %q is empty or not UTF-8", backend.ErrKey, key)
	}
	return nil
}

// describe returns an Info that the caller may change.
func (o *object) describe() *backend.Info {
	info := o.info
	info.Metadata, info.Headers = maps.Clone(o.info.Metadata), maps.Clone(o.info.Headers)
	return &info
}

// A reader is the body of one Get.
type reader struct {
	src    *backend.BodyReader
	closed bool
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fmt.Errorf("mem: read: %w", fs.ErrClosed)
	}
	return r.src.Read(p)
}

func (r *reader) Close() error {
	r.closed = true
	return nil
}
