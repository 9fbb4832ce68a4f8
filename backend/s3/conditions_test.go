// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
)

var create = backend.PutOptions{IfNoneMatch: true}

// bothSizes are a body of one request and one of an upload.
var bothSizes = map[string]int{kindPut: 1000, kindComplete: 5*mib + 1000}

// Of a put, the request that stores the object says the condition, and so does
// the one that starts an upload.
func TestConditionsOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for deciding, n := range bothSizes {
			var rec recorder
			d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), smallParts)
			info, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(n)), -1, &create)
			if err != nil {
				t.Fatalf("Put of %d bytes = %v", n, err)
			}
			if _, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(n)), -1, &backend.PutOptions{IfMatch: info.ETag}); err != nil {
				t.Fatalf("Put of %d bytes with IfMatch = %v", n, err)
			}
			reqs := append(rec.of(deciding), rec.of(kindStart)...)
			if len(reqs) < 2 {
				t.Fatalf("%d bytes: %d requests with conditions", n, len(reqs))
			}
			for i, req := range reqs {
				none, match := req.header.Get("If-None-Match"), req.header.Get("If-Match")
				if first := i%2 == 0; first && (none != "*" || match != "") || !first && (none != "" || match != `"`+info.ETag+`"`) {
					t.Errorf("%s %d: If-None-Match %q, If-Match %q", req.kind, i, none, match)
				}
			}
			for _, req := range rec.of(kindPart) {
				if req.header.Get("If-None-Match")+req.header.Get("If-Match") != "" {
					t.Error("a part has a condition")
				}
			}
		}
	})
}

// The answer to the request that stored the object is lost. Its repetition
// fails by its own condition, but the object is there.
func TestAnswerToConditionalPutIsLost(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for deciding, n := range bothSizes {
			bucket := srv.NewBucket(t)
			var lost atomic.Int64
			client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == deciding && lost.Add(1) == 1 {
					return lose(req, next)
				}
				return next.RoundTrip(req)
			})
			d := newDriver(t, client, bucket, smallParts)
			info, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(n)), -1, &create)
			if err != nil || lost.Load() < 2 {
				t.Fatalf("%s: Put = %v after %d requests, want success: the object is there", deciding, err, lost.Load())
			}
			if stat, err := d.Stat(t.Context(), "key"); err != nil || stat.ETag != info.ETag {
				t.Errorf("%s: Stat = %+v, %v, Put = %+v", deciding, stat, err, info)
			}
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// Another client stores the same bytes first, in the moment before the request
// that decides: that is not our object.
func TestSameObjectOfAnother(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for deciding, n := range bothSizes {
			bucket := srv.NewBucket(t)
			other := newDriver(t, srv.Client(t), bucket, smallParts)
			client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == deciding {
					mustPut(t, other, "key", pattern(n))
				}
				return next.RoundTrip(req)
			})
			d := newDriver(t, client, bucket, smallParts)
			_, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(n)), -1, &create)
			if !errors.Is(err, backend.ErrExist) || errors.Is(err, backend.ErrChanged) {
				t.Errorf("%s: Put = %v, want ErrExist alone", deciding, err)
			}
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// Of two that put an object at the same moment, sealed under content keys of their
// own, exactly one does: the other is told, and the object is that of the winner,
// whole, be it of one request or of parts, and however the put was made.
func TestTwoWriters(t *testing.T) {
	key := sealings(t)[envelope.V3]
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		writer := func() *backend.Bucket {
			return backend.NewBucket(newDriver(t, srv.Client(t), bucket, smallParts), key, key, nil)
		}
		writers := [2]*backend.Bucket{writer(), writer()}
		rounds := 3
		if long() {
			rounds = 10
		}
		for round := range rounds {
			for n, puts := range twoPuts(t) {
				what := fmt.Sprintf("round %d, %d bytes", round, n)
				bodies := [2][]byte{pattern(n), pattern(n + 1)[1:]}
				var errs [2]error
				var both sync.WaitGroup
				for i := range writers {
					both.Go(func() { errs[i] = puts[i](writers[i], bodies[i]) })
				}
				both.Wait()
				won, lost := 0, errs[1]
				if errs[0] != nil {
					won, lost = 1, errs[0]
				}
				if errs[won] != nil || !errors.Is(lost, backend.ErrExist) && !errors.Is(lost, backend.ErrChanged) {
					t.Fatalf("%s: %v and %v, want that exactly one wins", what, errs[0], errs[1])
				}
				if got, err := readObject(writers[0].Get(t.Context(), "key")); err != nil || !bytes.Equal(got, bodies[won]) {
					t.Errorf("%s: the object has %d bytes, right or not, %v, want that of writer %d", what, len(got), err, won)
				}
				wantObjects(t, srv, bucket, "key")
				if err := writers[0].Delete(t.Context(), "key"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// twoPuts are the ways by which two put an object of so many bytes.
func twoPuts(t *testing.T) map[int][2]func(*backend.Bucket, []byte) error {
	put := func(b *backend.Bucket, data []byte) error {
		_, err := b.Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), &create)
		return err
	}
	stream := func(b *backend.Bucket, data []byte) error {
		w, err := b.Create(t.Context(), "key", &create)
		if err != nil {
			return err
		}
		defer w.Abort(nil)
		if _, err := w.Write(data); err != nil {
			return err
		}
		return w.Close()
	}
	resumable := func(b *backend.Bucket, data []byte) error {
		_, err := b.PutResumable(t.Context(), "key", bytes.NewReader(data), int64(len(data)), filepath.Join(t.TempDir(), "state"), &create)
		return err
	}
	return map[int][2]func(*backend.Bucket, []byte) error{
		1000: {put, put}, 1001: {put, stream}, 1002: {resumable, put},
		8*mib + 1000: {put, put}, 8*mib + 1001: {put, stream}, 8*mib + 1002: {resumable, resumable},
	}
}

// A server that ignores conditions: what can be seen is seen, before the body is
// read, and once more before an upload is completed.
func TestConditionsIgnored(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		other := newDriver(t, srv.Client(t), bucket, smallParts)
		d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if k := kind(req); k == kindPut || k == kindComplete { // would be carried out whatever it says
				t.Errorf("%s was sent", k)
			}
			return next.RoundTrip(req)
		}), bucket, smallParts)
		mustPut(t, other, "there", pattern(10))
		for name, c := range map[string]struct {
			key  string
			opts backend.PutOptions
			want error
		}{
			"create":  {"there", create, backend.ErrExist},
			"replace": {"there", backend.PutOptions{IfMatch: "0123"}, backend.ErrChanged},
			"missing": {"none", backend.PutOptions{IfMatch: "0123"}, backend.ErrChanged},
		} {
			src := &source{n: 100, hook: func(int) { t.Errorf("%s: the body was read", name) }}
			if _, err := d.Put(t.Context(), c.key, src, -1, &c.opts); !errors.Is(err, c.want) || errors.Is(err, backend.ErrNotExist) {
				t.Errorf("%s: Put = %v, want %v", name, err, c.want)
			}
		}
		src := &source{n: 6 * mib, hook: func(off int) {
			if off == 6*mib {
				mustPut(t, other, "late", pattern(10))
			}
		}}
		if _, err := d.Put(t.Context(), "late", src, -1, &create); !errors.Is(err, backend.ErrExist) {
			t.Errorf("created during the upload: Put = %v, want ErrExist", err)
		}
		wantBody(t, other, "late", pattern(10))
		wantObjects(t, srv, bucket, "late", "there")
	})
}

// A server that refuses conditions where an upload starts can still have them
// where it ends; one that refuses them everywhere does not support them.
func TestConditionsRefused(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		refusing := func(kinds ...string) chaos {
			return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				for _, k := range kinds {
					if kind(req) == k && req.Header.Get("If-None-Match") != "" {
						return answer(req, http.StatusNotImplemented, "<Error><Code>NotImplemented</Code></Error>"), nil
					}
				}
				return next.RoundTrip(req)
			}
		}
		d := newDriver(t, chaosClient(t, srv, refusing(kindStart)), bucket, smallParts)
		if _, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, &create); err != nil {
			t.Errorf("Put = %v", err)
		}
		if _, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, &create); !errors.Is(err, backend.ErrExist) {
			t.Errorf("Put again = %v, want ErrExist", err)
		}
		d = newDriver(t, chaosClient(t, srv, refusing(kindPut, kindComplete)), bucket, smallParts)
		for _, n := range bothSizes {
			if _, err := d.Put(t.Context(), "other", &source{n: n}, -1, &create); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Put of %d bytes = %v, want ErrUnsupported", n, err)
			}
		}
		wantObjects(t, srv, bucket, "key")
	})
}

// A conflict of two requests leaves it open which of them wins.
func TestConflict(t *testing.T) {
	srv := s3test.MinIO(t)
	d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if kind(req) == kindPut {
			return answer(req, http.StatusConflict, "<Error><Code>ConditionalRequestConflict</Code></Error>"), nil
		}
		return next.RoundTrip(req)
	}), srv.NewBucket(t), nil)
	if _, err := d.Put(t.Context(), "key", &source{n: 10}, -1, &create); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("Put = %v, want ErrChanged", err)
	}
}

// An upload that others have aborted is not taken for completed because there is
// an object under the key.
func TestUploadAbortedByOthers(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, smallParts)
		mustPut(t, d, "key", pattern(10))
		aborted := false
		src := &source{n: 6 * mib, hook: func(off int) {
			if off < 6*mib || aborted {
				return
			}
			aborted = true
			uploads, err := d.ListUploads(context.Background(), "key")
			if err != nil || len(uploads) != 1 {
				t.Errorf("ListUploads = %v, %v", uploads, err)
				return
			}
			if err := d.AbortUpload(context.Background(), "key", uploads[0].ID); err != nil {
				t.Errorf("AbortUpload = %v", err)
			}
		}}
		// Parts are on their way meanwhile, so what the server says may be vague.
		if _, err := d.Put(t.Context(), "key", src, -1, &backend.PutOptions{}); err == nil {
			t.Error("Put = nil, want an error")
		}
		wantBody(t, d, "key", pattern(10))
		_ = srv.IncompleteUploads(t, bucket) // a part that came too late may stay
	})
}
