// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

func rangeSeeds(t testing.TB) (seeds [][]any) {
	for _, field := range []string{
		"bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-0", "bytes=5-4", "bytes=16-31", "bytes=99-", "bytes=0-99999999999999999999",
		"bytes=-99999999999999999999", "bytes=0-1,3-4", "bytes=0-1, ", "bytes=,", "bytes=", "bytes", "items=0-1", "Bytes=0-1", "bytes = 0-1", "bytes=0 - 1",
		"bytes=+0-1", "bytes=0x0-1", "bytes=--1", "bytes=0-1;2-3", "", "=", "bytes=1-2-3",
	} {
		for i, size := range []uint16{0, 1, 100, 20000} {
			answers := []string{"bytes 3-7/100", "bytes 3-7/*", "bytes 03-7/100", "bytes 3-7/8"}
			seeds = append(seeds, []any{field, size, answers[i]})
		}
	}
	return append(seeds, []any{"bytes=3-7", uint16(8), "bytes 3-7/7"}, []any{"", uint16(8), "bytes 3-7/99999999999999999999"},
		[]any{"", uint16(8), "bytes 3-7/0"}, []any{"", uint16(8), "bytes 4-8/100"}, []any{"", uint16(8), "Bytes 3-7/100 "})
}

// FuzzRange: a Range field gets what RFC 9110 says of it, and the answer of a
// storage counts only if it is to the question.
func FuzzRange(f *testing.F) {
	plant(f, rangeSeeds(f))
	key := must[wrap.Key](f)(wrap.NewAESGCM(testKey))
	f.Fuzz(func(t *testing.T, field string, size uint16, answer string) {
		plain := pattern(uint32(size))
		b := backend.NewBucket(mem.New(), key, key, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}})
		if _, err := b.Put(t.Context(), "k", bytes.NewReader(plain), int64(len(plain)), nil); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/k", nil)
		r.Header["Range"] = []string{field}
		w := httptest.NewRecorder()
		backend.NewHandler(b, nil).ServeHTTP(w, r)
		checkPart(t, w, field, plain)
		checkContentRange(t, answer)
	})
}

// checkPart compares an answer with what the reference says of the field.
func checkPart(t *testing.T, w *httptest.ResponseRecorder, field string, plain []byte) {
	t.Helper()
	status, off, n := rangeReference(field, int64(len(plain)))
	if w.Code != status {
		t.Fatalf("Range %q of %d bytes: %d, want %d", field, len(plain), w.Code, status)
	}
	got, where := w.Body.Bytes(), w.Header().Get("Content-Range")
	switch status {
	case http.StatusOK:
		if !bytes.Equal(got, plain) || where != "" {
			t.Fatalf("Range %q: %d bytes of all %d, Content-Range %q", field, len(got), len(plain), where)
		}
	case http.StatusPartialContent:
		if want := fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, len(plain)); !bytes.Equal(got, plain[off:off+n]) || where != want {
			t.Fatalf("Range %q: %d bytes, %q; want %d, %q", field, len(got), where, n, want)
		}
	default:
		if want := fmt.Sprintf("bytes */%d", len(plain)); where != want {
			t.Fatalf("Range %q: Content-Range %q, want %q", field, where, want)
		}
	}
}

var rangeSyntax = regexp.MustCompile(`^(?:([0-9]+)-([0-9]*)|-([0-9]+))$`)

// rangeReference is RFC 9110, section 14, with the freedom that it leaves: what
// is malformed is not satisfied, and several ranges are not looked at.
func rangeReference(field string, size int64) (status int, off, n int64) {
	unit, set, found := strings.Cut(field, "=")
	if found && !strings.EqualFold(unit, "bytes") {
		return http.StatusOK, 0, 0
	}
	var specs [][]string
	for s := range strings.SplitSeq(set, ",") {
		if s = strings.Trim(s, " \t"); s == "" {
			continue
		}
		m := rangeSyntax.FindStringSubmatch(s)
		if m == nil || m[2] != "" && number(m[1]).Cmp(number(m[2])) > 0 {
			return http.StatusRequestedRangeNotSatisfiable, 0, 0
		}
		specs = append(specs, m)
	}
	switch {
	case len(specs) == 0:
		return http.StatusRequestedRangeNotSatisfiable, 0, 0
	case len(specs) > 1:
		return http.StatusOK, 0, 0
	}
	m, last := specs[0], big.NewInt(size-1)
	first := number(m[1])
	if m[3] != "" {
		first = new(big.Int).Sub(big.NewInt(size), number(m[3]))
		if first.Sign() < 0 {
			first.SetInt64(0)
		}
	}
	if m[2] != "" && number(m[2]).Cmp(last) < 0 {
		last = number(m[2])
	}
	if first.Cmp(big.NewInt(size)) >= 0 {
		return http.StatusRequestedRangeNotSatisfiable, 0, 0
	}
	return http.StatusPartialContent, first.Int64(), last.Int64() - first.Int64() + 1
}

func number(digits string) *big.Int {
	n, _ := new(big.Int).SetString("0"+digits, 10)
	return n
}

var contentRangeSyntax = regexp.MustCompile(`^bytes 3-7/(0|[1-9][0-9]*)$`)

// checkContentRange asks a storage for bytes 3 to 7, which says that it has sent
// something else, perhaps.
func checkContentRange(t *testing.T, answer string) {
	t.Helper()
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Length": {"5"}, "Etag": {`"e"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Content-Range": {answer}}
		return &http.Response{
			StatusCode: http.StatusPartialContent, ProtoMajor: 1, ProtoMinor: 1, Header: h, ContentLength: 5,
			Body: io.NopCloser(strings.NewReader("34567")), Request: r,
		}, nil
	})
	client := must[*minio.Client](t)(minio.New("storage.example", &minio.Options{
		Creds: credentials.NewStaticV4("id", "secret", ""), Transport: transport, Region: "us-east-1",
	}))
	d := must[*s3.Driver](t)(s3.New(client, "bucket", nil))
	body, info, err := d.Get(t.Context(), "k", &backend.GetOptions{Range: &backend.Range{Offset: 3, Length: 5}})
	m := contentRangeSyntax.FindStringSubmatch(answer)
	right := m != nil && number(m[1]).Cmp(big.NewInt(7)) > 0 && number(m[1]).IsInt64()
	switch {
	case err == nil && right:
		defer body.Close()
		if got, err := io.ReadAll(body); string(got) != "34567" || err != nil || fmt.Sprint(info.Size) != m[1] {
			t.Fatalf("Content-Range %q: %q, %v, size %d", answer, got, err, info.Size)
		}
	case err == nil || right || !errors.Is(err, backend.ErrRange):
		t.Fatalf("Content-Range %q: Get = %v; want it taken: %t", answer, err, right)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
