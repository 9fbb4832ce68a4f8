// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// An env is one driver under test with the test that it is for.
type env struct {
	*testing.T
	h   Harness
	d   backend.Driver
	ctx context.Context
}

func newEnv(t *testing.T, h Harness) *env {
	return &env{T: t, h: h, d: h.New(t), ctx: t.Context()}
}

// run starts a sub-test on the same driver.
func (e *env) run(name string, f func(e *env)) {
	e.Helper()
	e.Run(name, func(t *testing.T) {
		f(&env{T: t, h: e.h, d: e.d, ctx: t.Context()})
	})
}

// large skips the test if bodies of n bytes are not wanted.
func (e *env) large(n int64) {
	e.Helper()
	if e.h.MaxSize > 0 && n > e.h.MaxSize {
		e.Skipf("body of %d bytes is over the harness's limit of %d", n, e.h.MaxSize)
	}
	if testing.Short() && n >= 1<<20 {
		e.Skipf("body of %d bytes with -short", n)
	}
}

// A version is an object as the suite stored it.
type version struct {
	data []byte
	meta map[string]string
}

// tryPut puts b and reports every use of body or options that the contract
// forbids, whatever Put returns.
func (e *env) tryPut(ctx context.Context, key string, b *body, size int64, meta map[string]string) (*backend.Info, error) {
	e.Helper()
	opts := &backend.PutOptions{Metadata: maps.Clone(meta), ContentType: "text/x-test"}
	info, err := e.d.Put(ctx, key, b, size, opts)
	b.returned.Store(true)
	// A body that is read later, by a goroutine left behind, shows at the end.
	e.Cleanup(func() {
		for _, s := range b.misuse() {
			e.Errorf("Put(%q) misused the body: %s", key, s)
		}
	})
	if !maps.Equal(opts.Metadata, meta) || opts.ContentType != "text/x-test" {
		e.Errorf("Put(%q) modified its options: %+v", key, opts)
	}
	switch {
	case err == nil && info == nil:
		e.Fatalf("Put(%q) = nil, nil", key)
	case err != nil && info != nil:
		e.Errorf("Put(%q) returned an Info with the error %v", key, err)
	}
	return info, err
}

// put stores v and fails the test if that does not work.
func (e *env) put(key string, v version) *backend.Info {
	e.Helper()
	info, err := e.tryPut(e.ctx, key, newBody(v.data), int64(len(v.data)), v.meta)
	if err != nil {
		e.Fatalf("Put(%q, %d bytes) = %v", key, len(v.data), err)
	}
	return info
}

// get reads all of an object, or the range of it.
func (e *env) get(key string, opts backend.GetOptions) (version, *backend.Info, error) {
	given := opts
	rc, info, err := e.d.Get(e.ctx, key, &opts)
	if opts != given {
		e.Errorf("Get(%q) modified its options: %+v", key, opts)
	}
	if err != nil {
		if rc != nil {
			e.Errorf("Get(%q) returned a body with the error %v", key, err)
		}
		return version{}, nil, err
	}
	if rc == nil || info == nil {
		return version{}, nil, fmt.Errorf("Get(%q) returned neither error nor body and Info", key)
	}
	data, err := io.ReadAll(rc)
	if err := errors.Join(err, rc.Close()); err != nil {
		return version{}, nil, fmt.Errorf("read of %q after %d bytes: %w", key, len(data), err)
	}
	return version{data, info.Metadata}, info, nil
}

// want fails the test unless exactly v is stored under key.
func (e *env) want(key string, v version) *backend.Info {
	e.Helper()
	got, info, err := e.get(key, backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get(%q) = %v, want the object", key, err)
	}
	if !bytes.Equal(got.data, v.data) {
		e.Fatalf("Get(%q): got %d bytes that differ from the %d stored ones", key, len(got.data), len(v.data))
	}
	if !maps.Equal(got.meta, v.meta) {
		e.Fatalf("Get(%q): metadata\n got %v\nwant %v", key, got.meta, v.meta)
	}
	if info.Size != int64(len(v.data)) || info.Key != key || info.ETag == "" {
		e.Errorf("Get(%q): Key %q, Size %d, ETag %q, want size %d", key, info.Key, info.Size, info.ETag, len(v.data))
	}
	return info
}

// wantNone fails the test unless there is no object under key.
func (e *env) wantNone(key string) {
	e.Helper()
	if _, err := e.d.Stat(e.ctx, key); !errors.Is(err, backend.ErrNotExist) {
		e.Errorf("Stat(%q) = %v, want ErrNotExist", key, err)
	}
	if _, _, err := e.get(key, backend.GetOptions{}); !errors.Is(err, backend.ErrNotExist) {
		e.Errorf("Get(%q) = %v, want ErrNotExist", key, err)
	}
}

// wantErr fails the test unless err wraps target.
func (e *env) wantErr(what string, err, target error) {
	e.Helper()
	if !errors.Is(err, target) {
		e.Errorf("%s: error %v, want one that wraps %q", what, err, target)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		e.Errorf("%s: error is bare %v", what, err)
	}
}

// wantClean fails the test if failed puts have left something behind.
func (e *env) wantClean() {
	e.Helper()
	if e.h.Leftovers == nil {
		return
	}
	n, err := e.h.Leftovers(e.ctx, e.d)
	if err != nil {
		e.Fatalf("Leftovers: %v", err)
	}
	if n != 0 {
		e.Errorf("%d leftovers of failed puts, want 0", n)
	}
}
