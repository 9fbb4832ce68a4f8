// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// newMetadata is what the tests replace metadata by.
var newMetadata = map[string]string{"x-amz-key-v2": "bmV3", "name": "new"}

// changing are headers of an answer that differ from one to the next, or say
// when and as what the object was stored.
var changing = []string{
	"Date", "Etag", "Last-Modified", "X-Amz-Request-Id", "X-Amz-Id-2", "X-Amz-Version-Id", "X-Ratelimit-Limit", "X-Ratelimit-Remaining",
	"Connection", "Content-Encoding",
}

// headers returns what a server says of an object beside its metadata.
func headers(t *testing.T, client *minio.Client, bucket, key string) http.Header {
	t.Helper()
	stat, err := client.StatObject(t.Context(), bucket, key, minio.StatObjectOptions{})
	if err != nil {
		t.Fatalf("StatObject = %v", err)
	}
	h := stat.Headers.Clone()
	// versitygw names the encoding on the wire as well.
	h.Set("Encoding", strings.Trim(strings.ReplaceAll(h.Get("Content-Encoding"), "aws-chunked", ""), ", "))
	for _, name := range changing {
		h.Del(name)
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Amz-Meta-") })
	return h
}

// richOptions are all that an object can have and a copy loses.
func richOptions() minio.PutObjectOptions {
	return minio.PutObjectOptions{
		UserMetadata:            map[string]string{"x-amz-key-v2": "b2xk", "x-amz-iv": "aXY", "gone": "1"},
		UserTags:                map[string]string{"team": "a b+c", "a:b": "1/2=3"},
		ContentType:             "text/x-test; charset=utf-8",
		ContentEncoding:         "gzip",
		ContentDisposition:      `attachment; filename="a b.txt"`,
		ContentLanguage:         "de, en",
		CacheControl:            "max-age=60, private",
		Expires:                 time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC),
		WebsiteRedirectLocation: "/other?a=b",
		StorageClass:            "REDUCED_REDUNDANCY",
	}
}

// Nothing but the metadata changes: neither what an answer says, nor the tags,
// nor the body, whatever it is stored as.
func TestReplaceMetadataKeeps(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := srv.Client(t), srv.NewBucket(t)
		d := newDriver(t, client, bucket, nil)
		d.SetCopy(-1, 6*mib)
		for _, n := range []int{0, 1, 1000, 6 * mib, 6*mib + 1, 13 * mib} {
			rich := richOptions()
			rich.PartSize = 5 * mib
			rich.DisableContentSha256 = n == 0 // else the client sends a chunk of nothing, which versitygw takes for two requests
			if _, err := client.PutObject(t.Context(), bucket, "a b+c/ü", bytes.NewReader(pattern(n)), int64(n), rich); err != nil {
				t.Fatal(err)
			}
			before := headers(t, client, bucket, "a b+c/ü")
			for range 2 { // the second time what the first has made
				wantReplaced(t, d, "a b+c/ü")
			}
			after := headers(t, client, bucket, "a b+c/ü")
			if !maps.EqualFunc(before, after, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("%d bytes: headers\nbefore %v\n after %v", n, before, after)
			}
			tags, err := client.GetObjectTagging(t.Context(), bucket, "a b+c/ü", minio.GetObjectTaggingOptions{})
			if err != nil || !maps.Equal(tags.ToMap(), rich.UserTags) {
				t.Errorf("%d bytes: tags %v, %v, want %v", n, tags, err, rich.UserTags)
			}
			wantBody(t, d, "a b+c/ü", pattern(n))
		}
		wantObjects(t, srv, bucket, "a b+c/ü")
	})
}

// wantReplaced replaces the metadata of what is there.
func wantReplaced(t *testing.T, d *s3.Driver, key string) *backend.Info {
	t.Helper()
	old, err := d.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat = %v", err)
	}
	info, err := d.ReplaceMetadata(t.Context(), key, newMetadata, old.ETag)
	if err != nil {
		t.Fatalf("ReplaceMetadata of %d bytes = %v", old.Size, err)
	}
	stat, err := d.Stat(t.Context(), key)
	if err != nil || !maps.Equal(stat.Metadata, newMetadata) || stat.Size != old.Size {
		t.Fatalf("Stat after ReplaceMetadata = %+v, %v", stat, err)
	}
	if got, want := fmt.Sprintf("%+v", *info), fmt.Sprintf("%+v", *stat); got != want {
		t.Errorf("ReplaceMetadata: got %s, want %s", got, want)
	}
	return info
}

// sse are headers with which storages name an encryption of theirs, which must be
// asked for in the same words.
var sse = map[string]string{
	"X-Amz-Server-Side-Encryption":                    "aws:kms:dsse",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "arn:aws:kms:us-east-1:1:key/2",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
	"X-Amz-Server-Side-Encryption-Context":            "e30=",
}

// saying adds headers to the answers to HEAD.
func saying(headers map[string]string, next chaos) chaos {
	return func(req *http.Request, rt http.RoundTripper) (*http.Response, error) {
		if kind(req) != kindHead {
			return next(req, rt)
		}
		resp, err := rt.RoundTrip(req)
		if err == nil && resp.StatusCode == http.StatusOK {
			for name, value := range headers {
				resp.Header.Set(name, value)
			}
		}
		return resp, err
	}
}

// refuse answers no request but those that only read.
func refuse(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if req.Method == http.MethodGet {
		return next.RoundTrip(req)
	}
	return answer(req, http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"), nil
}

// The encryption by the storage is asked for again in its own words, and a key of
// the owner cannot be.
func TestReplaceMetadataEncryption(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		info := mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", pattern(10))
		for limit, deciding := range map[int64]string{-1: kindStart, 1000: kindPut} {
			var rec recorder
			d := newDriver(t, chaosClient(t, srv, rec.wrap(saying(sse, refuse))), bucket, nil)
			d.SetCopy(limit, 5*mib)
			if _, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag); err == nil {
				t.Error("ReplaceMetadata = nil, want the refusal")
			}
			reqs := rec.of(deciding)
			if len(reqs) != 1 {
				t.Fatalf("%s: %d requests", deciding, len(reqs))
			}
			for name, value := range sse {
				if got := reqs[0].header.Get(name); got != value {
					t.Errorf("%s: %s: %q, want %q", deciding, name, got, value)
				}
			}
		}
		var rec recorder
		d := newDriver(t, chaosClient(t, srv, rec.wrap(saying(map[string]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}, refuse))), bucket, nil)
		_, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag)
		if !errors.Is(err, errors.ErrUnsupported) || len(rec.reqs) != len(rec.of(kindHead)) {
			t.Errorf("ReplaceMetadata = %v after requests %v, want ErrUnsupported after heads", err, rec.kinds())
		}
	})
}

// What an answer says of a lock.
func TestLocked(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		mustPut(t, newDriver(t, srv.Client(t), bucket, nil), "key", nil)
		const mode, until, hold = "X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Object-Lock-Legal-Hold"
		soon, over := time.Now().Add(time.Hour).UTC(), time.Now().Add(-time.Hour).UTC()
		for _, c := range []struct {
			headers map[string]string
			want    bool
		}{
			{nil, false},
			{map[string]string{hold: "OFF"}, false},
			{map[string]string{hold: "ON"}, true},
			{map[string]string{mode: "GOVERNANCE", until: soon.Format(time.RFC3339)}, true},
			{map[string]string{mode: "COMPLIANCE", until: soon.Format("2006-01-02T15:04:05.000Z")}, true},
			{map[string]string{mode: "COMPLIANCE", until: over.Format(time.RFC3339)}, false},
			{map[string]string{mode: "COMPLIANCE", until: over.Format(time.RFC3339), hold: "ON"}, true},
			{map[string]string{mode: "COMPLIANCE", until: "tomorrow"}, true},
			{map[string]string{mode: "COMPLIANCE"}, true},
		} {
			d := newDriver(t, chaosClient(t, srv, saying(c.headers, refuse)), bucket, nil)
			if info, err := d.Stat(t.Context(), "key"); err != nil || info.Locked != c.want {
				t.Errorf("%v: Stat = %+v, %v", c.headers, info, err)
			}
		}
	})
}
