// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

const downloadPart = 64 << 10

// A stored object is read through clients that the tests make.
type storedObject struct {
	srv    *s3test.Server
	bucket string
	suite  envelope.Suite
	key    wrap.Key
	data   []byte
}

func (o *storedObject) through(t *testing.T, client *minio.Client, opts backend.DownloadOptions) *backend.Bucket {
	t.Helper()
	return backend.NewBucket(newDriver(t, client, o.bucket, smallParts), o.key, o.key,
		&backend.Options{Seal: envelope.SealOptions{Suite: o.suite}, Open: everything(), Download: opts})
}

func (o *storedObject) put(t *testing.T) {
	t.Helper()
	b := o.through(t, o.srv.Client(t), backend.DownloadOptions{})
	if _, err := b.Put(t.Context(), "k", bytes.NewReader(o.data), int64(len(o.data)), nil); err != nil {
		t.Fatal(err)
	}
}

// wantFile wants the object in a file, or nothing there and an error that wraps
// want.
func (o *storedObject) wantFile(t *testing.T, what string, ctx context.Context, b *backend.Bucket, want error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	_, err := b.GetFile(ctx, "k", path)
	if !errors.Is(err, want) {
		t.Errorf("%s: GetFile = %v, want %v", what, err, want)
	}
	if want == nil {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, o.data) {
			t.Errorf("%s: file of %d bytes that are not the %d stored; %v", what, len(got), len(o.data), err)
		}
	} else if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%s: left %v, %v", what, left, err)
	}
}

// eachDownload stores an object of size bytes on each server, in a suite with a
// tag and in one without.
func eachDownload(t *testing.T, size int, f func(t *testing.T, o *storedObject)) {
	t.Helper()
	keys := sealings(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		for _, suite := range []envelope.Suite{envelope.V3, envelope.V2CBC} {
			t.Run(suite.String(), func(t *testing.T) {
				o := &storedObject{srv, bucket, suite, keys[suite], pattern(size)}
				o.put(t)
				f(t, o)
			})
		}
	})
}

// bodies lets change replace the body of the n-th answer to a read, from 0 on.
func bodies(change func(n int, req *http.Request, resp *http.Response)) chaos {
	var count atomic.Int64
	changed, _ := answers(func(req *http.Request, resp *http.Response) {
		change(int(count.Add(1))-1, req, resp)
	})
	return changed
}

type brokenBody struct {
	io.Reader
	io.Closer
}

// breakAfter makes the connection of an answer break after n bytes of its body.
func breakAfter(resp *http.Response, n int64, err error) {
	resp.Body = brokenBody{io.MultiReader(io.LimitReader(resp.Body, n), failing{err}), resp.Body}
}

// TestDownloadBreaks breaks the connection at every byte of a small object, and
// at random ones of one in many parts.
func TestDownloadBreaks(t *testing.T) {
	causes := []error{io.ErrUnexpectedEOF, syscall.ECONNRESET, &timeoutError{}}
	eachDownload(t, 40, func(t *testing.T, o *storedObject) {
		for at := int64(1); at < 60; at += 3 {
			client := chaosClient(t, o.srv, bodies(func(n int, _ *http.Request, resp *http.Response) {
				breakAfter(resp, at, causes[n%len(causes)])
			}))
			for _, size := range []int64{16, 1000} {
				b := o.through(t, client, backend.DownloadOptions{PartSize: size, ResumePause: 1})
				o.wantFile(t, fmt.Sprintf("part=%d, broken at %d", size, at), t.Context(), b, nil)
			}
		}
	})
	eachDownload(t, 5*mib+3, func(t *testing.T, o *storedObject) {
		const seed = 3
		random := rand.New(rand.NewPCG(seed, 0))
		var mu sync.Mutex
		client := chaosClient(t, o.srv, bodies(func(n int, _ *http.Request, resp *http.Response) {
			mu.Lock()
			defer mu.Unlock()
			breakAfter(resp, random.Int64N(mib), causes[n%len(causes)])
		}))
		o.wantFile(t, "random", t.Context(), o.through(t, client, backend.DownloadOptions{PartSize: mib, ResumePause: 1}), nil)
		o.wantFile(t, "random, one request", t.Context(), o.through(t, client, backend.DownloadOptions{Concurrency: 1, ResumePause: 1}), nil)
	})
}

type timeoutError struct{}

func (*timeoutError) Error() string { return "i/o timeout" }
func (*timeoutError) Timeout() bool { return true }

// TestDownloadResets has connections that are really reset, wherever they are.
func TestDownloadResets(t *testing.T) {
	eachDownload(t, 2*mib, func(t *testing.T, o *storedObject) {
		client := cuttingClient(t, o.srv, func(i int) int64 { return 200_000 + int64(i*54_321)%600_000 })
		o.wantFile(t, "resets", t.Context(), o.through(t, client, backend.DownloadOptions{PartSize: mib / 2, ResumePause: 1}), nil)
	})
}

// TestDownloadChanged replaces and deletes the object between the requests for
// its parts, and where one of them is resumed.
func TestDownloadChanged(t *testing.T) {
	eachDownload(t, 5*downloadPart, func(t *testing.T, o *storedObject) {
		for _, when := range []int{1, 3} {
			for _, how := range []string{"replaced", "deleted"} {
				for _, size := range []int64{downloadPart, mib} { // in parts; resumed
					o.put(t)
					var once sync.Once
					var count atomic.Int64
					change := func() {
						if how == "replaced" {
							o.put(t)
						} else if err := o.through(t, o.srv.Client(t), backend.DownloadOptions{}).Delete(t.Context(), "k"); err != nil {
							t.Error(err)
						}
					}
					client := chaosClient(t, o.srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
						if kind(req) == kindGet && int(count.Add(1)) > when {
							once.Do(change)
						}
						resp, err := next.RoundTrip(req)
						if err == nil && size == mib && kind(req) == kindGet && resp.StatusCode < 300 {
							breakAfter(resp, downloadPart/2, io.ErrUnexpectedEOF)
						}
						return resp, err
					})
					b := o.through(t, client, backend.DownloadOptions{PartSize: size, ResumePause: 1})
					o.wantFile(t, fmt.Sprintf("%s before request %d, part=%d", how, when, size), t.Context(), b, backend.ErrChanged)
				}
			}
		}
	})
}

// TestDownloadRangesIgnored: an answer that is not the range, by its status or
// by what it says of itself, is refused before a byte of it is decrypted.
func TestDownloadRangesIgnored(t *testing.T) {
	eachDownload(t, 4*downloadPart, func(t *testing.T, o *storedObject) {
		whole, err := readAll(t, newDriver(t, o.srv.Client(t), o.bucket, smallParts), "k", backend.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(resp *http.Response){
			"200 with all": func(resp *http.Response) {
				resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
				resp.Header.Del("Content-Range")
				resp.Header.Set("Content-Length", strconv.Itoa(len(whole)))
				resp.ContentLength = int64(len(whole))
				resp.Body = brokenBody{bytes.NewReader(whole), resp.Body}
			},
			"other range": func(resp *http.Response) {
				resp.Header.Set("Content-Range", strings.Replace(resp.Header.Get("Content-Range"), "bytes ", "bytes 1", 1))
			},
			"none": func(resp *http.Response) { resp.Header.Del("Content-Range") },
		} {
			for _, size := range []int64{downloadPart, mib} {
				client := chaosClient(t, o.srv, bodies(func(n int, req *http.Request, resp *http.Response) {
					if req.Header.Get("Range") != "" {
						change(resp)
					} else {
						breakAfter(resp, downloadPart/2, io.ErrUnexpectedEOF)
					}
				}))
				b := o.through(t, client, backend.DownloadOptions{PartSize: size, ResumePause: 1})
				o.wantFile(t, fmt.Sprintf("%s, part=%d", name, size), t.Context(), b, backend.ErrRange)
			}
		}
	})
}

// TestDownloadFlips alters one bit on the wire, in each part in turn.
func TestDownloadFlips(t *testing.T) {
	eachDownload(t, 4*downloadPart, func(t *testing.T, o *storedObject) {
		if o.suite != envelope.V3 {
			return
		}
		for n := range 4 {
			client := chaosClient(t, o.srv, bodies(func(i int, _ *http.Request, resp *http.Response) {
				if i == n {
					resp.Body = brokenBody{&flippingReader{src: resp.Body, at: int64(n * 20_000)}, resp.Body}
				}
			}))
			b := o.through(t, client, backend.DownloadOptions{PartSize: downloadPart})
			o.wantFile(t, fmt.Sprintf("bit in answer %d", n), t.Context(), b, envelope.ErrDecrypt)
		}
	})
}

// A flippingReader alters one bit.
type flippingReader struct {
	src io.Reader
	at  int64
}

func (r *flippingReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if r.at >= 0 && r.at < int64(n) {
		p[r.at] ^= 0x10
	}
	r.at -= int64(n)
	return n, err
}

// TestDownloadSlow has one part that never comes: the others do not help, but
// the end of the context ends it at once.
func TestDownloadSlow(t *testing.T) {
	eachDownload(t, 4*downloadPart, func(t *testing.T, o *storedObject) {
		client := chaosClient(t, o.srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if strings.HasPrefix(req.Header.Get("Range"), fmt.Sprintf("bytes=%d-", 2*downloadPart-16)) || strings.HasPrefix(req.Header.Get("Range"), fmt.Sprintf("bytes=%d-", 2*downloadPart)) {
				<-req.Context().Done()
			}
			return next.RoundTrip(req)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		b := o.through(t, client, backend.DownloadOptions{PartSize: downloadPart, ResumePause: time.Hour})
		o.wantFile(t, "a part that does not come", ctx, b, context.DeadlineExceeded)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
