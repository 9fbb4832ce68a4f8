// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestListedButOver: an upload that the storage lists, and does not know when it is
// asked for it, is not listed. One that it will not tell about is.
func TestListedButOver(t *testing.T) {
	const list = "<ListMultipartUploadsResult>" +
		"<Upload><Key>key</Key><UploadId>begun</UploadId></Upload>" +
		"<Upload><Key>key</Key><UploadId>over</UploadId></Upload>" +
		"<Upload><Key>key</Key><UploadId>secret</UploadId></Upload></ListMultipartUploadsResult>"
	d := offlineDriver(t, chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		switch {
		case kind(req) == kindUploads:
			return answer(req, http.StatusOK, list), nil
		case req.URL.Query().Get("uploadId") == "over":
			return answer(req, http.StatusNotFound, "<Error><Code>NoSuchUpload</Code></Error>"), nil
		case req.URL.Query().Get("uploadId") == "secret":
			return answer(req, http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"), nil
		}
		return answer(req, http.StatusOK, "<ListPartsResult></ListPartsResult>"), nil
	}, nil})
	for _, prefix := range []string{"", "k", "key"} {
		uploads, err := d.ListUploads(t.Context(), prefix)
		if err != nil {
			t.Fatalf("ListUploads(%q) = %v", prefix, err)
		}
		var ids []string
		for _, u := range uploads {
			ids = append(ids, u.ID)
		}
		if slices.Sort(ids); !slices.Equal(ids, []string{"begun", "secret"}) {
			t.Errorf("ListUploads(%q) = %q, want those that are not over", prefix, ids)
		}
	}
}

// TestListUploadsIsCancelled: a list that could not be looked through is an error.
func TestListUploadsIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := offlineDriver(t, chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if kind(req) == kindUploads {
			return answer(req, http.StatusOK, uploadsPage(false, "", "", "a", "b")), nil
		}
		cancel()
		return nil, ctx.Err()
	}, nil})
	if uploads, err := d.ListUploads(ctx, ""); err == nil {
		t.Errorf("ListUploads = %v, nil, want an error", uploads)
	}
}

// TestCutCompletes completes uploads and hangs up at some moment. MinIO goes on to
// list about one in forty of them when it is over, and an abort does not change it:
// CompleteMultipartUpload of its erasure-server-pool.go forgets only what succeeds.
func TestCutCompletes(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d, core := newDriver(t, srv.Client(t), bucket, nil), minio.Core{Client: srv.Client(t)}
		opts := &backend.PutOptions{}
		for range 150 {
			id, err := d.StartUpload(t.Context(), "key", opts)
			if err != nil {
				t.Fatal(err)
			}
			part, err := d.PutPart(t.Context(), "key", id, 1, []byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			parts := []minio.CompletePart{{PartNumber: 1, ETag: part.ETag, ChecksumCRC32C: part.Checksum}}
			ctx, cancel := context.WithTimeout(t.Context(), rand.N(3*time.Millisecond))
			_, _ = core.CompleteMultipartUpload(ctx, bucket, "key", id, parts, minio.PutObjectOptions{})
			cancel()
		}
		stale := &backend.StaleOptions{AllUploads: true, Abort: true}
		if _, err := backend.NewBucket(d, nil, nil, nil).AbortStale(t.Context(), "key", -time.Hour, stale); err != nil {
			t.Fatal(err)
		}
		if list, err := d.ListUploads(t.Context(), "key"); err != nil || len(list) > 0 {
			t.Errorf("ListUploads = %v, %v, want none", list, err)
		}
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%d uploads left", n)
		}
	})
}
