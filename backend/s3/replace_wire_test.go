// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// A copy is made by the storage, in parts of the size that was set, each under
// the condition; and only the request that starts it has metadata.
func TestReplaceMetadataOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for n, ranges := range map[int][]string{
			0: {""}, 70_000: {""}, 6 * mib: {""},
			6*mib + 1: {"bytes=0-6291455", "bytes=6291456-6291456"},
			13 * mib:  {"bytes=0-6291455", "bytes=6291456-12582911", "bytes=12582912-13631487"},
		} {
			var rec recorder
			bucket := srv.NewBucket(t)
			info := mustPut(t, newDriver(t, srv.Client(t), bucket, smallParts), "a b+c/ü", pattern(n))
			d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), bucket, nil)
			d.SetCopy(-1, 6*mib)
			if _, err := d.ReplaceMetadata(t.Context(), "a b+c/ü", formatMetadata(), info.ETag); err != nil {
				t.Fatalf("ReplaceMetadata of %d bytes = %v", n, err)
			}
			wantCopyHeaders(t, &rec, info.ETag, ranges)
			wantFormatMetadata(t, rec.of(kindStart))
			if sent := len(rec.of(kindPut)); sent != 0 || len(rec.of(kindGet)) > 1 { // of the tags
				t.Errorf("%d bytes: %d puts, gets %v", n, sent, rec.of(kindGet))
			}
		}
	})
}

func wantCopyHeaders(t *testing.T, rec *recorder, etag string, ranges []string) {
	t.Helper()
	got := make(map[string]bool)
	for _, req := range rec.of(kindPart) {
		got[req.header.Get("X-Amz-Copy-Source-Range")] = true
		if match := req.header.Get("X-Amz-Copy-Source-If-Match"); match != `"`+etag+`"` || len(req.body) > 0 {
			t.Errorf("part with %d bytes under the condition %q, want none under %q", len(req.body), match, etag)
		}
		if src := req.header.Get("X-Amz-Copy-Source"); !strings.HasSuffix(src, "/a%20b%2Bc/%C3%BC") {
			t.Errorf("source %q", src)
		}
		wantNoMetadataHeaders(t, req.header)
	}
	for _, r := range ranges {
		if !got[r] || len(got) != len(ranges) {
			t.Errorf("ranges %v, want %q", got, ranges)
		}
	}
	ends := rec.of(kindComplete)
	if len(ends) != 1 || ends[0].header.Get("If-Match") != `"`+etag+`"` {
		t.Errorf("%d requests to complete an upload, the condition of which is not %q", len(ends), etag)
	}
}

// wantFormatMetadata fails the test unless there is one request with the metadata
// of the formats, and without a condition of its own.
func wantFormatMetadata(t *testing.T, reqs []recorded) {
	t.Helper()
	if len(reqs) != 1 {
		t.Fatalf("%d requests, want one", len(reqs))
	}
	for name, value := range formatMetadata() {
		if got := reqs[0].header.Values("x-amz-meta-" + name); len(got) != 1 || got[0] != value {
			t.Errorf("header x-amz-meta-%s: got %q, want %q", name, got, value)
		}
	}
	if n := countMetadata(reqs[0].header); n != len(formatNames) {
		t.Errorf("metadata headers: got %d, want %d", n, len(formatNames))
	}
	for _, name := range []string{"x-amz-acl", "x-amz-storage-class", "Cache-Control", "x-amz-checksum-algorithm"} {
		if got := reqs[0].header.Get(name); got != "" {
			t.Errorf("header %s: %q, which nobody asked for", name, got)
		}
	}
}

// Where one request decides by a condition it is the only one that is sent.
func TestReplaceMetadataByOneRequest(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var rec recorder
		d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), nil)
		info := mustPut(t, d, "key", pattern(1000))
		d.SetCopy(1000, 5*mib)
		rec.reqs = nil
		if _, err := d.ReplaceMetadata(t.Context(), "key", formatMetadata(), info.ETag); err != nil {
			t.Fatalf("ReplaceMetadata = %v", err)
		}
		// How often it looks before is the matter of TestStatRequests.
		if got := fmt.Sprint(slices.Compact(rec.kinds())); got != "[head put head]" {
			t.Errorf("requests %v", got)
		}
		wantFormatMetadata(t, rec.of(kindPut))
		for name, want := range map[string]string{
			"If-Match": `"` + info.ETag + `"`, "X-Amz-Copy-Source-If-Match": `"` + info.ETag + `"`,
			"X-Amz-Metadata-Directive": "REPLACE", "Content-Type": "application/octet-stream", "X-Amz-Tagging-Directive": "",
		} {
			if got := rec.of(kindPut)[0].header.Get(name); got != want {
				t.Errorf("header %s: got %q, want %q", name, got, want)
			}
		}
		wantBody(t, d, "key", pattern(1000))
	})
}

func (r *recorder) kinds() (kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.reqs {
		kinds = append(kinds, req.kind)
	}
	return kinds
}

// What a storage answers to a copy by one request, and what is made of it.
func TestReplaceMetadataAnswers(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		plain := newDriver(t, srv.Client(t), bucket, nil)
		for _, c := range []struct {
			status int
			code   string
			want   error // nil for a copy by parts
		}{
			{http.StatusBadRequest, "EntityTooLarge", nil},
			{http.StatusBadRequest, "InvalidRequest", nil},
			{http.StatusNotImplemented, "NotImplemented", nil},
			{http.StatusPreconditionFailed, "PreconditionFailed", backend.ErrChanged},
			{http.StatusConflict, "ConditionalRequestConflict", backend.ErrChanged},
			{http.StatusNotFound, "NoSuchKey", backend.ErrChanged},
			{http.StatusForbidden, "InvalidObjectState", errors.New("InvalidObjectState")},
			{http.StatusOK, "InternalError", errors.New("ETag")},
		} {
			info := mustPut(t, plain, "key", pattern(1000))
			d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == kindPut {
					return answer(req, c.status, "<Error><Code>"+c.code+"</Code><Message>"+c.code+"</Message></Error>"), nil
				}
				return next.RoundTrip(req)
			}), bucket, nil)
			d.SetCopy(1000, 5*mib)
			_, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag)
			if c.want == nil && err != nil || c.want != nil && (err == nil || !errors.Is(err, c.want) && !strings.Contains(err.Error(), c.want.Error())) {
				t.Errorf("%d %s: ReplaceMetadata = %v, want %v", c.status, c.code, err, c.want)
			}
			if stat, serr := plain.Stat(t.Context(), "key"); serr != nil || (len(stat.Metadata) > 0) != (err == nil) {
				t.Errorf("%d %s: ReplaceMetadata = %v, and then Stat = %+v, %v", c.status, c.code, err, stat, serr)
			}
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// What could not be stored again is refused before anything is asked for.
func TestReplaceMetadataRefuses(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		info := mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(10))
		replace := func(c chaos, meta map[string]string, etag string) error {
			_, err := newDriver(t, chaosClient(t, srv, c), bucket, nil).ReplaceMetadata(t.Context(), "key", meta, etag)
			return err
		}
		never := saying(nil, func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			t.Errorf("%s was sent", kind(req))
			return answer(req, http.StatusForbidden, ""), nil
		})
		for name, err := range map[string]error{
			"no ETag":   replace(never, newMetadata, ""),
			"name":      replace(never, map[string]string{"Upper": "1"}, info.ETag),
			"value":     replace(never, map[string]string{"name": "line\nbreak"}, info.ETag),
			"lock":      replace(saying(map[string]string{"X-Amz-Object-Lock-Mode": "COMPLIANCE"}, never), newMetadata, info.ETag),
			"other tag": replace(never, newMetadata, "0123"),
		} {
			if err == nil {
				t.Errorf("%s: ReplaceMetadata = nil, want an error", name)
			}
		}
		tagging := `<Tagging><TagSet><Tag><Key>über</Key><Value>1</Value></Tag></TagSet></Tagging>`
		err := replace(saying(nil, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if req.URL.Query().Has("tagging") {
				return answer(req, http.StatusOK, tagging), nil
			}
			return refuse(req, next)
		}), newMetadata, info.ETag)
		if err == nil || !strings.Contains(err.Error(), "tags") {
			t.Errorf("ReplaceMetadata of an object with tags that the client loses = %v", err)
		}
	})
}

// A client of AWS, and nobody else, copies by one request.
func TestCopyLimit(t *testing.T) {
	for addr, want := range map[string]int64{
		"s3.amazonaws.com": 5 << 30, "s3.eu-central-1.amazonaws.com": 5 << 30, "s3.dualstack.us-west-2.amazonaws.com": 5 << 30,
		"s3.cn-north-1.amazonaws.com.cn": 5 << 30, "s3.test": -1, "127.0.0.1:9000": -1, "storage.googleapis.com": -1,
		"s3.eu-central-1.wasabisys.com": -1, "amazonaws.com.example.org": -1,
	} {
		client, err := minio.New(addr, &minio.Options{Region: "us-east-1", Secure: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := s3.CopyLimit(client); got != want {
			t.Errorf("%s: copy limit %d, want %d", addr, got, want)
		}
	}
}
