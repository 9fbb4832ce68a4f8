// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// slowComplete is a storage that loses the first request to complete an upload,
// and answers the second that it is complete. It is when somebody has asked for
// the object so many times, if ever.
func slowComplete(t *testing.T, srv *s3test.Server, bucket string, after int64) *minio.Client {
	core := minio.Core{Client: srv.Client(t)}
	var completes, stats atomic.Int64
	var id atomic.Value
	list := func(r *http.Request) (parts []minio.CompletePart, etag string) {
		page, err := core.ListObjectParts(r.Context(), bucket, "key", id.Load().(string), 0, 1000)
		if err != nil {
			t.Error(err)
		}
		var etags []string
		for _, p := range page.ObjectParts {
			parts = append(parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32C: p.ChecksumCRC32C})
			etags = append(etags, strings.Trim(p.ETag, `"`))
		}
		etag, _ = s3.MultipartETag(etags...)
		return parts, etag
	}
	p := proxy(t, srv, false, func(w http.ResponseWriter, r *http.Request) bool {
		switch kind(r) {
		case kindComplete:
			_, _ = io.Copy(io.Discard, r.Body)
			id.Store(r.URL.Query().Get("uploadId"))
			if completes.Add(1) == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			_, etag := list(r)
			fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>key</Key><ETag>%s</ETag></CompleteMultipartUploadResult>", bucket, etag)
			return true
		case kindHead:
			if id.Load() != nil && stats.Add(1) == after {
				parts, _ := list(r)
				if _, err := core.CompleteMultipartUpload(r.Context(), bucket, "key", id.Load().(string), parts, minio.PutObjectOptions{}); err != nil {
					t.Error(err)
				}
			}
		}
		return false
	})
	return proxyClient(t, srv, p, nil)
}

// TestCompleteSettles: an upload that is said to be complete when it was asked for
// again may not be, yet or ever.
func TestCompleteSettles(t *testing.T) {
	data := pattern(6 * mib)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, slowComplete(t, srv, bucket, 3), bucket, smallParts)
		if _, err := d.Put(t.Context(), "key", &source{n: len(data)}, -1, &backend.PutOptions{}); err != nil {
			t.Fatalf("complete after a while: Put = %v", err)
		}
		wantBody(t, d, "key", data)

		old := []byte("old")
		mustPut(t, d, "key", old)
		d = newDriver(t, slowComplete(t, srv, bucket, 1000), bucket, smallParts)
		d.SetSettleTimeout(100 * time.Millisecond)
		if info, err := d.Put(t.Context(), "key", &source{n: len(data)}, -1, &backend.PutOptions{}); err == nil {
			t.Errorf("never complete: Put = %+v, nil, want an error", info)
		}
		wantBody(t, d, "key", old)
		wantObjects(t, srv, bucket, "key")
	})
}

// TestReplacedWhileSettling: an upload whose completion is asked for twice, since
// the first answer was lost, and that somebody has replaced in between, is not
// waited for.
func TestReplacedWhileSettling(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		other := newDriver(t, srv.Client(t), bucket, smallParts)
		var first []byte // the answer that was lost
		lost := func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) != kindComplete {
				return next.RoundTrip(req)
			}
			if first == nil {
				resp, err := next.RoundTrip(req)
				if err != nil {
					return nil, err
				}
				defer resp.Body.Close()
				first, err = io.ReadAll(resp.Body)
				mustPut(t, other, "key", []byte("newer"))
				return answer(req, http.StatusServiceUnavailable, ""), err
			}
			_, err := io.Copy(io.Discard, req.Body)
			httptrace.ContextClientTrace(req.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // as a transport does
			return answer(req, http.StatusOK, string(first)), err
		}
		d := newDriver(t, chaosClient(t, srv, lost), bucket, smallParts)
		d.SetSettleTimeout(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := d.Put(ctx, "key", &source{n: 6 * mib}, -1, &backend.PutOptions{}); err != nil {
			t.Errorf("Put = %v, want nil: the object was there", err)
		}
		wantBody(t, other, "key", []byte("newer"))
	})
}
