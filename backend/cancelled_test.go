// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A stuckDriver does not answer one of its calls, which are counted together with
// those of Read of its bodies, before the context is done. That is then cancelled.
type stuckDriver struct {
	*mem.Driver
	at     int64 // -1 is none
	cancel context.CancelFunc
	calls  atomic.Int64
	open   atomic.Int64 // bodies
}

func (d *stuckDriver) wait(ctx context.Context) error {
	if d.calls.Add(1)-1 == d.at {
		time.AfterFunc(time.Millisecond, d.cancel) // when somebody waits
		<-ctx.Done()
	}
	return ctx.Err()
}

func (d *stuckDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if err := d.wait(ctx); err != nil {
		return nil, nil, err
	}
	body, info, err := d.Driver.Get(ctx, key, opts)
	if err != nil {
		return nil, nil, err
	}
	d.open.Add(1)
	return struct {
		io.Reader
		io.Closer
	}{
		readFunc(func(p []byte) (int, error) {
			if err := d.wait(ctx); err != nil {
				return 0, err
			}
			return body.Read(p)
		}),
		closeFunc(func() error { d.open.Add(-1); return body.Close() }),
	}, info, nil
}

func (d *stuckDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := d.wait(ctx); err != nil {
		return nil, err
	}
	return d.Driver.Stat(ctx, key)
}

func (d *stuckDriver) Delete(ctx context.Context, key string) error {
	if err := d.wait(ctx); err != nil {
		return err
	}
	return d.Driver.Delete(ctx, key)
}

func (d *stuckDriver) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for info, err := range d.Driver.List(ctx, opts) {
			if werr := d.wait(ctx); werr != nil {
				info, err = nil, werr
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

func (d *stuckDriver) ReplaceMetadata(ctx context.Context, key string, meta map[string]string, ifMatch string) (*backend.Info, error) {
	if err := d.wait(ctx); err != nil {
		return nil, err
	}
	return d.Driver.ReplaceMetadata(ctx, key, meta, ifMatch)
}

func (d *stuckDriver) ListUploads(ctx context.Context, prefix string) ([]backend.Upload, error) {
	if err := d.wait(ctx); err != nil {
		return nil, err
	}
	return d.Driver.ListUploads(ctx, prefix)
}

func (d *stuckDriver) AbortUpload(ctx context.Context, key, id string) error {
	if err := d.wait(ctx); err != nil {
		return err
	}
	return d.Driver.AbortUpload(ctx, key, id)
}

// cancellable are all that a bucket does but to put, of the object "key".
var cancellable = map[string]func(ctx context.Context, b *backend.Bucket, folder string) error{
	"Stat": func(ctx context.Context, b *backend.Bucket, _ string) error { return second(b.Stat(ctx, "key")) },
	"Get": func(ctx context.Context, b *backend.Bucket, _ string) error {
		return second(readAll(b.Get(ctx, "key")))
	},
	"GetRange": func(ctx context.Context, b *backend.Bucket, _ string) error {
		return second(readAll(b.GetRange(ctx, "key", 5, -1)))
	},
	"GetFile": func(ctx context.Context, b *backend.Bucket, folder string) error {
		return second(b.GetFile(ctx, "key", filepath.Join(folder, "out")))
	},
	"GetToUnverified": func(ctx context.Context, b *backend.Bucket, _ string) error {
		return second(b.GetToUnverified(ctx, "key", nowhere{}))
	},
	"ReaderAt": func(ctx context.Context, b *backend.Bucket, _ string) error {
		r, err := b.ReaderAt(ctx, "key")
		if err != nil {
			return err
		}
		defer r.Close()
		for off := int64(0); off < r.Size() && err == nil; off += 10_000 {
			_, err = r.ReadAt(make([]byte, min(100, r.Size()-off)), off)
		}
		return err
	},
	"List": func(ctx context.Context, b *backend.Bucket, _ string) error {
		for _, err := range b.List(ctx, nil) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Rewrap": func(ctx context.Context, b *backend.Bucket, _ string) error {
		to, err := wrap.NewAESGCM(newKEK(32))
		if err != nil {
			return err
		}
		return second(b.Rewrap(ctx, "key", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{to}}))
	},
	"AbortStale": func(ctx context.Context, b *backend.Bucket, _ string) error {
		return second(b.AbortStale(ctx, "", -time.Hour, &backend.StaleOptions{AllUploads: true, Abort: true}))
	},
	"Delete": func(ctx context.Context, b *backend.Bucket, _ string) error { return b.Delete(ctx, "key") },
}

type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// TestCancelledAnywhere cancels every operation while the storage does not answer
// one of its calls, each in turn: it ends with the error of the context, and leaves
// no body and no file.
func TestCancelledAnywhere(t *testing.T) {
	for _, p := range []profile{{"V3", envelope.V3, gcmKey(t)}, {"Chunked", envelope.Chunked, gcmKey(t)}} {
		for name, op := range cancellable {
			t.Run(p.name+","+name, func(t *testing.T) {
				folder, reached := memoryFolder(t), true
				for at := int64(0); reached; at++ {
					reached = cancelAt(t, p, fmt.Sprintf("call %d", at), at, folder, op)
					if got := names(t, folder); len(got) > 0 && reached {
						t.Fatalf("call %d: left %q", at, got)
					}
					if at == 0 && !reached {
						t.Fatal("the storage was not asked")
					}
				}
			})
		}
	}
}

// cancelAt does one operation, and returns whether it has come to call at.
func cancelAt(t *testing.T, p profile, what string, at int64, folder string, op func(context.Context, *backend.Bucket, string) error) bool {
	t.Helper()
	d := &stuckDriver{Driver: mem.New(), at: -1}
	b := p.bucket(d)
	must(b.Put(t.Context(), "key", bytes.NewReader(pattern(chunk+100)), -1, nil))(t)
	must(d.StartUpload(t.Context(), "upload", &backend.PutOptions{}))(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.calls.Store(0)
	d.at, d.cancel = at, cancel
	start := time.Now()
	err := op(ctx, b, folder)
	if took := time.Since(start); took > 10*time.Second { // of which it needs milliseconds
		t.Errorf("%s: it took %v", what, took)
	}
	if d.calls.Load() <= at {
		if err != nil {
			t.Errorf("%s: nothing was in the way, and it failed: %v", what, err)
		}
		return false
	}
	wantErr(t, what, err, context.Canceled)
	if n := d.open.Load(); n != 0 {
		t.Errorf("%s: %d bodies left open", what, n)
	}
	return true
}
