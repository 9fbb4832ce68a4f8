// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A recording driver notes what was asked for, and how many bodies were closed
// before their end.
type recording struct {
	getDriver
	mu    sync.Mutex
	asked []string
	early int
}

func newRecording(d backend.Driver) *recording {
	r := &recording{getDriver: getDriver{Driver: d}}
	r.hook = func(_ int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		what := "all"
		if opts.Range != nil {
			what = fmt.Sprint(opts.Range.Offset, "+", opts.Range.Length)
		}
		if opts.IfMatch == "" {
			what += " of any"
		}
		rc, info, err := d.Get(ctx, key, opts)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, what)
		if err != nil {
			return nil, nil, err
		}
		left, err := io.ReadAll(rc)
		body := bytes.NewReader(left)
		return struct {
			io.Reader
			io.Closer
		}{body, closeFunc(func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if body.Len() > 0 {
				r.early++
			}
			return rc.Close()
		})}, info, err
	}
	return r
}

// TestDownloadFirst asks for the first part only, so that no connection has to be
// dropped with the rest of the object on it.
func TestDownloadFirst(t *testing.T) {
	data := pattern(1000)
	folder := must(dir.New(t.TempDir(), nil))(t)
	defer folder.Close()
	for _, p := range suites(t) {
		for _, d := range []backend.Driver{mem.New(), folder} {
			must(p.bucket(d).Put(t.Context(), "key", bytes.NewReader(data), 1000, nil))(t)
			r := newRecording(d)
			path := filepath.Join(t.TempDir(), "out")
			must(p.downloading(r, nil, soon(256)).GetFile(t.Context(), "key", path))(t)
			if got := must(os.ReadFile(path))(t); !bytes.Equal(got, data) {
				t.Errorf("%s: another file", p.name)
			}
			if len(r.asked) != 4 || r.asked[0] != "0+256 of any" || r.early > 0 {
				t.Errorf("%s: asked for %q, %d bodies were not read to their end", p.name, r.asked, r.early)
			}
		}
	}
}

// TestDownloadNoFirst: where there is no first part, all is asked for.
func TestDownloadNoFirst(t *testing.T) {
	store := mem.New()
	must(store.Put(t.Context(), "key", bytes.NewReader(nil), 0, &backend.PutOptions{}))(t)
	plain := envelope.OpenOptions{AllowPlaintext: true}
	r := newRecording(store)
	b := backend.NewBucket(r, nil, nil, &backend.Options{Open: plain, Download: soon(16)})
	wantDownload(t, "empty", profile{suite: envelope.V2CBC}, b, nil)
	if len(r.asked) != 6 || r.asked[1] != "all of any" { // and twice an instruction file
		t.Errorf("asked for %q", r.asked)
	}
	p := profiles(t)[0]
	none := &getDriver{Driver: stored(t, p, "key", pattern(10))}
	none.hook = func(_ int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		if opts.Range != nil {
			return nil, nil, fmt.Errorf("%w: there are none here", backend.ErrRange)
		}
		return none.Driver.Get(ctx, key, opts)
	}
	wantDownload(t, "a storage without ranges", p, p.downloading(none, nil, soon(1000)), pattern(10))

	fails := &getDriver{Driver: store}
	fails.hook = func(int, context.Context, string, *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		return nil, nil, errCustom
	}
	wantErr(t, "fails", wantNothingLeft(t, "fails", p.downloading(fails, nil, soon(16)), t.Context()), errCustom)
	if n := fails.gets.Load(); n != 1 {
		t.Errorf("%d requests where the first has failed", n)
	}
}

// TestDownloadGoesOn: what is not read in parts is of one version, too, however
// the answers end.
func TestDownloadGoesOn(t *testing.T) {
	key := must(wrap.NewAESGCM(kek(32)))(t)
	data := pattern(300_000)
	store := mem.New()
	put := backend.NewBucket(store, key, key, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}})
	must(put.Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), nil))(t)
	for name, c := range map[string]struct {
		change func(i int, info *backend.Info)
		want   error
	}{
		"replaced": {func(i int, _ *backend.Info) {
			if i == 1 {
				must(put.Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), nil))(t)
			}
		}, backend.ErrChanged},
		"no ETag":      {func(_ int, info *backend.Info) { info.ETag = "" }, nil}, // by one request
		"another size": {func(i int, info *backend.Info) { info.Size += int64(i) }, backend.ErrChanged},
		"fine":         {func(int, *backend.Info) {}, nil},
	} {
		d := &getDriver{Driver: store}
		d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
			c.change(i, new(backend.Info))
			rc, info, err := store.Get(ctx, key, opts)
			if err == nil && name != "replaced" {
				c.change(i, info)
			}
			return rc, info, err
		}
		b := backend.NewBucket(d, nil, key, &backend.Options{Download: soon(1000)})
		if c.want == nil {
			wantDownload(t, name, profile{suite: envelope.V3}, b, data)
		} else {
			wantErr(t, name, wantNothingLeft(t, name, b, t.Context()), c.want)
		}
		if n := d.open.Load(); n != 0 {
			t.Errorf("%s: %d bodies left open", name, n)
		}
	}
}
