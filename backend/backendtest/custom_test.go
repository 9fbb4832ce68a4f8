// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
)

// A mapDriver is about the least that a driver can be: a model for those who
// write one. It has one lock and one map.
type mapDriver struct {
	mu      sync.Mutex
	objects map[string]mapObject
}

type mapObject struct {
	body []byte
	info backend.Info
}

func (d *mapDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if key == "" || !utf8.ValidString(key) {
		return nil, backend.ErrKey
	}
	if err := opts.CheckPlain(); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(backend.NewBodyReader(ctx, body, size))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	info := backend.Info{
		Key:         key,
		Size:        int64(len(data)),
		ETag:        hex.EncodeToString(sum[:]),
		ModTime:     time.Now(),
		ContentType: opts.ContentType,
		Metadata:    maps.Clone(opts.Metadata),
	}
	if info.ContentType == "" {
		info.ContentType = "application/octet-stream"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var old *backend.Info
	if o, ok := d.objects[key]; ok {
		old = &o.info
	}
	if err := opts.Match(old); err != nil {
		return nil, err
	}
	d.objects[key] = mapObject{data, info}
	return cloned(info), nil
}

func cloned(info backend.Info) *backend.Info {
	info.Metadata = maps.Clone(info.Metadata)
	return &info
}

func (d *mapDriver) find(ctx context.Context, key string) (mapObject, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.objects[key]
	if err := ctx.Err(); err != nil {
		return o, err
	}
	if !ok {
		return o, backend.ErrNotExist
	}
	return o, nil
}

func (d *mapDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	o, err := d.find(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	if opts.IfMatch != "" && opts.IfMatch != o.info.ETag {
		return nil, nil, backend.ErrChanged
	}
	off, n, err := opts.Range.Resolve(o.info.Size)
	if err != nil {
		return nil, nil, err
	}
	return &mapBody{backend.NewBodyReader(ctx, bytes.NewReader(o.body[off:off+n]), n)}, cloned(o.info), nil
}

func (d *mapDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	o, err := d.find(ctx, key)
	if err != nil {
		return nil, err
	}
	return cloned(o.info), nil
}

func (d *mapDriver) Delete(ctx context.Context, key string) error {
	if _, err := d.find(ctx, key); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.objects, key)
	return nil
}

type mapBody struct{ io.Reader }

func (b *mapBody) Close() error {
	b.Reader = closedBody{}
	return nil
}

type closedBody struct{}

func (closedBody) Read([]byte) (int, error) { return 0, errors.New("map: body is closed") }

func newMapDriver(*testing.T) backend.Driver {
	return &mapDriver{objects: make(map[string]mapObject)}
}

// TestCustomDriver is what a driver needs for a test. Without anything to ask
// for leftovers, backendtest.TestDriver(t, newMapDriver) is all of it.
func TestCustomDriver(t *testing.T) {
	asked := 0
	backendtest.TestDriverHarness(t, backendtest.Harness{
		New:       newMapDriver,
		MaxSize:   100_000, // package mem tries the larger ones
		Leftovers: func(context.Context, backend.Driver) (int, error) { asked++; return 0, nil },
	})
	if asked == 0 {
		t.Error("nobody asked for leftovers")
	}
}
