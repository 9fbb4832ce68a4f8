// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
)

// A served object is under "key" in a bucket that opens everything.
type served struct {
	name   string
	driver *mem.Driver
	opts   backend.Options
	key    profile
	sized  bool // the size of the plaintext can be known without the end
}

func (s served) bucket(d backend.Driver) *backend.Bucket {
	return backend.NewBucket(d, nil, s.key.key, &s.opts)
}

// handler serves d, which has what s has.
func (s served) handler(d backend.Driver) http.Handler {
	return backend.NewHandler(s.bucket(d), nil)
}

// servedAll is data in every format.
func servedAll(t *testing.T, data []byte, rule envelope.Release) []served {
	t.Helper()
	open := everything(rule)
	open.ExtraSuites = []envelope.Suite{dare.DARE2}
	opts := backend.Options{Open: open, Download: noResume}
	var all []served
	for _, p := range suites(t) {
		all = append(all, served{p.name, stored(t, p, "key", data), opts, p, p.authenticated()})
	}
	d, p := asCTR(t, data)
	all = append(all, served{"CTR", d, opts, p, true})
	for _, suite := range ownSuites() {
		p := profile{suite.String(), suite, gcmKey(t)}
		d := mem.New()
		must(backend.NewBucket(d, p.key, nil, ownOptions(suite)).Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), nil))(t)
		all = append(all, served{p.name, d, opts, p, true})
	}
	return all
}

// ask makes one request without a network, with fields as name, value, ….
func ask(h http.Handler, method, path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wantAnswer fails the test unless the answer has this status and, of the
// successful ones, this body.
func wantAnswer(t testing.TB, what string, w *httptest.ResponseRecorder, status int, body []byte) {
	t.Helper()
	if w.Code != status {
		t.Errorf("%s: status %d, want %d: %.100q", what, w.Code, status, w.Body)
	} else if status < 300 && !bytes.Equal(w.Body.Bytes(), body) {
		t.Errorf("%s: %d bytes %.40x, want %d bytes %.40x", what, w.Body.Len(), w.Body, len(body), body)
	}
}

// TestHandlerRanges asks for every range of small objects, in every format.
func TestHandlerRanges(t *testing.T) {
	for _, size := range []int{0, 1, 16, 33} {
		data := pattern(size)
		for _, s := range servedAll(t, data, nil) {
			h := s.handler(s.driver)
			check := func(spec string, part []byte, first int) {
				w := ask(h, "GET", "/key", "Range", "bytes="+spec)
				what := fmt.Sprintf("%s: %s of %d", s.name, spec, size)
				status, contentRange := http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%d", first, first+len(part)-1, size)
				if len(part) == 0 {
					status, contentRange = http.StatusRequestedRangeNotSatisfiable, fmt.Sprintf("bytes */%d", size)
				}
				wantAnswer(t, what, w, status, part)
				if got := w.Header().Get("Content-Range"); got != contentRange {
					t.Errorf("%s: Content-Range %q, want %q", what, got, contentRange)
				}
				if got := w.Header().Get("Content-Length"); status == http.StatusPartialContent && got != strconv.Itoa(len(part)) {
					t.Errorf("%s: Content-Length %q, want %d", what, got, len(part))
				}
			}
			for a := 0; a <= size+1; a++ {
				for b := a; b <= size+1; b++ {
					check(fmt.Sprintf("%d-%d", a, b), data[min(a, size):min(b+1, size)], a)
				}
				check(fmt.Sprintf("%d-", a), data[min(a, size):], a)
				check(fmt.Sprintf("-%d", a), data[max(0, size-a):], max(0, size-a))
			}
			wantAnswer(t, s.name, ask(h, "GET", "/key"), http.StatusOK, data)
		}
	}
}

// TestHandlerLarge asks for what takes more than one step, over a connection.
func TestHandlerLarge(t *testing.T) {
	const size = 1<<20 + 77
	data := pattern(size)
	for _, s := range servedAll(t, data, nil) {
		srv := httptest.NewServer(s.handler(s.driver))
		for _, c := range [][2]int{{0, size}, {1, size - 1}, {65_535, 131_073}, {100, 100 + 256<<10}, {100, 101 + 256<<10}, {size - 3, size}} {
			r := must(http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/key", nil))(t)
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", c[0], c[1]-1))
			resp := must(srv.Client().Do(r))(t)
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusPartialContent || !bytes.Equal(got, data[c[0]:c[1]]) {
				t.Errorf("%s: range %v: %s, %d bytes, %v", s.name, c, resp.Status, len(got), err)
			}
		}
		for _, n := range []int{size, 0} {
			resp := must(srv.Client().Get(srv.URL + "/key"))(t)
			got, err := io.ReadAll(io.LimitReader(resp.Body, int64(n)))
			resp.Body.Close() // the second time it goes away before the end
			if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, data[:n]) {
				t.Errorf("%s: whole: %s, %d bytes, %v", s.name, resp.Status, len(got), err)
			}
			if known := resp.ContentLength == size; known != s.sized {
				t.Errorf("%s: Content-Length %d of %d", s.name, resp.ContentLength, size)
			}
		}
		srv.Close()
	}
}

// TestHandlerHostileRanges: what is malformed is refused, another unit and
// several ranges are ignored, and numbers do not overflow.
func TestHandlerHostileRanges(t *testing.T) {
	data := pattern(100)
	const whole, part, no = http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable
	for _, s := range servedAll(t, data, nil) {
		h := s.handler(s.driver)
		for _, c := range []struct {
			field  string
			status int
			want   []byte
		}{
			{"bytes=0-18446744073709551616", part, data},
			{"bytes=0-9223372036854775807", part, data},
			{"bytes=99-9223372036854775806", part, data[99:]},
			{"bytes=-99999999999999999999999", part, data},
			{"bytes=-9223372036854775808", part, data},
			{"bytes=18446744073709551616-", no, nil},
			{"bytes=18446744073709551616-18446744073709551617", no, nil},
			{"bytes=9223372036854775807-9223372036854775807", no, nil},
			{"bytes=-0", no, nil},
			{"bytes=5-4", no, nil},
			{"bytes=-", no, nil},
			{"bytes=", no, nil},
			{"bytes", no, nil},
			{"", no, nil},
			{"bytes=+1-2", no, nil},
			{"bytes=1-+2", no, nil},
			{"bytes=--1", no, nil},
			{"bytes=1--2", no, nil},
			{"bytes=0x1-2", no, nil},
			{"bytes=1 -2", no, nil},
			{"bytes=1-2-3", no, nil},
			{"bytes=1_0-20", no, nil},
			{"bytes=a-b", no, nil},
			{"bytes=,", no, nil},
			{"bytes=0-1,x", no, nil},
			{"bytes=١-٢", no, nil},
			{"bytes=1", no, nil},
			{"bytes= 1-2 ", part, data[1:3]},
			{"BYTES=1-2", part, data[1:3]},
			{"bytes=,1-2,", part, data[1:3]},
			{"bytes=007-8", part, data[7:9]},
			{"bytes=0-1,5-6", whole, data},
			{"bytes=0-1,200-300", whole, data},
			{"bytes=" + strings.Repeat("0-,", 1000), whole, data},
			{"lines=1-2", whole, data},
			{"bytesx=1-2", whole, data},
		} {
			wantAnswer(t, s.name+": "+c.field, ask(h, "GET", "/key", "Range", c.field), c.status, c.want)
		}
		wantAnswer(t, "two fields", ask(h, "GET", "/key", "Range", "bytes=0-1", "Range", "bytes=2-3"), no, nil)
	}
}

// TestHandlerHead: HEAD answers as GET does, but for what only the body tells.
func TestHandlerHead(t *testing.T) {
	for rule, release := range handlerRules(t) {
		size := map[string]int{"buffered": 0, "spool": 40, "twopass": 65_536, "unverified": 100_000}[rule]
		for _, s := range servedAll(t, pattern(size), release) {
			h := s.handler(s.driver)
			tag := ask(h, "HEAD", "/key").Header().Get("ETag")
			for _, c := range []struct {
				path   string
				fields []string
			}{
				{"/key", nil},
				{"/none", nil},
				{"/", nil},
				{"/key", []string{"If-None-Match", tag}},
				{"/key", []string{"If-Match", `"x"`}},
			} {
				get, head := ask(h, "GET", c.path, c.fields...), ask(h, "HEAD", c.path, c.fields...)
				if c.path == "/key" && head.Body.Len() > 0 && head.Code < 300 {
					t.Errorf("%s: HEAD %s has a body", s.name, c.path)
				}
				if !s.sized {
					get.Header().Del("Content-Length")
				}
				if got, want := fmt.Sprint(head.Code, head.Header()), fmt.Sprint(get.Code, get.Header()); got != want {
					t.Errorf("%s, %d bytes: HEAD %s %q = %s, GET = %s", s.name, size, c.path, c.fields, got, want)
				}
			}
			// It does not know ranges.
			wantAnswer(t, s.name, ask(h, "HEAD", "/key", "Range", "bytes=900000-"), http.StatusOK, nil)
		}
	}
}

// TestHandlerFields: what is said of an object.
func TestHandlerFields(t *testing.T) {
	d := mem.New()
	b := v3(t, d)
	info := must(b.Put(t.Context(), "a/b c", strings.NewReader("<script>"), -1, &backend.PutOptions{ContentType: "text/html"}))(t)
	for _, method := range []string{"GET", "HEAD"} {
		h := ask(backend.NewHandler(b, nil), method, "/a/b%20c").Header()
		for name, want := range map[string]string{
			"Content-Type": "text/html", "Content-Length": "8", "Accept-Ranges": "none", "ETag": `"` + info.ETag + `"`,
			"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", method, name, got, want)
			}
		}
		if date, err := http.ParseTime(h.Get("Last-Modified")); err != nil || info.ModTime.Sub(date).Abs().Seconds() > 1 {
			t.Errorf("%s: Last-Modified = %v, %v, want %v", method, date, err, info.ModTime)
		}
	}
}

// TestHandlerKeys: the path is the key, decoded once and not cleaned, behind the
// prefix.
func TestHandlerKeys(t *testing.T) {
	d := mem.New()
	b := v3(t, d)
	keys := []string{"p/", "a", "a/b", "a//b", "/a", "a/", "../a", "a/./b", "50%", "x%2Fy", "ä ?#", "p/a", "p/../a"}
	for _, key := range keys {
		must(b.Put(t.Context(), key, strings.NewReader(key), -1, nil))(t)
	}
	all, under := backend.NewHandler(b, nil), backend.NewHandler(b, &backend.HandlerOptions{Prefix: "p/"})
	for path, want := range map[string]string{
		"/a": "a", "/a/b": "a/b", "/a%2Fb": "a/b", "/a//b": "a//b", "//a": "/a", "/%2Fa": "/a", "/a/": "a/", "/../a": "../a", "/%2e%2e/a": "../a",
		"/a/./b": "a/./b", "/50%25": "50%", "/x%252Fy": "x%2Fy", "/%C3%A4%20%3F%23": "ä ?#", "/a?b": "a", "/": "", "/b": "", "/%FF": "", "/x%2Fy": "",
	} {
		r := httptest.NewRequest("GET", "http://host"+path, nil)
		w := httptest.NewRecorder()
		all.ServeHTTP(w, r)
		if want == "" {
			wantAnswer(t, path, w, http.StatusNotFound, nil)
		} else {
			wantAnswer(t, path, w, http.StatusOK, []byte(want))
		}
	}
	wantAnswer(t, "with a prefix", ask(under, "GET", "/a"), http.StatusOK, []byte("p/a"))
	wantAnswer(t, "with a prefix", ask(under, "GET", "/../a"), http.StatusOK, []byte("p/../a"))
	wantAnswer(t, "with a prefix", ask(under, "GET", "/a/b"), http.StatusNotFound, nil)
	wantAnswer(t, "only a prefix", ask(under, "GET", "/"), http.StatusNotFound, nil)
	for _, method := range []string{"PUT", "POST", "DELETE", "OPTIONS", "PATCH"} {
		w := ask(all, method, "/a")
		if wantAnswer(t, method, w, http.StatusMethodNotAllowed, nil); w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow = %q", method, w.Header().Get("Allow"))
		}
	}
	wantObject(t, b, "a", []byte("a"))
}
