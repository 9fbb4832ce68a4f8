// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// failFirst answers the first k attempts of each request itself.
func failFirst(k int, fail func(req *http.Request) (*http.Response, error)) chaos {
	var mu sync.Mutex
	seen := make(map[string]int)
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		id := req.Method + " " + req.URL.RequestURI()
		seen[id]++
		n := seen[id]
		mu.Unlock()
		if n <= k {
			return fail(req)
		}
		return next.RoundTrip(req)
	}
}

// However often a request must be repeated, it has the same bytes: the body
// may be a cipher stream, and another text under the same keystream would give
// both away.
func TestRetriesSendTheSameBytes(t *testing.T) {
	faults := map[string]func(*http.Request) (*http.Response, error){
		"503": func(req *http.Request) (*http.Response, error) {
			return answer(req, http.StatusServiceUnavailable, slowDown), nil
		},
		"reset": func(req *http.Request) (*http.Response, error) {
			if req.Body != nil { // it gets some way
				_, _ = io.CopyN(io.Discard, req.Body, 100_000)
			}
			return nil, errors.New("write: connection reset by peer")
		},
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for name, fault := range faults {
			for _, n := range []int{0, 1000, 5*mib + 1000} {
				var rec recorder
				bucket := srv.NewBucket(t)
				d := newDriver(t, chaosClient(t, srv, rec.wrap(failFirst(3, fault))), bucket, smallParts)
				data := pattern(n)
				if _, err := d.Put(t.Context(), "key", bytes.NewReader(data), -1, &backend.PutOptions{}); err != nil {
					t.Fatalf("%s, %d bytes: Put = %v", name, n, err)
				}
				wantSameBodies(t, &rec, 4)
				wantBody(t, d, "key", data)
				wantObjects(t, srv, bucket, "key")
			}
		}
	})
}

// wantSameBodies fails the test unless each request came so many times, always
// with the same body.
func wantSameBodies(t *testing.T, rec *recorder, attempts int) {
	t.Helper()
	bodies := make(map[string][][]byte)
	for _, req := range rec.reqs {
		if req.kind == kindPut || req.kind == kindPart || req.kind == kindComplete {
			id := req.kind + req.query
			bodies[id] = append(bodies[id], req.body)
		}
	}
	if len(bodies) == 0 {
		t.Fatal("no requests with a body")
	}
	for id, attempt := range bodies {
		if len(attempt) != attempts {
			t.Errorf("%s: %d attempts, want %d", id, len(attempt), attempts)
		}
		for i := range attempt {
			if !bytes.Equal(attempt[i], attempt[0]) {
				t.Errorf("%s: attempt %d has another body than the first", id, i)
			}
		}
	}
}

// A server that answers before it has read the body leaves the transport
// reading it, while the next attempt begins.
func TestEarlyAnswers(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var mu sync.Mutex
		seen := make(map[string]int)
		p := proxy(t, srv, false, func(w http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			seen[r.URL.RequestURI()]++
			n := seen[r.URL.RequestURI()]
			mu.Unlock()
			if r.Method != http.MethodPut || n > 2 {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, slowDown)
			return true
		})
		bucket := srv.NewBucket(t)
		d := newDriver(t, proxyClient(t, srv, p, nil), bucket, smallParts)
		for _, n := range []int{4 * mib, 11 * mib} {
			data := pattern(n)
			mustPut(t, d, "key", data)
			wantBody(t, d, "key", data)
		}
		wantObjects(t, srv, bucket, "key")
	})
}

// Connections that break in the middle of a body, and then hold.
func TestConnectionsBreakDuringPut(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, n := range []int{3 * mib, 6 * mib} {
			bucket := srv.NewBucket(t)
			client := cuttingClient(t, srv, func(i int) int64 {
				if i < 4 {
					return int64(i+1) * 300_000
				}
				return -1
			})
			d := newDriver(t, client, bucket, smallParts)
			data := pattern(n)
			mustPut(t, d, "key", data)
			wantBody(t, newDriver(t, srv.Client(t), bucket, nil), "key", data)
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// A body that never gets through leaves what was there before.
func TestConnectionsBreakAlways(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		safe := newDriver(t, srv.Client(t), bucket, nil)
		old := pattern(1000)
		mustPut(t, safe, "key", old)
		d := newDriver(t, cuttingClient(t, srv, func(int) int64 { return mib }), bucket, smallParts)
		for _, n := range []int{3 * mib, 13 * mib} {
			if _, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{}); err == nil {
				t.Errorf("Put of %d bytes = nil, want an error", n)
			}
		}
		wantBody(t, safe, "key", old)
		wantObjects(t, srv, bucket, "key")
	})
}

// A body that is altered on its way is refused by the server, with TLS or
// without, because its hash is signed.
func TestBodiesAlteredOnTheWay(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newTinyParts(t, chaosClient(t, srv, flipABit), bucket)
		for _, n := range []int{1000, 2 * tinyParts} {
			if _, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{}); err == nil {
				t.Errorf("Put of %d bytes that were altered = nil, want an error", n)
			}
		}
		wantObjects(t, srv, bucket)
	})
}

func flipABit(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if k := kind(req); k == kindPut || k == kindPart {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body[len(body)/2] ^= 1
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return next.RoundTrip(req)
}

// Clients may be set to send checksums behind the body. Those cannot be sent
// again by this client, and not all servers take them.
func TestTrailingHeadersClient(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, c := range []struct{ secure, trailing, plain bool }{
			{false, true, false}, {true, false, false}, {true, true, false}, {false, true, true}, {true, true, true},
		} {
			opts := srv.Options()
			opts.TrailingHeaders = c.trailing
			bucket := srv.NewBucket(t)
			p := proxy(t, srv, c.secure, refuseOnce())
			d := newDriver(t, proxyClient(t, srv, p, opts), bucket, &s3.Options{PartSize: 5 * mib, NoChecksum: c.plain})
			for _, n := range []int{0, 1000, 5*mib + 1000} {
				data := pattern(n)
				mustPut(t, d, "key", data)
				wantBody(t, d, "key", data)
			}
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// refuseOnce answers the first attempt of each request itself.
func refuseOnce() func(w http.ResponseWriter, r *http.Request) bool {
	var seen sync.Map
	return func(w http.ResponseWriter, r *http.Request) bool {
		id := fmt.Sprint(r.Method, r.RequestURI, r.ContentLength)
		if _, again := seen.LoadOrStore(id, true); again {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, slowDown)
		return true
	}
}

// When the storage fails for good, the error says so and nothing is left.
func TestStorageFails(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, at := range []string{kindPut, kindStart, kindPart, kindComplete} {
			for _, code := range []string{"AccessDenied", "InternalError"} {
				bucket := srv.NewBucket(t)
				client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					if kind(req) != at {
						return next.RoundTrip(req)
					}
					return answer(req, http.StatusForbidden, "<Error><Code>"+code+"</Code></Error>"), nil
				})
				d := newTinyParts(t, client, bucket)
				n := 3 * tinyParts
				if at == kindPut {
					n = 11
				}
				_, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{})
				var resp minio.ErrorResponse
				if !errors.As(err, &resp) || resp.Code != code {
					t.Errorf("%s fails: Put = %v, want %s", at, err, code)
				}
				wantObjects(t, srv, bucket)
			}
		}
	})
}
