// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// spools counts the temporary files of a driver, and spoils them.
type spools struct {
	dir        string
	made, open atomic.Int64
	most       atomic.Int64 // open at once
	write      func(p []byte) (int, error)
	readAt     func(p []byte, off int64) (int, error)
}

// newSpools returns a driver for which a part of 6 MiB is large, and whose parts
// grow from 5 MiB to 10 after the first.
func newSpools(t *testing.T, client *minio.Client, bucket string) (*s3.Driver, *spools) {
	t.Helper()
	s := &spools{dir: t.TempDir()}
	d := newDriver(t, client, bucket, &s3.Options{PartSize: 5 * mib, SpoolDir: s.dir})
	d.SetSpool(6*mib, 1)
	real := d.SetCreateSpool(nil)
	d.SetCreateSpool(func(dir string) (s3.SpoolFile, error) {
		f, err := real(dir)
		if err != nil {
			return nil, err
		}
		s.made.Add(1)
		s.most.Store(max(s.most.Load(), s.open.Add(1)))
		return &spoolFile{f, s}, nil
	})
	return d, s
}

type spoolFile struct {
	s3.SpoolFile
	s *spools
}

func (f *spoolFile) Write(p []byte) (int, error) {
	if f.s.write != nil {
		return f.s.write(p)
	}
	return f.SpoolFile.Write(p)
}

func (f *spoolFile) ReadAt(p []byte, off int64) (int, error) {
	if f.s.readAt != nil {
		return f.s.readAt(p, off)
	}
	return f.SpoolFile.ReadAt(p, off)
}

func (f *spoolFile) Close() error {
	f.s.open.Add(-1)
	return f.SpoolFile.Close()
}

// wantGone fails the test unless as many files were made, and none is left.
func (s *spools) wantGone(t *testing.T, made int64) {
	t.Helper()
	if n := s.made.Load(); n != made {
		t.Errorf("%d files, want %d", n, made)
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d files are open", n)
	}
	if n := s.most.Load(); n > 2 {
		t.Errorf("%d files at once, want 2", n)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// TestSpooledParts: what goes through files arrives, however often it has to be
// sent, and always with the same bytes.
func TestSpooledParts(t *testing.T) {
	fault := func(req *http.Request) (*http.Response, error) {
		if req.Body != nil { // it gets some way
			_, _ = io.CopyN(io.Discard, req.Body, 100_000)
		}
		return answer(req, http.StatusServiceUnavailable, slowDown), nil
	}
	data := pattern(16 * mib)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for name, c := range map[string]struct {
			size  int64
			parts int
			made  int64
		}{
			"unknown size": {-1, 10000, 2},           // 5, 10, 1
			"known size":   {int64(len(data)), 2, 2}, // 8, 8
		} {
			var rec recorder
			bucket := srv.NewBucket(t)
			d, s := newSpools(t, chaosClient(t, srv, rec.wrap(failFirst(2, fault))), bucket)
			d.SetLimits(c.parts, 1<<40)
			if _, err := d.Put(t.Context(), "key", bytes.NewReader(data), c.size, &backend.PutOptions{}); err != nil {
				t.Fatalf("%s: Put = %v", name, err)
			}
			wantSameBodies(t, &rec, 3)
			for _, req := range rec.of(kindPart) {
				sum := req.header.Get("X-Amz-Content-Sha256")
				if len(sum) != 64 || req.header.Get("X-Amz-Checksum-Crc32c") == "" {
					t.Errorf("%s: a part without its digests: %q, %q", name, sum, req.header)
				}
			}
			wantBody(t, d, "key", data)
			wantObjects(t, srv, bucket, "key")
			s.wantGone(t, c.made)
		}
	})
}

// TestSpoolFails: a disk that fails is a put that fails, with the reason.
func TestSpoolFails(t *testing.T) {
	full := func([]byte) (int, error) { return 0, syscall.ENOSPC }
	faults := map[string]struct {
		spoil func(s *spools)
		want  error
	}{
		"full":           {func(s *spools) { s.write = full }, syscall.ENOSPC},
		"short write":    {func(s *spools) { s.write = func(p []byte) (int, error) { return len(p) / 2, nil } }, io.ErrShortWrite},
		"cannot be read": {func(s *spools) { s.readAt = func([]byte, int64) (int, error) { return 0, syscall.EIO } }, syscall.EIO},
		"was cut short":  {func(s *spools) { s.readAt = func([]byte, int64) (int, error) { return 0, io.EOF } }, io.ErrUnexpectedEOF},
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		for name, c := range faults {
			d, s := newSpools(t, srv.Client(t), bucket)
			c.spoil(s)
			_, err := d.Put(t.Context(), "key", &source{n: 15 * mib}, -1, &backend.PutOptions{})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: Put = %v, want %v", name, err, c.want)
			}
			s.wantGone(t, 1)
		}
		d := newDriver(t, srv.Client(t), bucket, &s3.Options{PartSize: 5 * mib, SpoolDir: filepath.Join(t.TempDir(), "none")})
		d.SetSpool(6*mib, 1)
		if _, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, &backend.PutOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no folder: Put = %v, want %v", err, fs.ErrNotExist)
		}
		wantObjects(t, srv, bucket)
	})
}

// TestSpoolIsLeft: a put that ends in the middle leaves no file.
func TestSpoolIsLeft(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d, s := newSpools(t, srv.Client(t), bucket)
		_, err := d.Put(t.Context(), "key", &source{n: 12 * mib, err: errLost}, -1, &backend.PutOptions{})
		if !errors.Is(err, errLost) {
			t.Errorf("the body fails: Put = %v", err)
		}
		s.wantGone(t, 1)

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err = d.Put(ctx, "key", &source{n: 16 * mib, hook: func(off int) {
			if off >= 12*mib {
				cancel()
			}
		}}, -1, &backend.PutOptions{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: Put = %v", err)
		}
		s.wantGone(t, 2)

		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of a body was swallowed")
				}
			}()
			d.Put(t.Context(), "key", &source{n: 16 * mib, hook: func(off int) {
				if off >= 12*mib {
					panic("body")
				}
			}}, -1, &backend.PutOptions{})
		}()
		s.wantGone(t, 3)
		wantObjects(t, srv, bucket)
	})
}

// TestSpoolMemory: parts that go through files take no memory.
func TestSpoolMemory(t *testing.T) {
	data := pattern(16 * mib)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d, s := newSpools(t, srv.Client(t), srv.NewBucket(t))
		d.SetLimits(2, 1<<40)
		four := io.MultiReader(bytes.NewReader(data), bytes.NewReader(data), bytes.NewReader(data), bytes.NewReader(data))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := d.Put(t.Context(), "key", four, 64*mib, &backend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// Up to three buffers of 5 MiB.
		if n := after.TotalAlloc - before.TotalAlloc; n > 18*mib {
			t.Errorf("%d bytes allocated for 2 parts of 32 MiB", n)
		}
		s.wantGone(t, 2)
	})
}

// TestMaxSize: a body of unknown size is held to what was said of it.
func TestMaxSize(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, smallParts)
		for _, n := range []int{1, 100, 5 * mib, 6 * mib} {
			_, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{MaxSize: int64(n) - 1})
			if n > 1 && !errors.Is(err, backend.ErrSize) {
				t.Errorf("%d bytes and no more than one less: %v, want ErrSize", n, err)
			}
			if n == 1 {
				continue // 0 is no limit
			}
			if _, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{MaxSize: int64(n)}); err != nil {
				t.Errorf("%d bytes and no more: %v", n, err)
			}
		}
		wantBody(t, d, "key", pattern(6*mib))
		wantObjects(t, srv, bucket, "key")
	})
}
