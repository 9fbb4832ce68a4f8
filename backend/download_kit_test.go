// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// soon resumes at once.
func soon(partSize int64) backend.DownloadOptions {
	return backend.DownloadOptions{PartSize: partSize, ResumePause: 1}
}

// downloading returns a bucket that opens everything of p over d.
func (p profile) downloading(d backend.Driver, rule envelope.Release, opts backend.DownloadOptions) *backend.Bucket {
	return backend.NewBucket(d, nil, p.key, &backend.Options{Open: everything(rule), Download: opts})
}

// A getDriver hands every Get to a hook, which also gets its number, from 0 on.
type getDriver struct {
	backend.Driver
	hook func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error)
	gets atomic.Int64
	open atomic.Int64
}

func (d *getDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	rc, info, err := d.hook(int(d.gets.Add(1))-1, ctx, key, opts)
	if err != nil {
		return nil, nil, err
	}
	d.open.Add(1)
	return struct {
		io.Reader
		io.Closer
	}{rc, closeFunc(func() error { d.open.Add(-1); return rc.Close() })}, info, nil
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

// cutAt returns body as it is cut short after n bytes.
func cutAt(body io.ReadCloser, n int64, err error) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, n), errReader{err}), body}
}

// memory is an io.WriterAt that notes what is written where.
type memory struct {
	mu     sync.Mutex
	data   []byte
	writes int
	err    error
	short  bool
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.err != nil {
		return 0, m.err
	}
	if end := int(off) + len(p); end > len(m.data) {
		m.data = append(m.data, make([]byte, end-len(m.data))...)
	}
	n := copy(m.data[off:], p)
	if m.short {
		n--
	}
	return n, nil
}

// wantNothingLeft runs a download to a file that has to fail, and wants an
// empty folder and no goroutine after it.
func wantNothingLeft(t *testing.T, what string, b *backend.Bucket, ctx context.Context) error {
	t.Helper()
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	info, err := b.GetFile(ctx, "key", filepath.Join(dir, "out"))
	if err == nil || info != nil {
		t.Errorf("%s: GetFile = %v, %v, want an error", what, info, err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("%s: left %q", what, got)
	}
	// One that has signalled its end may still be there.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return err
		}
	}
	t.Errorf("%s: %d goroutines, were %d", what, runtime.NumGoroutine(), before)
	return err
}

// wantDownload wants data by GetFile and by GetToUnverified.
func wantDownload(t *testing.T, what string, p profile, b *backend.Bucket, data []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out")
	info, err := b.GetFile(t.Context(), "key", path)
	if err != nil {
		t.Errorf("%s: GetFile = %v", what, err)
		return
	}
	if got := must(os.ReadFile(path))(t); !bytes.Equal(got, data) {
		t.Errorf("%s: file of %d bytes that are not the %d stored", what, len(got), len(data))
	}
	var m memory
	info2, err := b.GetToUnverified(t.Context(), "key", &m)
	if err != nil || !bytes.Equal(m.data, data) {
		t.Errorf("%s: GetToUnverified = %v, %d bytes that are not the %d stored", what, err, len(m.data), len(data))
		return
	}
	for _, i := range []*backend.ObjectInfo{info, info2} {
		if n := int64(len(data)); i.Authenticated != p.authenticated() || i.PlaintextSizeMin != n || i.PlaintextSizeMax != n {
			t.Errorf("%s: info %s", what, fmt.Sprint(i.Authenticated, i.PlaintextSizeMin, i.PlaintextSizeMax))
		}
	}
}
