// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// fetched is an answer as a client on the network has it. err is what it got
// instead of an end.
type fetched struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func fetch(t testing.TB, srv *httptest.Server, path, spec string) fetched {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil))(t)
	if spec != "" {
		r.Header.Set("Range", spec)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		return fetched{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fetched{resp.StatusCode, resp.Header, body, err}
}

// handlerRules are how plaintext may be released.
func handlerRules(t testing.TB) map[string]envelope.Release {
	return map[string]envelope.Release{
		"buffered": nil, "spool": envelope.Spool(t.TempDir(), 1<<30), "twopass": envelope.TwoPass(nil), "unverified": envelope.UnverifiedUntilEOF(),
	}
}

// TestHandlerTampered: no client takes something of an altered object for the
// whole. Where all is verified before, not even an answer begins.
func TestHandlerTampered(t *testing.T) {
	for _, size := range []int{40, 3 * 64 << 10, 200_001} {
		data := pattern(size)
		for rule, release := range handlerRules(t) {
			for _, s := range servedAll(t, data, release) {
				if s.name == "CTR" { // has no way to notice
					continue
				}
				sealed, meta := body(t, s.driver, "key"), must(s.driver.Stat(t.Context(), "key"))(t).Metadata
				srv := httptest.NewServer(s.handler(s.driver))
				for name, altered := range map[string]string{
					"last byte":  string(flip([]byte(sealed), len(sealed)-1)),
					"padding":    string(flip([]byte(sealed), len(sealed)-17)), // of CBC
					"first byte": string(flip([]byte(sealed), 0)),
					"cut":        sealed[:len(sealed)-16],
					"longer":     sealed + sealed[len(sealed)-16:],
					"nothing":    "",
				} {
					if !s.key.authenticated() && !s.sized && name != "nothing" && name != "padding" {
						continue // CBC notices nothing else for sure
					}
					raw(t, s.driver, "key", altered, meta)
					got := fetch(t, srv, "/key", "")
					what := fmt.Sprintf("%s, %s, %d bytes, %s", s.name, rule, size, name)
					if got.status == http.StatusOK && got.err == nil {
						t.Errorf("%s: a complete answer of %d bytes", what, len(got.body))
					}
					verified := s.key.authenticated() && rule != "unverified"
					if (verified || size == 40) && got.status != http.StatusBadGateway {
						t.Errorf("%s: status %d with %d bytes, want 502", what, got.status, len(got.body))
					}
					if got.status == http.StatusOK && len(got.body) >= size {
						t.Errorf("%s: %d bytes before the connection broke", what, len(got.body))
					}
				}
				srv.Close()
			}
		}
	}
}

// TestHandlerTamperedRange: ranges of the chunked formats are verified.
func TestHandlerTamperedRange(t *testing.T) {
	data := pattern(1 << 20)
	for _, s := range servedAll(t, data, nil) {
		if s.key.suite != envelope.Chunked && s.name != ownSuites()[1].String() {
			continue
		}
		sealed, meta := []byte(body(t, s.driver, "key")), must(s.driver.Stat(t.Context(), "key"))(t).Metadata
		raw(t, s.driver, "key", string(flip(sealed, 700_000)), meta)
		srv := httptest.NewServer(s.handler(s.driver))
		for spec, good := range map[string]bool{"bytes=10-20": true, "bytes=0-500000": true, "bytes=699000-701000": false, "bytes=0-999999": false, "bytes=-400000": false} {
			got := fetch(t, srv, "/key", spec)
			if complete := got.status == http.StatusPartialContent && got.err == nil; complete != good {
				t.Errorf("%s: %s: status %d, %d bytes, %v", s.name, spec, got.status, len(got.body), got.err)
			}
			if !bytes.HasPrefix(data[max(0, first(spec)):], got.body) && got.status == http.StatusPartialContent && first(spec) >= 0 {
				t.Errorf("%s: %s: wrong bytes", s.name, spec)
			}
		}
		srv.Close()
	}
}

// first is where a range begins, or -1 if that depends.
func first(spec string) int {
	n := -1
	fmt.Sscanf(spec, "bytes=%d-", &n)
	return max(n, -1)
}

// TestHandlerBroken: a storage that fails in the middle breaks the answer off,
// and no body is left open.
func TestHandlerBroken(t *testing.T) {
	data := pattern(300_000)
	for _, s := range servedAll(t, data, envelope.UnverifiedUntilEOF()) {
		for _, spec := range []string{"", "bytes=5-290000"} {
			for _, at := range []int64{10, 250_000} {
				f := backendtest.Faulty(s.driver, backendtest.Faults{GetError: errCustom, GetAt: at})
				var mu sync.Mutex
				var told error
				h := backend.NewHandler(s.bucket(f), &backend.HandlerOptions{Report: func(_ *http.Request, err error) { mu.Lock(); told = err; mu.Unlock() }})
				srv := httptest.NewServer(h)
				got := fetch(t, srv, "/key", spec)
				srv.Close()
				if got.status < 300 && got.err == nil || got.status >= 300 && got.status != http.StatusBadGateway {
					t.Errorf("%s: %q, %d: status %d, %d bytes, %v", s.name, spec, at, got.status, len(got.body), got.err)
				}
				mu.Lock()
				wantErr(t, s.name, told, errCustom)
				mu.Unlock()
				wantClosed(t, s.name, f)
			}
		}
	}
}

// TestHandlerHTTP10: without Content-Length, HTTP/1.0 could not tell an end from
// a broken connection. The size of CBC is not known.
func TestHandlerHTTP10(t *testing.T) {
	data := pattern(200_000)
	for _, s := range servedAll(t, data, nil) {
		srv := httptest.NewServer(s.handler(s.driver))
		for _, spec := range []string{"", "Range: bytes=3-9\r\n"} {
			conn := must(net.Dial("tcp", srv.Listener.Addr().String()))(t)
			fmt.Fprintf(conn, "GET /key HTTP/1.0\r\n%s\r\n", spec)
			resp := must(http.ReadResponse(bufio.NewReader(conn), nil))(t)
			got := must(io.ReadAll(resp.Body))(t)
			conn.Close()
			want, part := http.StatusOK, data
			switch {
			case spec != "":
				want, part = http.StatusPartialContent, data[3:10]
			case !s.sized:
				want = http.StatusHTTPVersionNotSupported
			}
			if resp.StatusCode != want || want < 300 && (!bytes.Equal(got, part) || resp.ContentLength != int64(len(part))) {
				t.Errorf("%s: %q: %s, %d bytes, Content-Length %d; want %d", s.name, spec, resp.Status, len(got), resp.ContentLength, want)
			}
		}
		srv.Close()
	}
}

// TestHandlerErrors: each error has its status, and the answer says neither what
// the storage said nor which keys there are.
func TestHandlerErrors(t *testing.T) {
	d := stored(t, suites(t)[0], "key", pattern(10))
	key := gcmKey(t)
	other := must(wrap.NewAESGCM(kek(16)))(t)
	rsa := profiles(t)[1].key
	for _, c := range []struct {
		name   string
		bucket *backend.Bucket
		path   string
		status int
	}{
		{"missing", backend.NewBucket(d, nil, key, nil), "/secret-name", 404},
		{"wrong key", backend.NewBucket(d, nil, other, nil), "/key", 502},
		{"other kind of key", backend.NewBucket(d, nil, rsa, nil), "/key", 403},
		{"no key", backend.NewBucket(d, nil, nil, nil), "/key", 403},
		{"too large", backend.NewBucket(d, nil, key, &backend.Options{Open: envelope.OpenOptions{Release: envelope.Buffered(20)}}), "/key", 403},
		{"no room", backend.NewBucket(stored(t, suites(t)[0], "key", pattern(2<<20)), nil, key, &backend.Options{Open: envelope.OpenOptions{Release: envelope.Spool("/secret-name/none", 1<<30)}}), "/key", 500},
		{"storage fails", backend.NewBucket(refusing{errors.New("secret-name denied")}, nil, key, nil), "/key", 502},
		{"storage is slow", backend.NewBucket(refusing{context.DeadlineExceeded}, nil, key, nil), "/key", 504},
		{"storage refuses the key", backend.NewBucket(refusing{backend.ErrKey}, nil, key, nil), "/key", 404},
		{"object changes", backend.NewBucket(refusing{backend.ErrChanged}, nil, key, nil), "/key", 503},
	} {
		h := backend.NewHandler(c.bucket, nil)
		for _, method := range []string{"GET", "HEAD"} {
			if c.name == "no room" && method == "HEAD" {
				continue // it takes none
			}
			w := ask(h, method, c.path)
			wantAnswer(t, method+": "+c.name, w, c.status, nil)
			if text := fmt.Sprint(w.Body, w.Header()); strings.Contains(text, "secret-name") || strings.Contains(text, "AES") || w.Header().Get("ETag") != "" {
				t.Errorf("%s: the answer tells too much: %s", c.name, text)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control = %q", c.name, got)
			}
		}
	}
}

// refusing answers everything with an error.
type refusing struct{ err error }

func (f refusing) Stat(context.Context, string) (*backend.Info, error) { return nil, f.err }

func (f refusing) Get(context.Context, string, *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	return nil, nil, f.err
}

func (f refusing) Put(context.Context, string, io.Reader, int64, *backend.PutOptions) (*backend.Info, error) {
	return nil, f.err
}

func (f refusing) Delete(context.Context, string) error { return f.err }

// TestHandlerReplaced: conditions and the range are of one object.
func TestHandlerReplaced(t *testing.T) {
	d := stored(t, suites(t)[0], "key", pattern(10))
	h := backend.NewHandler(suites(t)[0].opening(&renaming{d, []string{"a", "b"}}, nil), nil)
	w := ask(h, "GET", "/key", "Range", "bytes=1-2", "If-Range", `"a"`)
	if wantAnswer(t, "replaced", w, http.StatusServiceUnavailable, nil); w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// TestHandlerConcurrent: many requests at once, while the object is replaced, get
// one version or the other, or are told to ask again.
func TestHandlerConcurrent(t *testing.T) {
	versions := [][]byte{pattern(150_000), bytes.Repeat([]byte("x"), 150_000)}
	d := mem.New()
	b := backend.NewBucket(d, gcmKey(t), gcmKey(t), ownOptions(envelope.Chunked))
	must(b.Put(t.Context(), "key", bytes.NewReader(versions[0]), -1, nil))(t)
	srv := httptest.NewServer(backend.NewHandler(b, nil))
	defer srv.Close()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 20 {
				spec, from, to := "", 0, 150_000
				if i%2 == 1 {
					spec, from, to = "bytes=1000-140000", 1000, 140_001
				}
				got := fetch(t, srv, "/key", spec)
				if got.err != nil || got.status >= 300 { // replaced meanwhile
					if got.status >= 300 && got.status != http.StatusServiceUnavailable {
						t.Errorf("status %d: %s", got.status, got.body)
					}
					continue
				}
				if !bytes.Equal(got.body, versions[0][from:to]) && !bytes.Equal(got.body, versions[1][from:to]) {
					t.Errorf("%d bytes of neither version", len(got.body))
				}
			}
		})
	}
	for i := range 20 {
		must(b.Put(t.Context(), "key", bytes.NewReader(versions[i%2]), -1, nil))(t)
	}
	group.Wait()
}
