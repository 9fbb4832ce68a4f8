// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

const suffix = ".instruction"

// errDenied is what a storage says that does not tell what is there.
var errDenied = errors.New("access denied")

// A hooked driver records its calls, as "put key", and asks on whether each of
// them fails. What on does itself happens before the call.
type hooked struct {
	backend.Driver
	on    func(op, key string) error
	info  func(*backend.Info) // may change what Get and Stat say
	calls []string
}

func (d *hooked) call(op, key string) error {
	d.calls = append(d.calls, op+" "+key)
	if d.on == nil {
		return nil
	}
	return d.on(op, key)
}

func (d *hooked) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if err := d.call("put", key); err != nil {
		return nil, err
	}
	return d.Driver.Put(ctx, key, body, size, opts)
}

func (d *hooked) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if err := d.call("get", key); err != nil {
		return nil, nil, err
	}
	body, info, err := d.Driver.Get(ctx, key, opts)
	if err == nil && d.info != nil {
		d.info(info)
	}
	return body, info, err
}

func (d *hooked) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := d.call("stat", key); err != nil {
		return nil, err
	}
	info, err := d.Driver.Stat(ctx, key)
	if err == nil && d.info != nil {
		d.info(info)
	}
	return info, err
}

func (d *hooked) Delete(ctx context.Context, key string) error {
	if err := d.call("delete", key); err != nil {
		return err
	}
	return d.Driver.Delete(ctx, key)
}

// failing fails one call with err, for ever.
func failing(call string, err error) func(op, key string) error {
	return func(op, key string) error {
		if op+" "+key == call {
			return err
		}
		return nil
	}
}

func (d *hooked) wantCalls(t testing.TB, want ...string) {
	t.Helper()
	if !slices.Equal(d.calls, want) {
		t.Errorf("calls %q, want %q", d.calls, want)
	}
	d.calls = nil
}

// filing returns a bucket of this profile that writes instruction files.
func (p profile) filing(d backend.Driver, change func(*backend.Options)) *backend.Bucket {
	opts := &backend.Options{Open: everything(nil), InstructionFile: true}
	opts.Seal.Suite = p.suite
	if change != nil {
		change(opts)
	}
	return backend.NewBucket(d, p.key, p.key, opts)
}

// filed puts data with an instruction file and returns the storage.
func filed(t testing.TB, p profile, key string, data []byte) *mem.Driver {
	t.Helper()
	d := mem.New()
	if _, err := p.filing(d, nil).Put(t.Context(), key, strings.NewReader(string(data)), -1, nil); err != nil {
		t.Fatal(err)
	}
	return d
}

// raw stores an object as it is.
func raw(t testing.TB, d backend.Driver, key, body string, meta map[string]string) {
	t.Helper()
	if _, err := d.Put(t.Context(), key, strings.NewReader(body), -1, &backend.PutOptions{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
}

// body returns what is stored under key.
func body(t testing.TB, d backend.Driver, key string) string {
	t.Helper()
	r, _, err := d.Get(t.Context(), key, &backend.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return string(must(io.ReadAll(r))(t))
}

// readings are all ways to open an object. What they write is in got.
func readings(t testing.TB, b *backend.Bucket, key string) map[string]func() (got []byte, err error) {
	return map[string]func() ([]byte, error){
		"Get":      func() ([]byte, error) { return readAll(b.Get(t.Context(), key)) },
		"GetRange": func() ([]byte, error) { return readAll(b.GetRange(t.Context(), key, 0, -1)) },
		"GetFile":  func() ([]byte, error) { return nil, second(b.GetFile(t.Context(), key, t.TempDir()+"/file")) },
	}
}

func second[T any](_ T, err error) error { return err }
