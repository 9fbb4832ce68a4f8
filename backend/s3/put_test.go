// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

var errDisk = errors.New("disk on fire")

// A source that fails leaves what was there before, whatever it fails with.
func TestSourceFails(t *testing.T) {
	const at = 5*tinyParts + 7
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newTinyParts(t, srv.Client(t), bucket)
		old := mustPut(t, d, "old", pattern(100))
		for _, cause := range []error{errDisk, io.ErrUnexpectedEOF, io.ErrClosedPipe} {
			for _, size := range []int64{-1, 2 * at, at} {
				for _, key := range []string{"old", "new"} {
					_, err := d.Put(t.Context(), key, &source{n: at, err: cause}, size, &backend.PutOptions{})
					if !errors.Is(err, cause) {
						t.Errorf("Put(%q, size %d) from a source that fails with %v = %v", key, size, cause, err)
					}
				}
			}
		}
		wantObjects(t, srv, bucket, "old")
		if now, err := d.Stat(t.Context(), "old"); err != nil || now.ETag != old.ETag {
			t.Errorf("Stat of the object that was there = %+v, %v", now, err)
		}
	})
}

// A body that is not as long as declared is an error, also where its length
// and that of the parts fit together.
func TestDeclaredSizeIsWrong(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newTinyParts(t, srv.Client(t), bucket)
		const part = tinyParts
		for _, c := range []struct{ n, size int }{
			{part, part + 1},
			{part + 1, part},
			{2 * part, part},
			{0, 1},
			{1, 0},
			{2 * part, 2*part - 1},
			{2 * part, 3 * part},
			{5*part + 1, 5 * part},
			{5 * part, 6 * part},
		} {
			_, err := d.Put(t.Context(), "key", &source{n: c.n}, int64(c.size), &backend.PutOptions{})
			if !errors.Is(err, backend.ErrSize) {
				t.Errorf("Put of %d bytes declared as %d = %v, want ErrSize", c.n, c.size, err)
			}
		}
		wantObjects(t, srv, bucket)
	})
}

// A source that panics is no reason to leave an upload behind.
func TestSourcePanics(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newTinyParts(t, srv.Client(t), bucket)
		func() {
			defer func() {
				if r := recover(); r != "bug" {
					t.Errorf("recovered %v, want the panic of the source", r)
				}
			}()
			hook := func(off int) {
				if off > 4*tinyParts {
					panic("bug")
				}
			}
			_, _ = d.Put(t.Context(), "key", &source{n: 12 * tinyParts, hook: hook}, -1, &backend.PutOptions{})
		}()
		wantObjects(t, srv, bucket)
	})
}

func TestTooLarge(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		var rec recorder
		d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), bucket, smallParts)
		read := 0
		src := &source{n: 1, hook: func(int) { read++ }}
		if _, err := d.Put(t.Context(), "key", src, 5<<40+1, &backend.PutOptions{}); !errors.Is(err, s3.ErrTooLarge) {
			t.Errorf("Put of 5 TiB + 1 = %v, want ErrTooLarge", err)
		}
		if len(rec.reqs) != 0 || read != 0 {
			t.Errorf("%d requests and %d reads for what is too large, want none", len(rec.reqs), read)
		}
		for _, c := range []struct {
			parts int
			size  int64
			n     int
			want  error
		}{
			{10000, 6 * mib, 6 * mib, nil},
			{10000, 6*mib - 1, 6 * mib, s3.ErrTooLarge},
			{2, 1 << 40, 10 * mib, nil},
			{2, 1 << 40, 10*mib + 1, s3.ErrTooLarge},
		} {
			d.SetLimits(c.parts, c.size)
			_, err := d.Put(t.Context(), "key", &source{n: c.n}, -1, &backend.PutOptions{})
			if !errors.Is(err, c.want) {
				t.Errorf("Put of %d bytes with at most %d parts and %d bytes = %v, want %v", c.n, c.parts, c.size, err, c.want)
			}
			if n := srv.IncompleteUploads(t, bucket); n != 0 {
				t.Errorf("incomplete uploads: got %d, want 0", n)
			}
		}
	})
}

// Keys and metadata that cannot be stored are refused before anything is read
// or sent.
func TestRefusedBeforeAnyRequest(t *testing.T) {
	noRequest := func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		t.Errorf("request %s %s", req.Method, req.URL)
		return nil, errLost
	}
	client, err := minio.New("s3.test:80", &minio.Options{Region: "us-east-1", MaxRetries: 1, Transport: chaosTransport{noRequest, nil}})
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, client, "bucket", nil)
	put := func(key string, opts backend.PutOptions) error {
		read := 0
		info, err := d.Put(t.Context(), key, &source{n: 1, hook: func(int) { read++ }}, 1, &opts)
		if info != nil || read != 0 {
			t.Errorf("Put(%q) = %+v after %d reads, want nil and none", key, info, read)
		}
		return err
	}
	for _, key := range []string{"", " ", "/", "//", ".", "..", "a/../b", "./a", "a/.", `..\a`, "nul\x00", "\xff", string(make([]byte, 1025))} {
		if err := put(key, backend.PutOptions{}); !errors.Is(err, backend.ErrKey) {
			t.Errorf("Put(%q) = %v, want ErrKey", key, err)
		}
		_, _, getErr := d.Get(t.Context(), key, &backend.GetOptions{})
		_, statErr := d.Stat(t.Context(), key)
		for name, err := range map[string]error{"Get": getErr, "Stat": statErr, "Delete": d.Delete(t.Context(), key)} {
			if !errors.Is(err, backend.ErrKey) {
				t.Errorf("%s(%q) = %v, want ErrKey", name, key, err)
			}
		}
	}
	for name, value := range map[string]string{
		"": "v", "a b": "v", "Upper": "v", "a:b": "v", "ü": "v", "line\n": "v",
		"a": "two\nlines", "b": " v", "c": "v ", "d": "ü", "e": "\x7f", "f": "tab\t", "g": "=?utf-8?q?v?=",
	} {
		if put("key", backend.PutOptions{Metadata: map[string]string{name: value}}) == nil {
			t.Errorf("Put with the metadata %q: %q = nil, want an error", name, value)
		}
	}
	if put("key", backend.PutOptions{ContentType: "text/plain\r\nX-Evil: 1"}) == nil {
		t.Error("Put with a header in the content type = nil, want an error")
	}
	for _, r := range []backend.Range{{Offset: -1, Length: 1}, {Length: 0}, {Length: -2}} {
		if _, _, err := d.Get(t.Context(), "key", &backend.GetOptions{Range: &r}); !errors.Is(err, backend.ErrRange) {
			t.Errorf("Get(%+v) = %v, want ErrRange", r, err)
		}
	}
}

// Put has at most as many parts on their way as there are buffers.
func TestConcurrency(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, concurrency := range []int{1, 2, 4} {
			var now, most atomic.Int64
			client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == kindPart {
					most.Store(max(most.Load(), now.Add(1)))
					defer now.Add(-1)
				}
				return next.RoundTrip(req)
			})
			d := newDriver(t, client, srv.NewBucket(t), &s3.Options{Concurrency: concurrency})
			d.SetPartSize(tinyParts)
			_, err := d.Put(t.Context(), "key", &source{n: 40 * tinyParts, err: errDisk}, -1, &backend.PutOptions{})
			if !errors.Is(err, errDisk) {
				t.Errorf("Put = %v, want %v", err, errDisk)
			}
			if got := most.Load(); got > int64(concurrency) || got == 0 {
				t.Errorf("parts on their way: got %d, want 1 to %d", got, concurrency)
			}
		}
	})
}

// Buffers are used again, also by puts at the same time.
func TestConcurrentPutsOfParts(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, smallParts)
		data := pattern(8 * mib)
		for round := range 2 {
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					// Each body is another piece, so a buffer in the wrong hands shows.
					key, body := fmt.Sprintf("key %d", i), data[i*mib:]
					if _, err := d.Put(t.Context(), key, bytes.NewReader(body), -1, &backend.PutOptions{}); err != nil {
						t.Errorf("round %d: Put(%q) = %v", round, key, err)
					}
				})
			}
			wg.Wait()
			for i := range 3 {
				wantBody(t, d, fmt.Sprintf("key %d", i), data[i*mib:])
			}
		}
	})
}

// A put whose context is done while parts are on their way leaves nothing, at
// whatever point that is.
func TestCancelDuringUpload(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, at := range []string{kindPut, kindStart, kindPart, kindComplete} {
			for _, sent := range []bool{false, true} {
				bucket := srv.NewBucket(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					if kind(req) == at && !sent {
						cancel(errDisk)
					}
					resp, err := next.RoundTrip(req)
					if kind(req) == at {
						cancel(errDisk)
					}
					return resp, err
				})
				d := newDriver(t, client, bucket, smallParts)
				n := 6 * mib
				switch at {
				case kindPut:
					n = 3 * mib
				case kindStart, kindPart:
					d.SetPartSize(tinyParts)
					n = 20 * tinyParts
				}
				_, err := d.Put(ctx, "key", &source{n: n}, -1, &backend.PutOptions{})
				if err == nil && (at == kindPut && sent || at == kindComplete) {
					// The last request was on its way: then it must have succeeded.
					wantObjects(t, srv, bucket, "key")
					continue
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Put cancelled at %s = %v, want context.Canceled", at, err)
				}
				wantObjects(t, srv, bucket)
			}
		}
	})
}

// A storage that takes nothing in does not keep a put whose context is done: its
// request, of which nothing was sent, ends at once.
func TestCancelWhileStuck(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for at, n := range map[string]int{kindPut: 1000, kindPart: 9 * tinyParts} {
			ctx, cancel := context.WithCancel(t.Context())
			var waited atomic.Int64 // for the end of the request that has waited longest
			client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) != at {
					return next.RoundTrip(req)
				}
				begin := time.Now()
				cancel()
				<-req.Context().Done()
				waited.Store(max(waited.Load(), int64(time.Since(begin))))
				return nil, req.Context().Err()
			})
			bucket := srv.NewBucket(t)
			d := newTinyParts(t, client, bucket)
			if _, err := d.Put(ctx, "key", &source{n: n}, -1, &backend.PutOptions{}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s is stuck: Put = %v, want context.Canceled", at, err)
			}
			// The answer to what was sent would be awaited for 5 seconds.
			if took := time.Duration(waited.Load()); took == 0 || took > 3*time.Second {
				t.Errorf("%s is stuck: the request went on for %v after the cancellation", at, took)
			}
			wantObjects(t, srv, bucket)
		}
	})
}

// A request that the storage has carried out counts, even if ctx was done
// before its answer: there would be no way to take it back.
func TestAnswersAreAwaited(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for at, n := range map[string]int{kindPut: 1000, kindStart: 6 * mib, kindComplete: 6 * mib} {
			ctx, cancel := context.WithCancel(t.Context())
			client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) != at {
					return next.RoundTrip(req)
				}
				resp, err := next.RoundTrip(req.WithContext(t.Context()))
				cancel()
				select {
				case <-req.Context().Done(): // nobody waits
					return nil, req.Context().Err()
				case <-time.After(100 * time.Millisecond):
					return resp, err
				}
			})
			bucket := srv.NewBucket(t)
			d := newDriver(t, client, bucket, smallParts)
			_, err := d.Put(ctx, "key", &source{n: n}, -1, &backend.PutOptions{})
			if at == kindStart {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled at %s: Put = %v, want context.Canceled", at, err)
				}
				wantObjects(t, srv, bucket)
				continue
			}
			if err != nil {
				t.Errorf("cancelled at %s: Put = %v, want success: the object is there", at, err)
			}
			wantObjects(t, srv, bucket, "key")
		}
	})
}
