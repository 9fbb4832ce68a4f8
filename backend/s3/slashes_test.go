// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestKeysWithEmptySegments: servers that drop slashes would replace another
// object, so nothing is put under such a key, and its body not read.
func TestKeysWithEmptySegments(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, smallParts)
		mustPut(t, d, "q", []byte("q"))
		mustPut(t, d, "a/q", []byte("a/q"))
		for _, key := range []string{"/q", "//q", "a//q", "/a/q", "q//"} {
			read := 0
			_, err := d.Put(t.Context(), key, &source{n: 1, hook: func(int) { read++ }}, 1, &backend.PutOptions{})
			if !errors.Is(err, backend.ErrKey) || read > 0 {
				t.Errorf("Put(%q) = %v after %d reads, want ErrKey and none", key, err, read)
			}
			if _, err := d.StartUpload(t.Context(), key, &backend.PutOptions{}); !errors.Is(err, backend.ErrKey) {
				t.Errorf("StartUpload(%q) = %v, want ErrKey", key, err)
			}
		}
		wantBody(t, d, "q", []byte("q"))
		wantBody(t, d, "a/q", []byte("a/q"))
		wantObjects(t, srv, bucket, "a/q", "q")
	})
}

// TestKeepsEmptySegments: where the storage is known to keep such keys, or is said
// to, the request is made.
func TestKeepsEmptySegments(t *testing.T) {
	for _, c := range []struct {
		host string
		opts s3.Options
		want bool // that it is refused
	}{
		{"s3.test:80", s3.Options{}, true},
		{"s3.test:80", s3.Options{EmptySegments: true}, false},
		{"s3.eu-central-1.amazonaws.com", s3.Options{}, false},
		{"storage.googleapis.com", s3.Options{}, false},
	} {
		requests := 0
		noAnswer := func() { requests++ }
		client, err := minio.New(c.host, &minio.Options{Region: "us-east-1", MaxRetries: 1, Transport: silent(noAnswer)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = newDriver(t, client, "bucket", &c.opts).Put(t.Context(), "a//b", &source{n: 1}, 1, &backend.PutOptions{})
		if errors.Is(err, backend.ErrKey) != c.want || (requests == 0) != c.want {
			t.Errorf("%s, %+v: Put = %v after %d requests, want refused: %v", c.host, c.opts, err, requests, c.want)
		}
	}
}

// silent answers no request, and tells about each.
type silent func()

func (s silent) RoundTrip(*http.Request) (*http.Response, error) {
	s()
	return nil, errLost
}
