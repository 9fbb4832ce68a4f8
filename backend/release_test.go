// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/envelope"
)

const mib = 1 << 20

// TestGetTwice reads objects by the rules that need no memory.
func TestGetTwice(t *testing.T) {
	dir := t.TempDir()
	for _, p := range suites(t) {
		for _, n := range []int{0, 1000, 2*mib + 5} {
			data := pattern(n)
			d := stored(t, p, "key", data)
			for name, rule := range map[string]envelope.Release{"spool": envelope.Spool(dir, math.MaxInt64), "twopass": envelope.TwoPass(nil)} {
				what := fmt.Sprintf("%s, %s, len=%d", p.name, name, n)
				f := backendtest.Faulty(d, backendtest.Faults{})
				o, err := p.opening(f, rule).Get(t.Context(), "key")
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				got, err := readAll(o, nil)
				if err != nil || !bytes.Equal(got, data) || o.Authenticated() != p.authenticated() {
					t.Errorf("%s: %d bytes, %v, Authenticated = %t", what, len(got), err, o.Authenticated())
				}
				want := 1
				if name == "twopass" && p.authenticated() && n > mib {
					want = 2
				}
				if f.Gets() != want {
					t.Errorf("%s: %d requests, want %d", what, f.Gets(), want)
				}
				wantClosed(t, what, f)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// A turningDriver is one of which the second Get is another one.
type turningDriver struct {
	backend.Driver
	gets   int
	second func(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error)
}

func (d *turningDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if d.gets++; d.gets == 2 {
		return d.second(ctx, key, opts)
	}
	return d.Driver.Get(ctx, key, opts)
}

// TestTwoPassTurns: what happens to an object between the two requests never
// shows as anything but an error.
func TestTwoPassTurns(t *testing.T) {
	p := profiles(t)[0]
	data := pattern(3 * mib)
	failed := errors.New("connection lost")
	ctx, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		want   error
		n      int // released
		before func(d backend.Driver) error
		faults backendtest.Faults
	}{
		"replaced": {backend.ErrChanged, 0, func(d backend.Driver) error {
			_, err := p.bucket(d).Put(ctx, "key", bytes.NewReader(data), -1, nil)
			return err
		}, backendtest.Faults{}},
		"deleted":       {backend.ErrChanged, 0, func(d backend.Driver) error { return d.Delete(ctx, "key") }, backendtest.Faults{}},
		"other ETag":    {backend.ErrChanged, 0, nil, backendtest.Faults{Info: func(i *backend.Info) { i.ETag = "other" }}},
		"other size":    {backend.ErrChanged, 0, nil, backendtest.Faults{Info: func(i *backend.Info) { i.Size++ }}},
		"altered":       {envelope.ErrDecrypt, 2 * mib, nil, backendtest.Faults{GetAt: 2*mib + 7, GetFlip: 1}},
		"altered tag":   {envelope.ErrDecrypt, 2 * mib, nil, backendtest.Faults{GetAt: 3*mib + 7, GetFlip: 1}},
		"ends early":    {backend.ErrSize, 2 * mib, nil, backendtest.Faults{GetAt: 3*mib - 1, GetError: io.EOF}},
		"goes on":       {backend.ErrSize, 2 * mib, nil, backendtest.Faults{GetExtra: []byte("x")}},
		"fails":         {failed, mib, nil, backendtest.Faults{GetAt: mib + 1, GetError: failed}},
		"unexpectedEOF": {io.ErrUnexpectedEOF, 0, nil, backendtest.Faults{GetError: io.ErrUnexpectedEOF}},
		"cannot close":  {failed, 3 * mib, nil, backendtest.Faults{CloseError: failed}},
	} {
		d := stored(t, p, "key", data)
		second := backendtest.Faulty(d, c.faults)
		first := backendtest.Faulty(&turningDriver{Driver: d, second: func(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
			if opts.IfMatch == "" || opts.Range != nil {
				t.Errorf("%s: second request with %+v, want the ETag of the first and all of the body", name, *opts)
			}
			if c.before != nil {
				if err := c.before(d); err != nil {
					t.Fatal(err)
				}
			}
			return second.Get(ctx, key, opts)
		}}, backendtest.Faults{})
		o, err := p.opening(first, envelope.TwoPass(nil)).Get(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(o, nil)
		wantErr(t, name, err, c.want)
		if !bytes.Equal(got, data[:c.n]) || !o.Authenticated() || errors.Is(err, backend.ErrNotExist) {
			t.Errorf("%s: released %d bytes, want %d; Authenticated = %t, %v", name, len(got), c.n, o.Authenticated(), err)
		}
		wantClosed(t, name, first)
		wantClosed(t, name, second)
	}
	cancel()
}

// TestTwoPassContext: the second request is bound to the context of Get.
func TestTwoPassContext(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(3*mib))
	ctx, cancel := context.WithCancel(t.Context())
	turning := &turningDriver{Driver: d, second: func(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		rc, info, err := d.Get(ctx, key, opts)
		cancel()
		return rc, info, err
	}}
	got, err := readAll(p.opening(turning, envelope.TwoPass(nil)).Get(ctx, "key"))
	wantErr(t, "cancelled", err, context.Canceled)
	if len(got) != 0 {
		t.Errorf("released %d bytes after the context was done", len(got))
	}
}
