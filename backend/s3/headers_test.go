// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// The encoding of an object is not that of a request which some servers name
// beside it; neither Stat nor a copy may take it for one.
func TestContentEncoding(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		info := mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(10))
		for said, want := range map[string]string{
			"gzip, br":              "gzip, br",
			"aws-chunked":           "",
			"aws-chunked,gzip":      "gzip",
			"gzip, aws-chunked":     "gzip",
			"gzip,AWS-Chunked , br": "gzip, br",
			"aws-chunked-gzip":      "aws-chunked-gzip",
		} {
			var sent []string
			d := newDriver(t, chaosClient(t, srv, saying(map[string]string{"Content-Encoding": said}, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == kindStart {
					sent = append(sent, req.Header.Get("Content-Encoding"))
				}
				return next.RoundTrip(req)
			})), bucket, nil)
			stat, err := d.Stat(t.Context(), "key")
			if err != nil || stat.Headers["content-encoding"] != want {
				t.Errorf("%q: Stat = %v, %v, want %q", said, stat.Headers, err, want)
			}
			if info, err = d.ReplaceMetadata(t.Context(), "key", newMetadata, stat.ETag); err != nil {
				t.Fatalf("%q: ReplaceMetadata = %v", said, err)
			}
			if len(sent) != 1 || sent[0] != want {
				t.Errorf("%q: the copy has the encoding %q, want %q", said, sent, want)
			}
		}
		wantBody(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(10))
		if info.ETag == "" {
			t.Error("no ETag")
		}
	})
}

// Headers that the client would read as something else are refused; those that an
// object has are kept, whatever they are.
func TestHeaders(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := srv.Client(t), srv.NewBucket(t)
		d := newDriver(t, client, bucket, nil)
		coded := map[string]string{"content-disposition": "=?utf-8?q?a?="}
		_, err := d.Put(t.Context(), "key", strings.NewReader("x"), 1, &backend.PutOptions{Headers: coded})
		if !errors.Is(err, backend.ErrMetadata) {
			t.Errorf("Put with a coded word = %v, want ErrMetadata", err)
		}
		rich := richOptions()
		rich.ContentDisposition = `attachment; filename="ü.txt"`
		if _, err := client.PutObject(t.Context(), bucket, "key", strings.NewReader("x"), 1, rich); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"cache-control": rich.CacheControl, "content-disposition": rich.ContentDisposition, "content-encoding": "gzip",
			"content-language": rich.ContentLanguage, "expires": "Mon, 03 Feb 2031 04:05:06 GMT",
		}
		if info := wantReplaced(t, d, "key"); !maps.Equal(info.Headers, want) {
			t.Errorf("headers %q, want %q", info.Headers, want)
		}
	})
}

func TestTags(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, nil)
		for _, want := range []map[string]string{nil, {"team": "a b+c", "a:b": "1/2=3"}} {
			for key, size := range map[string]int64{"small": 10, "parts": -1} {
				_, err := d.Put(t.Context(), key, &source{n: 10}, size, &backend.PutOptions{Tags: want})
				if err != nil {
					t.Fatalf("Put = %v", err)
				}
				if got, err := d.Tags(t.Context(), key); err != nil || !maps.Equal(got, want) {
					t.Errorf("Tags(%q) = %v, %v, want %v", key, got, err, want)
				}
			}
		}
		if _, err := d.Tags(t.Context(), "none"); !errors.Is(err, backend.ErrNotExist) {
			t.Errorf("Tags of no object = %v, want ErrNotExist", err)
		}
		if _, err := d.Tags(t.Context(), ""); !errors.Is(err, backend.ErrKey) {
			t.Errorf("Tags of no key = %v, want ErrKey", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Tags(ctx, "small"); !errors.Is(err, context.Canceled) {
			t.Errorf("Tags = %v, want the end of the context", err)
		}
	})
}

// A storage that has no tags says so in one of two ways; one that forbids to read
// them must not pass for one.
func TestTagsAnswers(t *testing.T) {
	srv := &s3test.Server{Name: "none", Endpoint: "s3.test:80", AccessKey: "access", SecretKey: "secret", Region: "us-east-1"}
	for code, status := range map[string]int{"NoSuchTagSet": 404, "NotImplemented": 501, "AccessDenied": 403} {
		d := newDriver(t, chaosClient(t, srv, func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return answer(req, status, "<Error><Code>"+code+"</Code></Error>"), nil
		}), "bucket", nil)
		got, err := d.Tags(t.Context(), "key")
		if len(got) > 0 || (err != nil) != (code == minio.AccessDenied) {
			t.Errorf("%s: Tags = %v, %v", code, got, err)
		}
	}
}
