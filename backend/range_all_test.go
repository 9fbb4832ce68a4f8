// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// rangeSizes are those of objects of which every range is read, all from nothing
// to four blocks, and how many ranges of a large one are. In the short form those
// are the edges, and few.
func rangeSizes() (sizes []int, many int) {
	if os.Getenv("S3SEAL_LONG") != "1" {
		return []int{0, 1, 15, 16, 17}, 4
	}
	for n := range 65 {
		sizes = append(sizes, n)
	}
	return sizes, 40
}

// A spec is the range of a request, and what it is of the data.
type spec struct {
	text      string
	off, n    int64 // as GetRange is told
	from, end int   // nothing if there is no such range
}

func (s spec) of(data []byte) []byte { return data[s.from:s.end] }

func between(a, b, size int) spec {
	return spec{fmt.Sprintf("%d-%d", a, b), int64(a), int64(b - a + 1), min(a, size), min(b+1, size)}
}

func openEnd(a, size int) spec { return spec{fmt.Sprintf("%d-", a), int64(a), -1, min(a, size), size} }

func lastBytes(n, size int) spec {
	return spec{fmt.Sprintf("-%d", n), int64(-n), -1, max(0, size-n), size}
}

// allSpecs are all ranges of size bytes, and some that go or lie behind the end.
func allSpecs(size int) (all []spec) {
	for a := 0; a <= size+17; a++ {
		for b := a; b <= size+1 || b == a; b++ {
			all = append(all, between(a, b, size))
		}
		all = append(all, openEnd(a, size))
		if a > 0 { // GetRange cannot be asked for the last 0 bytes
			all = append(all, lastBytes(a, size))
		}
	}
	return all
}

// randomSpecs are some ranges of size bytes, most of them short.
func randomSpecs(t *testing.T, size, count int) (all []spec) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range count {
		a := random.IntN(size)
		most := size - a
		if i%4 > 0 {
			most = min(most, 200_000)
		}
		all = append(all, between(a, a+random.IntN(most), size))
	}
	a := 1 + random.IntN(200_000)
	return append(all, openEnd(size-a, size), lastBytes(a, size), between(size-1, size, size), between(size, size, size))
}

// TestRangesEveryWay: in every format, every range of small objects and random
// ones of a large one are the slice, or ErrRange and 416 where there is none, by
// GetRange, by ReaderAt and over HTTP.
func TestRangesEveryWay(t *testing.T) {
	sizes, many := rangeSizes()
	for _, size := range sizes {
		rangesEveryWay(t, size, allSpecs(size))
	}
	const large = 5<<20 + 3
	rangesEveryWay(t, large, randomSpecs(t, large, many))
}

func rangesEveryWay(t *testing.T, size int, specs []spec) {
	t.Helper()
	data := pattern(size)
	for _, s := range servedAll(t, data, nil) {
		b := s.bucket(s.driver)
		what := fmt.Sprintf("%s of %d", s.name, size)
		for _, r := range specs {
			wantGetRange(t, what, b, data, r)
		}
		wantReadAt(t, what, b, data, specs)
		wantServed(t, what, s.handler(s.driver), data, specs)
	}
}

func wantGetRange(t *testing.T, what string, b *backend.Bucket, data []byte, r spec) {
	t.Helper()
	got, err := readAll(b.GetRange(t.Context(), "key", r.off, r.n))
	if want := r.of(data); len(want) == 0 {
		wantErr(t, what+": GetRange "+r.text, err, backend.ErrRange)
	} else if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: GetRange %s: %d bytes, right or not, %v, want %d", what, r.text, len(got), err, len(want))
	}
}

// wantReadAt reads the same bytes, and by the rules of io.ReaderAt the end.
func wantReadAt(t *testing.T, what string, b *backend.Bucket, data []byte, specs []spec) {
	t.Helper()
	r := must(b.ReaderAt(t.Context(), "key"))(t)
	defer r.Close()
	for _, s := range specs {
		if s.off < 0 || s.n < 0 {
			continue
		}
		p, want := make([]byte, s.n), s.of(data)
		n, err := r.ReadAt(p, s.off)
		short := int64(len(want)) < s.n
		if !bytes.Equal(p[:n], want) || short && err != io.EOF || !short && err != nil && err != io.EOF {
			t.Errorf("%s: ReadAt %s: %d bytes, right or not, %v, want %d", what, s.text, n, err, len(want))
		}
	}
}

// wantServed asks over HTTP, and for large objects over a connection.
func wantServed(t *testing.T, what string, h http.Handler, data []byte, specs []spec) {
	t.Helper()
	get := func(r string) *httptest.ResponseRecorder { return ask(h, "GET", "/key", "Range", r) }
	if len(data) > 1000 {
		srv := httptest.NewServer(h)
		defer srv.Close()
		get = func(r string) *httptest.ResponseRecorder {
			f := fetch(t, srv, "/key", r)
			if f.err != nil {
				t.Errorf("%s: HTTP %s: %v", what, r, f.err)
			}
			w := httptest.NewRecorder()
			maps.Copy(w.Header(), f.header)
			w.WriteHeader(f.status)
			w.Write(f.body)
			return w
		}
	}
	for _, s := range specs {
		w := get("bytes=" + s.text)
		want, status, field := s.of(data), http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%d", s.from, s.end-1, len(data))
		if len(want) == 0 {
			status, field = http.StatusRequestedRangeNotSatisfiable, fmt.Sprintf("bytes */%d", len(data))
		}
		wantAnswer(t, what+": HTTP "+s.text, w, status, want)
		if got := w.Header().Get("Content-Range"); got != field {
			t.Errorf("%s: HTTP %s: Content-Range %q, want %q", what, s.text, got, field)
		}
	}
}
