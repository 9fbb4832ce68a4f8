// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/envelope"
)

// TestResumeEveryByte cuts every body after so many bytes, for all numbers: all
// ways of reading an object yield it as it is.
func TestResumeEveryByte(t *testing.T) {
	data := pattern(40)
	for _, p := range suites(t) {
		d := stored(t, p, "key", data)
		for at := int64(1); at < 58; at++ {
			what := fmt.Sprintf("%s, cut at %d", p.name, at)
			f := backendtest.Faulty(d, backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: at})
			b := p.downloading(f, envelope.UnverifiedUntilEOF(), soon(16))
			wantDownload(t, what, p, b, data)
			wantObject(t, b, "key", data)
			if got, err := readAll(b.GetRange(t.Context(), "key", 3, 30)); err != nil || !bytes.Equal(got, data[3:33]) {
				t.Errorf("%s: range of %d bytes, %v", what, len(got), err)
			}
			wantClosed(t, what, f)
		}
	}
}

// TestResumeRules cuts an object of 3 MiB at random bytes, by every rule of
// release.
func TestResumeRules(t *testing.T) {
	const seed = 7
	data := pattern(3*mib + 5)
	rules := map[string]envelope.Release{
		"buffered": nil, "unverified": envelope.UnverifiedUntilEOF(),
		"spool": envelope.Spool(t.TempDir(), math.MaxInt64), "two passes": envelope.TwoPass(nil),
	}
	for _, p := range suites(t) {
		store := stored(t, p, "key", data)
		for name, rule := range rules {
			random := rand.New(rand.NewPCG(seed, 0))
			d := &getDriver{Driver: store}
			d.hook = func(_ int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				rc, info, err := store.Get(ctx, key, opts)
				if err != nil {
					return nil, nil, err
				}
				return cutAt(rc, 1+random.Int64N(mib), io.ErrUnexpectedEOF), info, nil
			}
			wantObject(t, p.downloading(d, rule, soon(0)), "key", data)
			if n := d.open.Load(); n != 0 || d.gets.Load() < 4 {
				t.Errorf("%s, %s: %d bodies of %d left open", p.name, name, n, d.gets.Load())
			}
		}
	}
}

// TestResumeWhat: what a connection can suffer is resumed, and nothing else, be
// it said by a body or in place of one.
func TestResumeWhat(t *testing.T) {
	p := profiles(t)[0]
	data := pattern(1000)
	store := stored(t, p, "key", data)
	for _, c := range []struct {
		err    error
		resume bool
	}{
		{io.ErrUnexpectedEOF, true},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		{syscall.ECONNRESET, true},
		{syscall.EPIPE, true},
		{net.ErrClosed, true},
		{&net.DNSError{Err: "no such host", Name: "x"}, true},
		{&url.Error{Op: "Get", URL: "http://x", Err: io.EOF}, true},
		{os.ErrDeadlineExceeded, true},
		{context.DeadlineExceeded, true}, // of a request; that of the caller is looked at by itself
		{errCustom, false},
		{io.ErrNoProgress, false},
		{backend.ErrChanged, false},
		{backend.ErrNotExist, false},
		{backend.ErrRange, false},
		{fmt.Errorf("%w: %w", backend.ErrChanged, io.ErrUnexpectedEOF), false},
		{context.Canceled, false},
		{fs.ErrPermission, false},
		{syscall.ENOSPC, false},
		{syscall.EIO, false},
		{&fs.PathError{Op: "read", Path: "x", Err: syscall.ENOSPC}, false},
	} {
		for _, inBody := range []bool{true, false} {
			d := &getDriver{Driver: store}
			d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				rc, info, err := store.Get(ctx, key, opts)
				switch {
				case err != nil:
				case i == 0 && inBody:
					rc = cutAt(rc, 500, c.err)
				case i == 0:
					rc = cutAt(rc, 500, io.ErrUnexpectedEOF)
				case i == 1 && !inBody:
					rc.Close()
					return nil, nil, c.err
				}
				return rc, info, err
			}
			got, err := readAll(p.downloading(d, nil, soon(0)).Get(t.Context(), "key"))
			if c.resume && (err != nil || !bytes.Equal(got, data)) {
				t.Errorf("%v, in a body %t: %v, want it resumed", c.err, inBody, err)
			}
			target := c.err
			if !inBody && errors.Is(target, backend.ErrNotExist) {
				target = backend.ErrChanged
			}
			if want := map[bool]int64{true: 1, false: 2}[inBody]; !c.resume && (!errors.Is(err, target) || d.gets.Load() != want) {
				t.Errorf("%v, in a body %t: %v after %d requests, want it after %d", c.err, inBody, err, d.gets.Load(), want)
			}
			if n := d.open.Load(); n != 0 {
				t.Errorf("%v: %d bodies left open", c.err, n)
			}
		}
	}
}

// TestResumeBounded: so many requests in a row without a byte, with pauses that
// grow; a byte starts the count again.
func TestResumeBounded(t *testing.T) {
	p := profiles(t)[0]
	store := stored(t, p, "key", pattern(100)) // 116 bytes
	for _, c := range []struct {
		resumes  int
		gets     int64
		min, max time.Duration
	}{{0, 6, 3100 * time.Millisecond, 6200 * time.Millisecond}, {2, 3, 300 * time.Millisecond, 600 * time.Millisecond}, {-1, 1, 0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			for _, at := range []int64{0, 1} {
				d := &getDriver{Driver: store}
				d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
					rc, info, err := store.Get(ctx, key, opts)
					if at > 0 && i%2 == 1 {
						return cutAt(rc, at, io.ErrUnexpectedEOF), info, err
					}
					return cutAt(rc, 0, io.ErrUnexpectedEOF), info, err
				}
				start := time.Now()
				_, err := readAll(p.downloading(d, nil, backend.DownloadOptions{Resumes: c.resumes}).Get(t.Context(), "key"))
				if at > 0 && c.resumes >= 0 {
					if err != nil || d.gets.Load() != 232 {
						t.Errorf("Resumes %d, a byte by every other request: %v after %d requests", c.resumes, err, d.gets.Load())
					}
					continue
				}
				wantErr(t, "no byte", err, io.ErrUnexpectedEOF)
				if took := time.Since(start); d.gets.Load() != c.gets || took < c.min || took > c.max {
					t.Errorf("Resumes %d: %d requests in %v, want %d in %v to %v", c.resumes, d.gets.Load(), took, c.gets, c.min, c.max)
				}
			}
		})
	}
}

// TestResumeCancelled: the end of the context ends a pause.
func TestResumeCancelled(t *testing.T) {
	p := profiles(t)[0]
	f := backendtest.Faulty(stored(t, p, "key", pattern(100)), backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: 10})
	for _, size := range []int64{16, 1000} {
		b := p.downloading(f, nil, backend.DownloadOptions{PartSize: size, ResumePause: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := wantNothingLeft(t, "in a pause", b, ctx)
		if size == 1000 {
			wantErr(t, "in a pause", err, context.DeadlineExceeded)
			_, err = readAll(b.Get(ctx, "key"))
			wantErr(t, "in a pause", err, context.DeadlineExceeded)
		}
		cancel()
	}
	wantClosed(t, "in a pause", f)
}

// TestResumeReplaced: the rest of another object is never taken for the rest.
func TestResumeReplaced(t *testing.T) {
	for _, p := range suites(t) {
		for _, name := range []string{"replaced", "deleted", "ETag", "size"} {
			store := stored(t, p, "key", pattern(1000))
			d := &getDriver{Driver: store}
			d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				if i == 1 && name == "replaced" {
					if _, err := p.bucket(store).Put(ctx, key, bytes.NewReader(pattern(1000)), -1, nil); err != nil {
						t.Error(err)
					}
				}
				if i == 1 && name == "deleted" {
					if err := store.Delete(ctx, key); err != nil {
						t.Error(err)
					}
				}
				rc, info, err := store.Get(ctx, key, opts)
				if err != nil {
					return nil, nil, err
				}
				if i == 1 && name == "ETag" {
					info.ETag = "other"
				}
				if i == 1 && name == "size" {
					info.Size++
				}
				return cutAt(rc, 300, io.ErrUnexpectedEOF), info, nil
			}
			wantErr(t, p.name+": "+name, wantNothingLeft(t, name, p.downloading(d, nil, soon(0)), t.Context()), backend.ErrChanged)
			if n := d.open.Load(); n != 0 {
				t.Errorf("%s: %s: %d bodies left open", p.name, name, n)
			}
		}
	}
}
