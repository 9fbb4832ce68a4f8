// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// completeWith returns a chaos for the requests that complete an upload.
func completeWith(c chaos) chaos {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if kind(req) == kindComplete {
			return c(req, next)
		}
		return next.RoundTrip(req)
	}
}

// S3 may report a failure to complete with status 200.
func TestCompleteFailsWith200(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, body := range []string{
			"<Error><Code>InternalError</Code><Message>sorry</Message></Error>",
			"<Error><Code>InvalidPart</Code></Error>",
			"<html>a proxy</html>", "", "<CompleteMultipartUploadResult>",
		} {
			bucket := srv.NewBucket(t)
			d := newTinyParts(t, chaosClient(t, srv, completeWith(func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
				return answer(req, http.StatusOK, body), nil
			})), bucket)
			if info, err := d.Put(t.Context(), "key", &source{n: 3 * tinyParts}, -1, &backend.PutOptions{}); err == nil {
				t.Errorf("complete answers 200 with %q: Put = %+v, nil, want an error", body, info)
			}
			wantObjects(t, srv, bucket)
		}
	})
}

// The answer is lost although the upload was completed: the client asks again
// and hears that there is no such upload.
func TestAnswerToCompleteIsLost(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var lost atomic.Int64
		client := chaosClient(t, srv, completeWith(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			lost.Add(1)
			return lose(req, next)
		}))
		bucket := srv.NewBucket(t)
		d := newDriver(t, client, bucket, smallParts)
		opts := &backend.PutOptions{Metadata: map[string]string{"name": "value"}, ContentType: "text/x-test"}
		put, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, opts)
		if err != nil {
			t.Fatalf("Put = %v, want success: the object is there", err)
		}
		if lost.Load() == 0 {
			t.Fatal("no answer was lost")
		}
		stat, err := d.Stat(t.Context(), "key")
		if err != nil || stat.ETag != put.ETag || stat.Size != put.Size || !strings.HasSuffix(put.ETag, "-2") {
			t.Errorf("Put: %+v\nStat: %+v, %v", put, stat, err)
		}
		wantBody(t, d, "key", pattern(6*mib))
		wantObjects(t, srv, bucket, "key")
	})
}

// Another object under the key is not taken for the one that was put.
func TestAnswerToCompleteIsLostAndNothingCompleted(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		safe := newDriver(t, srv.Client(t), bucket, smallParts)
		old := pattern(7 * mib)[mib:]
		mustPut(t, safe, "key", old) // same size, same number of parts
		client := chaosClient(t, srv, completeWith(func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return nil, errLost
		}))
		d := newDriver(t, client, bucket, smallParts)
		if _, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, &backend.PutOptions{}); !errors.Is(err, errLost) {
			t.Errorf("Put = %v, want %v", err, errLost)
		}
		wantBody(t, safe, "key", old)
		wantObjects(t, srv, bucket, "key")
	})
}

// An abort that fails is part of the error: somebody has to clean up.
func TestAbortFails(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) == kindAbort {
				return answer(req, http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"), nil
			}
			return next.RoundTrip(req)
		})
		d := newTinyParts(t, client, srv.NewBucket(t))
		_, err := d.Put(t.Context(), "key", &source{n: 11 * tinyParts, err: errDisk}, -1, &backend.PutOptions{})
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "left behind") {
			t.Errorf("Put = %v, want the error of the source and of the abort", err)
		}
	})
}
