// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// Bodies that are altered on the way are refused, by their SHA-256 or, where
// they have none, by their CRC-32C.
func TestAlteredOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for name, opts := range map[string]s3.Options{
			"signed": {}, "signature alone": {NoChecksum: true}, "checksum alone": {UnsignedPayload: true},
		} {
			for what, n := range map[string]int{kindPut: 1000, kindPart: 5*mib + 1000} {
				altered := false
				p := proxy(t, srv, true, func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPut {
						return false
					}
					data, err := io.ReadAll(r.Body)
					if err == nil && len(data) > 0 {
						data[len(data)/2] ^= 1
						altered = true
					}
					r.Body = io.NopCloser(bytes.NewReader(data))
					return false
				})
				bucket := srv.NewBucket(t)
				opts.PartSize, opts.Concurrency = 5*mib, 1
				d := newDriver(t, proxyClient(t, srv, p, nil), bucket, &opts)
				_, err := d.Put(t.Context(), "key", &source{n: n}, -1, &backend.PutOptions{})
				if err == nil || !altered {
					t.Errorf("%s, %s: Put = %v, altered %v, want an error", name, what, err, altered)
				}
				wantObjects(t, srv, bucket)
			}
		}
	})
}

// What the options leave out is not on the wire.
func TestDigestOptions(t *testing.T) {
	srv := s3test.MinIO(t)
	var rec recorder
	d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), &s3.Options{PartSize: 5 * mib, NoChecksum: true})
	mustPut(t, d, "key", pattern(5*mib+1))
	mustPut(t, d, "key", pattern(1))
	for _, req := range rec.reqs {
		for name := range req.header {
			if len(name) > 14 && name[:14] == "X-Amz-Checksum" {
				t.Errorf("%s has %s without a checksum", req.kind, name)
			}
		}
	}
	if _, err := s3.New(srv.Client(t), "bucket", &s3.Options{UnsignedPayload: true}); err == nil {
		t.Error("New without TLS and without signatures = nil, want an error")
	}
	p := proxy(t, srv, true, nil)
	if _, err := s3.New(proxyClient(t, srv, p, nil), "bucket", &s3.Options{UnsignedPayload: true, NoChecksum: true}); err == nil {
		t.Error("New without checksums and without signatures = nil, want an error")
	}
	d = newDriver(t, proxyClient(t, srv, p, nil), srv.NewBucket(t), &s3.Options{UnsignedPayload: true, PartSize: 5 * mib})
	for _, n := range []int{0, 1000, 5*mib + 1} {
		mustPut(t, d, "key", pattern(n))
		wantBody(t, d, "key", pattern(n))
	}
}

// What the server is to do goes with the request that stores or starts, and
// nothing of it is dropped without a word.
func TestServerOptions(t *testing.T) {
	srv := s3test.MinIO(t)
	var rec recorder
	client := chaosClient(t, srv, rec.wrap(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if kind(req) == kindPut || kind(req) == kindStart {
			return answer(req, http.StatusNotImplemented, "<Error><Code>NotImplemented</Code></Error>"), nil
		}
		return next.RoundTrip(req)
	}))
	d := newDriver(t, client, srv.NewBucket(t), smallParts)
	opts := &backend.PutOptions{
		Tags: map[string]string{"a b": "c=d"}, StorageClass: "GLACIER",
		SSE: &backend.SSE{KMS: true, KMSKeyID: "key", KMSContext: map[string]string{"a": "b"}},
	}
	want := map[string]string{
		"X-Amz-Tagging": "a+b=c%3Dd", "X-Amz-Storage-Class": "GLACIER",
		"X-Amz-Server-Side-Encryption":                "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key",
		"X-Amz-Server-Side-Encryption-Context":        "eyJhIjoiYiJ9",
	}
	for _, n := range []int{100, 6 * mib} {
		rec.reqs = nil
		if _, err := d.Put(t.Context(), "key", &source{n: n}, -1, opts); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Put that the server does not implement = %v, want ErrUnsupported", err)
		}
		if len(rec.reqs) == 0 {
			t.Fatal("no request")
		}
		for name, value := range want {
			if got := rec.reqs[0].header.Get(name); got != value {
				t.Errorf("%s: header %s: got %q, want %q", rec.reqs[0].kind, name, got, value)
			}
		}
	}
	rec.reqs = nil
	for name, opts := range map[string]backend.PutOptions{
		"tag":         {Tags: map[string]string{"a": "not allowed: <"}},
		"eleven tags": {Tags: map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": "", "10": "", "11": ""}},
		"class":       {StorageClass: "A\r\nB"},
		"key":         {SSE: &backend.SSE{KMS: true, KMSKeyID: "\n"}},
		"key alone":   {SSE: &backend.SSE{KMSKeyID: "key"}},
	} {
		src := &source{n: 10, hook: func(int) { t.Errorf("%s: the body was read", name) }}
		if _, err := d.Put(t.Context(), "key", src, -1, &opts); err == nil || len(rec.reqs) > 0 {
			t.Errorf("%s: Put = %v after %d requests, want an error before", name, err, len(rec.reqs))
		}
	}
}
