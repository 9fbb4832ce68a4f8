// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// A tracked body says whether it was closed.
type tracked struct {
	io.Reader
	closed *atomic.Bool
	io.Closer
}

func (b tracked) Close() error {
	b.closed.Store(true)
	return b.Closer.Close()
}

// answers changes the answers to reads, and tells whether the last body was
// closed.
func answers(change func(req *http.Request, resp *http.Response)) (chaos, *atomic.Bool) {
	closed := new(atomic.Bool)
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if kind(req) != kindGet {
			return next.RoundTrip(req)
		}
		resp, err := next.RoundTrip(req)
		if err == nil {
			closed.Store(false)
			resp.Body = tracked{resp.Body, closed, resp.Body}
			change(req, resp)
		}
		return resp, err
	}, closed
}

// Whatever the server sends in place of the range that it was asked for, not
// a byte of it gets through.
func TestWrongRanges(t *testing.T) {
	ranges := []string{
		"", "bytes 0-9/100", "bytes 11-20/100", "bytes 9-18/100", "bytes 10-18/100", "bytes 10-20/100",
		"bytes 10-19/*", "bytes */100", "bytes 10-19/15", "bytes 10-19", "10-19/100", "bytes 010-19/100",
		"bytes 10-19/100 ", "bytes=10-19/100", "bytes -10-19/100", "bytes 10-19/-100", "items 10-19/100",
		"bytes 10-19/99999999999999999999",
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(100))
		want := &backend.Range{Offset: 10, Length: 10}
		for _, contentRange := range ranges {
			c, closed := answers(func(_ *http.Request, resp *http.Response) {
				resp.Header.Del("Content-Range")
				if contentRange != "" {
					resp.Header.Set("Content-Range", contentRange)
				}
			})
			d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
			if _, err := readAll(t, d, "key", backend.GetOptions{Range: want}); !errors.Is(err, backend.ErrRange) {
				t.Errorf("Content-Range %q: Get = %v, want ErrRange", contentRange, err)
			}
			if !closed.Load() {
				t.Errorf("Content-Range %q: the body was not closed", contentRange)
			}
		}
	})
}

// The range is right but the body has another length.
func TestRangeOfWrongLength(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(100))
		for _, length := range []string{"9", "11", "100", "0"} {
			c, closed := answers(func(_ *http.Request, resp *http.Response) { resp.Header.Set("Content-Length", length) })
			d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
			opts := backend.GetOptions{Range: &backend.Range{Offset: 10, Length: 10}}
			if _, err := readAll(t, d, "key", opts); !errors.Is(err, backend.ErrRange) {
				t.Errorf("Content-Length %s: Get = %v, want ErrRange", length, err)
			}
			if !closed.Load() {
				t.Errorf("Content-Length %s: the body was not closed", length)
			}
		}
	})
}

// A server that does not know ranges sends all of the object, with status 200.
func TestServerIgnoresRange(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		whole, err := srv.Client(t).PresignedGetObject(t.Context(), bucket, "key", time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, closed := answers(func(_ *http.Request, resp *http.Response) {
			if resp.StatusCode != http.StatusOK || resp.ContentLength != 100 {
				t.Fatalf("status %d with %d bytes, want all of the object", resp.StatusCode, resp.ContentLength)
			}
		})
		strip := func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) == kindGet { // the range is signed: it takes another request
				plain := &http.Request{Method: http.MethodGet, URL: whole, Header: http.Header{}}
				req = plain.WithContext(req.Context())
			}
			return c(req, next)
		}
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(100))
		d := newDriver(t, chaosClient(t, srv, strip), bucket, nil)
		for _, r := range []backend.Range{{Offset: 0, Length: 10}, {Offset: 50, Length: -1}, {Offset: 0, Length: -1}, {Offset: 0, Length: 100}} {
			if _, err := readAll(t, d, "key", backend.GetOptions{Range: &r}); !errors.Is(err, backend.ErrRange) {
				t.Errorf("Get(%+v) = %v, want ErrRange", r, err)
			}
			if !closed.Load() {
				t.Errorf("Get(%+v): the body was not closed", r)
			}
		}
	})
}

func TestRangeThatNobodyAskedFor(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(100))
		c, closed := answers(func(_ *http.Request, resp *http.Response) {
			resp.Header.Set("Content-Range", "bytes 0-99/100")
		})
		d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
		if _, err := readAll(t, d, "key", backend.GetOptions{}); !errors.Is(err, backend.ErrRange) {
			t.Errorf("Get = %v, want ErrRange", err)
		}
		if !closed.Load() {
			t.Error("the body was not closed")
		}
	})
}

// A body that ends early is an error that cannot be taken for the end, with
// every way to end early.
func TestBodyEndsEarly(t *testing.T) {
	const n = 1 * mib
	ends := map[string]error{"clean": io.EOF, "unexpected": io.ErrUnexpectedEOF, "reset": errors.New("connection reset")}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		data := pattern(n)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", data)
		for name, end := range ends {
			for _, at := range []int64{0, 1, n / 2, n - 1} {
				c, _ := answers(func(_ *http.Request, resp *http.Response) {
					resp.Body = tracked{&endsWith{io.LimitReader(resp.Body, at), end}, new(atomic.Bool), resp.Body}
				})
				d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
				wantEarlyEnd(t, name, d, data[:at])
			}
		}
		for _, at := range []int64{1000, n / 4, n / 2} {
			d := newDriver(t, cuttingClient(t, srv, func(int) int64 { return at }), bucket, nil)
			wantEarlyEnd(t, fmt.Sprintf("connection reset after %d bytes", at), d, nil)
		}
	})
}

// endsWith replaces the end of a reader.
type endsWith struct {
	src io.Reader
	err error
}

func (e *endsWith) Read(p []byte) (int, error) {
	n, err := e.src.Read(p)
	if err == io.EOF {
		err = e.err
	}
	return n, err
}

func wantEarlyEnd(t *testing.T, name string, d backend.Driver, want []byte) {
	t.Helper()
	body, _, err := d.Get(t.Context(), "key", &backend.GetOptions{})
	if err != nil {
		return // the connection did not live that long
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err == nil || err == io.ErrUnexpectedEOF {
		t.Errorf("%s: read of %d bytes ended with %v, want a wrapped error", name, len(got), err)
	}
	if want != nil && !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes, want %d", name, len(got), len(want))
	}
	if n, again := body.Read(make([]byte, 1)); n != 0 || again != err {
		t.Errorf("%s: second read = %d, %v, want the same error", name, n, again)
	}
}

func TestAnswersWithoutLengthOrETag(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(100))
		for _, name := range []string{"Content-Length", "ETag"} {
			c, closed := answers(func(_ *http.Request, resp *http.Response) { resp.Header.Del(name) })
			d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
			if _, err := readAll(t, d, "key", backend.GetOptions{}); err == nil {
				t.Errorf("Get without %s = nil, want an error", name)
			}
			if !closed.Load() {
				t.Errorf("Get without %s: the body was not closed", name)
			}
		}
	})
}

// A server that does not know If-Match sends what there is.
func TestServerIgnoresIfMatch(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		c, _ := answers(func(_ *http.Request, resp *http.Response) { resp.Header.Set("ETag", `"other"`) })
		d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
		info := mustPut(t, d, "key", pattern(100))
		if _, err := readAll(t, d, "key", backend.GetOptions{IfMatch: info.ETag}); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("Get = %v, want ErrChanged", err)
		}
	})
}

// Metadata comes back in lower case and without prefix; a name that comes
// twice does not come back as one of its values.
func TestMetadataOfAnswers(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		meta := formatMetadata()
		opts := &backend.PutOptions{Metadata: meta}
		if _, err := newDriver(t, srv.Client(t), bucket, nil).Put(t.Context(), "key", &source{n: 1}, 1, opts); err != nil {
			t.Fatalf("Put = %v", err)
		}
		want := maps.Clone(meta)
		if srv.Name == "minio" { // which drops it on purpose
			delete(want, "x-amz-unencrypted-content-length")
		}
		want["x-amz-iv"] += ",twice"
		c, _ := answers(func(_ *http.Request, resp *http.Response) { resp.Header.Add("x-amz-meta-x-amz-iv", "twice") })
		body, info, err := newDriver(t, chaosClient(t, srv, c), bucket, nil).Get(t.Context(), "key", &backend.GetOptions{})
		if err != nil {
			t.Fatalf("Get = %v", err)
		}
		defer body.Close()
		if !maps.Equal(info.Metadata, want) {
			t.Errorf("metadata: got %v, want %v", info.Metadata, want)
		}
	})
}

func TestReadsRetry(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		client := chaosClient(t, srv, failFirst(2, func(req *http.Request) (*http.Response, error) {
			return answer(req, http.StatusServiceUnavailable, slowDown), nil
		}))
		d := newDriver(t, client, bucket, nil)
		data := pattern(1000)
		mustPut(t, d, "key", data)
		wantBody(t, d, "key", data)
		if _, err := d.Stat(t.Context(), "key"); err != nil {
			t.Errorf("Stat = %v", err)
		}
	})
}

// A missing bucket is a wrong address and not a missing object.
func TestMissingBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := newDriver(t, srv.Client(t), "s3seal-no-such-bucket", smallParts)
		_, getErr := readAll(t, d, "key", backend.GetOptions{})
		_, putErr := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, &backend.PutOptions{})
		for name, err := range map[string]error{"Get": getErr, "Put": putErr} {
			if err == nil || errors.Is(err, backend.ErrNotExist) {
				t.Errorf("%s = %v, want an error that is not ErrNotExist", name, err)
			}
		}
	})
}

// Who may not ask whether an object is there may still delete it.
func TestDeleteWithoutPermissionToRead(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) == kindHead {
				return answer(req, http.StatusForbidden, ""), nil
			}
			return next.RoundTrip(req)
		}), bucket, nil)
		mustPut(t, d, "key", pattern(10))
		if err := d.Delete(t.Context(), "key"); err != nil {
			t.Errorf("Delete = %v", err)
		}
		wantObjects(t, srv, bucket)
	})
}

// The context of a Get binds its body. The transport would report the cause.
func TestCancelledBodies(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := newDriver(t, srv.Client(t), srv.NewBucket(t), nil)
		mustPut(t, d, "key", pattern(4*mib))
		for _, read := range []int64{0, 10} {
			ctx, cancel := context.WithCancelCause(t.Context())
			body, _, err := d.Get(ctx, "key", &backend.GetOptions{})
			if err != nil {
				t.Fatalf("Get = %v", err)
			}
			if _, err := io.CopyN(io.Discard, body, read); err != nil {
				t.Fatalf("read = %v", err)
			}
			cancel(errDisk)
			if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) {
				t.Errorf("read after cancel = %v, want context.Canceled", err)
			}
			if err := body.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
	})
}
