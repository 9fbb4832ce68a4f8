// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A blankDriver breaks the contract: its objects have no ETags. before is called
// with the number of each Get, from 0 on.
type blankDriver struct {
	*mem.Driver
	gets   atomic.Int64
	before func(i int64)
}

func (d *blankDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if i := d.gets.Add(1) - 1; d.before != nil {
		d.before(i)
	}
	body, info, err := d.Driver.Get(ctx, key, opts)
	if err == nil {
		info.ETag = ""
	}
	return body, info, err
}

func (d *blankDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.Driver.Stat(ctx, key)
	if err == nil {
		info.ETag = ""
	}
	return info, err
}

// wantWhole fails the test unless all that is read is of one of the objects.
func wantWhole(t *testing.T, what string, b *backend.Bucket, want ...[]byte) {
	t.Helper()
	var m memory
	_, err := b.GetToUnverified(t.Context(), "key", &m)
	for _, data := range want {
		if err == nil && bytes.Equal(m.data, data) {
			return
		}
	}
	t.Errorf("%s: %d bytes, %v: want one of the objects as a whole", what, len(m.data), err)
}

// TestDownloadNoETag reads what could not be read in parts by one request.
func TestDownloadNoETag(t *testing.T) {
	for _, p := range append(suites(t), profile{name: "plain"}) {
		for _, n := range []int{0, 1, 32, 33, 300} {
			data := pattern(n)
			d := &blankDriver{Driver: mem.New()}
			p.put(t, d, data)
			opts := backend.DownloadOptions{PartSize: 32, Concurrency: 3}
			wantWhole(t, fmt.Sprintf("%s, len=%d", p.name, n), p.blank(d, nil, opts), data)
			path := filepath.Join(t.TempDir(), "out")
			if _, err := p.blank(d, nil, opts).GetFile(t.Context(), "key", path); err != nil {
				t.Errorf("%s, len=%d: GetFile = %v", p.name, n, err)
			}
		}
	}
}

// blank returns a bucket that opens everything, also what is not encrypted.
func (p profile) blank(d backend.Driver, rule envelope.Release, opts backend.DownloadOptions) *backend.Bucket {
	open := everything(rule)
	open.AllowPlaintext = true
	return backend.NewBucket(d, nil, p.key, &backend.Options{Open: open, Download: opts})
}

// put stores data under key, unsealed by a profile without a key.
func (p profile) put(t *testing.T, d backend.Driver, data []byte) {
	t.Helper()
	var err error
	if p.key == nil {
		_, err = d.Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), new(backend.PutOptions))
	} else {
		_, err = p.bucket(d).Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), nil)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestNoETagMixed replaces an object by another one of the same size between any
// two requests: what is read is of one of them, or there is an error.
func TestNoETagMixed(t *testing.T) {
	old, young := bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{2}, 300)
	for _, p := range append(suites(t), profile{name: "plain"}) {
		for at := range int64(4) {
			d := &blankDriver{Driver: mem.New()}
			p.put(t, d, old)
			d.before = func(i int64) {
				if i == at {
					p.put(t, d.Driver, young)
				}
			}
			what := fmt.Sprintf("%s, replaced before request %d", p.name, at)
			wantWhole(t, what, p.blank(d, nil, backend.DownloadOptions{PartSize: 32, Concurrency: 3}), old, young)
		}
	}
}

// TestNoETagRange: what takes a second request for the same object is refused.
func TestNoETagRange(t *testing.T) {
	for _, p := range append(suites(t), profile{name: "plain"}) {
		d := &blankDriver{Driver: mem.New()}
		p.put(t, d, pattern(300))
		b := p.blank(d, envelope.TwoPass(nil), backend.DownloadOptions{})
		if _, err := b.GetRange(t.Context(), "key", 5, 20); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: GetRange = %v, want ErrUnsupported", p.name, err)
		}
		r, err := b.ReaderAt(t.Context(), "key")
		if err == nil {
			_, err = r.ReadAt(make([]byte, 20), 5)
			r.Close()
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: ReaderAt = %v, want ErrUnsupported", p.name, err)
		}
	}
}

// TestNoETagRewrap: an object that cannot be told from another one is not given
// another key.
func TestNoETagRewrap(t *testing.T) {
	before, after := must(wrap.NewAESGCM(kek(32)))(t), must(wrap.NewAESGCM(kek(16)))(t)
	for _, file := range []bool{false, true} {
		store := mem.New()
		opts := &backend.Options{InstructionFile: file}
		must(backend.NewBucket(store, before, nil, opts).Put(t.Context(), "key", strings.NewReader("x"), 1, nil))(t)
		b := backend.NewBucket(&blankDriver{Driver: store}, nil, before, nil)
		if _, err := b.Rewrap(t.Context(), "key", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{after}}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("instruction file %t: Rewrap = %v, want ErrUnsupported", file, err)
		}
		o, err := backend.NewBucket(store, nil, before, nil).Get(t.Context(), "key")
		if err != nil {
			t.Errorf("instruction file %t: the old key: %v", file, err)
			continue
		}
		o.Close()
	}
}
