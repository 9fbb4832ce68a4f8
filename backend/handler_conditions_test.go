// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// TestHandlerConditions: preconditions in their order (RFC 9110, section 13),
// the same for the whole, a part, and HEAD.
func TestHandlerConditions(t *testing.T) {
	data := pattern(100)
	p := suites(t)[0]
	d := stored(t, p, "key", data)
	h := backend.NewHandler(p.opening(d, nil), nil)
	info := must(d.Stat(t.Context(), "key"))(t)
	tag := `"` + info.ETag + `"`
	at := info.ModTime.UTC().Format(http.TimeFormat)
	before := info.ModTime.Add(-time.Hour).UTC().Format(http.TimeFormat)
	after := info.ModTime.Add(time.Hour).UTC().Format(http.TimeFormat)
	const ok, same, failed = http.StatusOK, http.StatusNotModified, http.StatusPreconditionFailed
	for _, c := range []struct {
		fields string
		status int
	}{
		{"If-None-Match: " + tag, same},
		{"If-None-Match: W/" + tag, same},
		{"If-None-Match: *", same},
		{`If-None-Match: "x", ` + tag, same},
		{`If-None-Match: "a,b" ,W/"c",,` + tag, same},
		{`If-None-Match: "x"`, ok},
		{"If-None-Match: " + info.ETag, ok},
		{"If-None-Match: ", ok},
		{`If-None-Match: x, ` + tag, ok},
		{`If-None-Match: "` + info.ETag, ok},
		{"If-Match: " + tag, ok},
		{"If-Match: *", ok},
		{`If-Match: "x",` + tag, ok},
		{"If-Match: W/" + tag, failed},
		{`If-Match: "x"`, failed},
		{"If-Match: ", failed},
		{"If-Modified-Since: " + at, same},
		{"If-Modified-Since: " + after, same},
		{"If-Modified-Since: " + before, ok},
		{"If-Modified-Since: soon", ok},
		{"If-Unmodified-Since: " + at, ok},
		{"If-Unmodified-Since: " + before, failed},
		{"If-Unmodified-Since: soon", ok},
		{`If-None-Match: "x"; If-Modified-Since: ` + after, ok},
		{"If-Match: " + tag + "; If-Unmodified-Since: " + before, ok},
		{"If-Match: " + tag + "; If-None-Match: " + tag, same},
		{`If-Match: "x"; If-None-Match: ` + tag, failed},
	} {
		var fields []string
		for field := range strings.SplitSeq(c.fields, "; ") {
			name, value, _ := strings.Cut(field, ": ")
			fields = append(fields, name, value)
		}
		wantAnswer(t, c.fields, ask(h, "GET", "/key", fields...), c.status, data)
		wantAnswer(t, "HEAD "+c.fields, ask(h, "HEAD", "/key", fields...), c.status, nil)
		part := c.status
		if part == ok {
			part = http.StatusPartialContent
		}
		wantAnswer(t, "part "+c.fields, ask(h, "GET", "/key", append(fields, "Range", "bytes=1-2")...), part, data[1:3])
	}
	w := ask(h, "GET", "/key", "If-None-Match", tag)
	if w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Last-Modified") != at || w.Header().Get("Content-Type") != "" {
		t.Errorf("304 with %v and %q", w.Header(), w.Body)
	}
}

// TestHandlerIfRange: a range counts only of the object that the client has the
// rest of.
func TestHandlerIfRange(t *testing.T) {
	data := pattern(100)
	for _, s := range servedAll(t, data, nil) {
		h := s.handler(s.driver)
		info := must(s.driver.Stat(t.Context(), "key"))(t)
		for value, whole := range map[string]bool{
			`"` + info.ETag + `"`: false, `W/"` + info.ETag + `"`: true, `"x"`: true, info.ETag: true, "": true,
			info.ModTime.UTC().Format(http.TimeFormat): true,
		} {
			for spec, status := range map[string]int{"bytes=1-2": http.StatusPartialContent, "bytes=100-": 416, "bytes=x": 416} {
				want := data[1:3]
				if whole {
					status, want = http.StatusOK, data
				}
				wantAnswer(t, s.name+": "+spec+" if "+value, ask(h, "GET", "/key", "Range", spec, "If-Range", value), status, want)
			}
		}
	}
}

// TestHandlerETags: an ETag of the storage that HTTP cannot write is none, and
// matches nothing.
func TestHandlerETags(t *testing.T) {
	d := stored(t, suites(t)[0], "key", pattern(3))
	for etag, want := range map[string]string{`"q"`: `"q"`, "a-2": `"a-2"`, `a"b`: "", "a b": "", "a\r\nX: y": "", "": "", `""`: "", "é": ""} {
		b := backend.NewBucket(&renaming{d, []string{etag}}, nil, suites(t)[0].key, nil)
		h := backend.NewHandler(b, nil)
		w := ask(h, "HEAD", "/key")
		if got := w.Header().Get("ETag"); got != want || w.Code != http.StatusOK {
			t.Errorf("ETag %q: %d, %q, want %q", etag, w.Code, got, want)
		}
		status := http.StatusOK
		if want != "" {
			status = http.StatusNotModified
		}
		wantAnswer(t, etag, ask(h, "HEAD", "/key", "If-None-Match", `"`+strings.Trim(etag, `"`)+`"`), status, nil)
	}
}

// TestHandlerPolicy: ranges that cannot be verified need the option, unless they
// are all of the object; those of the chunked formats are verified.
func TestHandlerPolicy(t *testing.T) {
	data := pattern(100_000)
	for _, s := range servedAll(t, data, nil) {
		s.opts.Open.AllowUnauthenticatedRanges = false
		h := s.handler(s.driver)
		own := s.key.suite == envelope.Chunked || s.name == ownSuites()[1].String()
		part, all, accept := http.StatusForbidden, http.StatusOK, "none"
		if own {
			part, all, accept = http.StatusPartialContent, http.StatusPartialContent, "bytes"
		}
		for _, c := range []struct {
			spec   string
			status int
			want   []byte
		}{
			{"bytes=5-10", part, data[5:11]},
			{"bytes=-3", part, data[len(data)-3:]},
			{"bytes=0-0", part, data[:1]},
			{"bytes=0-", all, data},
			{"bytes=1-,5-", http.StatusOK, data},
		} {
			wantAnswer(t, s.name+": "+c.spec, ask(h, "GET", "/key", "Range", c.spec), c.status, c.want)
		}
		if got := ask(h, "HEAD", "/key").Header().Get("Accept-Ranges"); got != accept {
			t.Errorf("%s: Accept-Ranges = %q, want %q", s.name, got, accept)
		}
		if !own {
			strict := backend.NewHandler(backend.NewBucket(s.driver, nil, s.key.key, nil), nil)
			status := http.StatusForbidden
			if s.key.suite == envelope.V3 {
				status = http.StatusOK
			}
			wantAnswer(t, s.name+" by default", ask(strict, "GET", "/key"), status, data)
			wantAnswer(t, s.name+" by default", ask(strict, "HEAD", "/key"), status, nil)
		}
	}
}

// TestHandlerPlaintext: what is not encrypted is served only if that is allowed.
func TestHandlerPlaintext(t *testing.T) {
	d := mem.New()
	raw(t, d, "key", "plain text", nil)
	for _, allow := range []bool{false, true} {
		h := backend.NewHandler(backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: allow}}), nil)
		whole, part := http.StatusForbidden, http.StatusForbidden
		if allow {
			whole, part = http.StatusOK, http.StatusPartialContent
		}
		wantAnswer(t, "plaintext", ask(h, "GET", "/key"), whole, []byte("plain text"))
		wantAnswer(t, "plaintext", ask(h, "HEAD", "/key"), whole, nil)
		wantAnswer(t, "plaintext", ask(h, "GET", "/key", "Range", "bytes=-4"), part, []byte("text"))
	}
}

// TestGetRangePastEnd: the error says of how many bytes there is no such range.
func TestGetRangePastEnd(t *testing.T) {
	for _, s := range servedAll(t, pattern(100), nil) {
		for _, off := range []int64{100, 5000} {
			_, err := s.bucket(s.driver).GetRange(t.Context(), "key", off, 1)
			wantErr(t, s.name, err, backend.ErrRange)
			want := "of 100 bytes"
			if !s.sized && off == 5000 { // to know more would take another request
				want = "of 111 bytes, or up to 15 fewer"
			}
			if !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: from %d on: %v, want %q", s.name, off, err, want)
			}
		}
	}
}
