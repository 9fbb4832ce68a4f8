// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
)

// offlineDriver returns a driver whose requests all go to rt.
func offlineDriver(t *testing.T, rt http.RoundTripper) *s3.Driver {
	t.Helper()
	return newDriver(t, offlineClient(t, rt), "bucket", nil)
}

func offlineClient(t *testing.T, rt http.RoundTripper) *minio.Client {
	t.Helper()
	client, err := minio.New("s3.test:80", &minio.Options{Region: "us-east-1", MaxRetries: 1, Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// blanks are an answer without an end.
type blanks struct {
	read   atomic.Int64
	closed atomic.Int64
}

var blank = bytes.Repeat([]byte(" "), 64<<10)

func (b *blanks) Read(p []byte) (int, error) {
	n := copy(p, blank)
	if b.read.Add(int64(n)) > 40*mib {
		return 0, errors.New("40 MiB of blanks have been read")
	}
	return n, nil
}

func (b *blanks) Close() error {
	b.closed.Add(1)
	return nil
}

// endless answers all requests with blanks, after the text that begin gives.
func endless(b *blanks, status int, begin string) chaosTransport {
	return chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		resp := answer(req, status, "")
		resp.Header.Set("ETag", `"etag"`)
		resp.ContentLength = -1
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(begin), b), b}
		return resp, nil
	}, nil}
}

// TestAnswersEnd: a storage whose answers have no end gets no memory and no time
// for them, whatever it was asked.
func TestAnswersEnd(t *testing.T) {
	const limit = 100_000
	parts := []backend.Part{{Number: 1, Size: 5, ETag: "a"}}
	for name, c := range map[string]struct {
		status int
		begin  string
		call   func(ctx context.Context, d *s3.Driver) error
		want   error // nil for any
	}{
		"start": {200, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.StartUpload(ctx, "key", &backend.PutOptions{})
			return err
		}, s3.ErrAnswerTooLarge},
		"put": {500, "<Error>", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.Put(ctx, "key", strings.NewReader("body"), -1, &backend.PutOptions{})
			return err
		}, nil},
		"put part": {400, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.PutPart(ctx, "key", "id", 1, []byte("part"))
			return err
		}, nil},
		"list parts": {200, "<ListPartsResult>", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.ListParts(ctx, "key", "id")
			return err
		}, s3.ErrAnswerTooLarge},
		"refused": {403, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.ListParts(ctx, "key", "id")
			return err
		}, nil},
		"complete": {200, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.CompleteUpload(ctx, "key", "id", parts, &backend.PutOptions{})
			return err
		}, nil},
		"abort": {200, "", func(ctx context.Context, d *s3.Driver) error { return d.AbortUpload(ctx, "key", "id") }, nil},
		"list uploads": {200, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.ListUploads(ctx, "prefix")
			return err
		}, s3.ErrAnswerTooLarge},
		"list":     {200, "", func(ctx context.Context, d *s3.Driver) error { return listAny(ctx, d, false) }, s3.ErrAnswerTooLarge},
		"versions": {200, "", func(ctx context.Context, d *s3.Driver) error { return listAny(ctx, d, true) }, s3.ErrAnswerTooLarge},
		"tags": {200, "<Tagging>", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.Tags(ctx, "key")
			return err
		}, s3.ErrAnswerTooLarge},
		"versioned": {200, "", func(ctx context.Context, d *s3.Driver) error {
			_, err := d.Versioned(ctx)
			return err
		}, s3.ErrAnswerTooLarge},
		"get": {404, "", func(ctx context.Context, d *s3.Driver) error {
			_, _, err := d.Get(ctx, "key", &backend.GetOptions{})
			return err
		}, nil},
		"stat":   {404, "", func(ctx context.Context, d *s3.Driver) error { _, err := d.Stat(ctx, "key"); return err }, nil},
		"delete": {403, "", func(ctx context.Context, d *s3.Driver) error { return d.Delete(ctx, "key") }, nil},
	} {
		var b blanks
		requests := 0
		rt := endless(&b, c.status, c.begin)
		count := chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			requests++
			return rt.RoundTrip(req)
		}, nil}
		err := c.call(t.Context(), offlineDriver(t, s3.LimitAnswersTo(count, limit)))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if most := int64(requests) * (limit + 1); requests == 0 || b.read.Load() > most || b.closed.Load() != int64(requests) {
			t.Errorf("%s: %d bytes read in %d requests, of which %d closed; want at most %d", name, b.read.Load(), requests, b.closed.Load(), most)
		}
	}
}

func listAny(ctx context.Context, d *s3.Driver, versions bool) error {
	for _, err := range d.List(ctx, &backend.ListOptions{Versions: versions}) {
		return err
	}
	return nil
}

// TestAnswerLimit: the limit is 32 MiB to the byte, and its error stays.
func TestAnswerLimit(t *testing.T) {
	const limit = 32 * mib
	for _, size := range []int64{0, 1, limit - 1, limit, limit + 1} {
		resp, err := s3.LimitAnswers(endless(new(blanks), 200, "")).RoundTrip(httptest.NewRequest(http.MethodGet, "/bucket?uploads", nil))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyN(io.Discard, resp.Body, size)
		if size <= limit && (n != size || err != nil) || size > limit && (n != limit || !errors.Is(err, s3.ErrAnswerTooLarge)) {
			t.Errorf("%d bytes: read %d, %v", size, n, err)
		}
		if size > limit {
			if n, err := resp.Body.Read(make([]byte, 9)); n != 0 || !errors.Is(err, s3.ErrAnswerTooLarge) {
				t.Errorf("once more: %d, %v", n, err)
			}
		}
	}
	whole := chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return answer(req, http.StatusOK, "all of it"), nil
	}, nil}
	resp, err := s3.LimitAnswersTo(whole, 9).RoundTrip(httptest.NewRequest(http.MethodPut, "/bucket/key", nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); string(got) != "all of it" || err != nil {
		t.Errorf("an answer as long as the limit: %q, %v", got, err)
	}
	if _, err := s3.LimitAnswers(nil).RoundTrip(httptest.NewRequest(http.MethodGet, "/", nil)); err == nil {
		t.Error("no transport: no error")
	}
}

// TestContentsAreNotLimited: what a client is used for besides is not limited, be
// it another's content or a stream of events.
func TestContentsAreNotLimited(t *testing.T) {
	for _, c := range []struct {
		method, url string
		status      int
		limited     bool
	}{
		{"GET", "/bucket/key", 200, false},
		{"GET", "/bucket/key", 206, false},
		{"GET", "/bucket/key?versionId=1&partNumber=2&response-content-type=text%2Fplain", 200, false},
		{"GET", "/bucket/uploads/list-type=2", 200, false},
		{"GET", "/bucket?events=s3:ObjectCreated:*", 200, false},
		{"POST", "/bucket/key?select&select-type=2", 200, false},
		{"GET", "/bucket/key", 404, true},
		{"GET", "/bucket/key", 301, true},
		{"POST", "/bucket/key?select&select-type=2", 400, true},
		{"GET", "/bucket?list-type=2", 200, true},
		{"GET", "/bucket?versions", 200, true},
		{"GET", "/bucket?delimiter=&prefix=", 200, true},
		{"GET", "/bucket?location", 200, true},
		{"GET", "/bucket?versioning", 200, true},
		{"GET", "/bucket?uploads", 200, true},
		{"GET", "/bucket/key?uploadId=1", 200, true},
		{"GET", "/bucket/key?tagging", 200, true},
		{"POST", "/bucket/key?uploads", 200, true},
		{"PUT", "/bucket/key", 200, true},
		{"DELETE", "/bucket/key", 204, true},
		{"HEAD", "/bucket/key", 200, true},
	} {
		rt := s3.LimitAnswersTo(endless(new(blanks), c.status, ""), 10)
		resp, err := rt.RoundTrip(httptest.NewRequest(c.method, c.url, nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 1000); errors.Is(err, s3.ErrAnswerTooLarge) != c.limited {
			t.Errorf("%s %s, %d: %v, want limited = %v", c.method, c.url, c.status, err, c.limited)
		}
	}
}

// TestLimitClosesIdle: a client can still close the connections below.
func TestLimitClosesIdle(t *testing.T) {
	var n idle
	for _, rt := range []http.RoundTripper{&n, struct{ http.RoundTripper }{&n}} {
		(&http.Client{Transport: s3.LimitAnswers(rt)}).CloseIdleConnections()
	}
	if n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

type idle int

func (*idle) RoundTrip(*http.Request) (*http.Response, error) { return nil, errLost }
func (n *idle) CloseIdleConnections()                         { *n++ }

// A server that does not stop answering gets an error, and no memory.
func ExampleLimitAnswers() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 10_000 { // a gigabyte of blanks
			if _, err := fmt.Fprintf(w, "%100000s", ""); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	transport, err := minio.DefaultTransport(false) // for minio.Options.Transport
	if err != nil {
		log.Fatal(err)
	}
	client := http.Client{Transport: s3.LimitAnswers(transport)}
	resp, err := client.Get(srv.URL + "/bucket?uploads")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	fmt.Println(n>>20, "MiB:", errors.Is(err, s3.ErrAnswerTooLarge))
	// Output: 32 MiB: true
}
