// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

// cleanupTimeout bounds what a test's cleanup may spend on one bucket. The
// context of the test is done by then, so it cannot serve.
const cleanupTimeout = 2 * time.Minute

// NewBucket makes an empty bucket and returns its name. When the test ends the
// bucket is removed with all that is in it: objects and unfinished uploads.
func (s *Server) NewBucket(t testing.TB) string {
	t.Helper()
	client := s.Client(t)
	bucket := "s3seal-" + randomHex(8)
	err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{Region: s.Region})
	if err != nil {
		t.Fatalf("s3test: make bucket on %s: %v", s.Name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := removeBucket(ctx, minio.Core{Client: client}, bucket); err != nil {
			t.Errorf("s3test: remove bucket on %s: %v", s.Name, err)
		}
	})
	return bucket
}

// Objects returns the keys in bucket, in the order of the server. MinIO leaves
// out those that have another key as a folder.
func (s *Server) Objects(t testing.TB, bucket string) []string {
	t.Helper()
	var keys []string
	for object := range s.Client(t).ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			t.Fatalf("s3test: list objects on %s: %v", s.Name, object.Err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}

// IncompleteUploads returns the number of multipart uploads in bucket that
// have been neither completed nor aborted. An external MinIO may forget those
// from before its last start. What MinIO lists though it is over, which happens
// when the client had hung up, does not count.
func (s *Server) IncompleteUploads(t testing.TB, bucket string) int {
	t.Helper()
	core := minio.Core{Client: s.Client(t)}
	uploads, err := listUploads(t.Context(), core, bucket)
	if err != nil {
		t.Fatalf("s3test: list uploads on %s: %v", s.Name, err)
	}
	n := 0
	for _, u := range uploads {
		_, err := core.ListObjectParts(t.Context(), bucket, u.Key, u.UploadID, 0, 1)
		if minio.ToErrorResponse(err).Code != minio.NoSuchUpload {
			n++
		}
	}
	return n
}

// listUploads asks without a prefix, because MinIO takes a prefix for a key.
func listUploads(ctx context.Context, core minio.Core, bucket string) ([]minio.ObjectMultipartInfo, error) {
	var uploads []minio.ObjectMultipartInfo
	keyMarker, idMarker := "", ""
	for {
		page, err := core.ListMultipartUploads(ctx, bucket, "", keyMarker, idMarker, "", 1000)
		if err != nil {
			return nil, err
		}
		uploads = append(uploads, page.Uploads...)
		if !page.IsTruncated || len(page.Uploads) == 0 {
			return uploads, nil
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

func removeBucket(ctx context.Context, core minio.Core, bucket string) error {
	uploads, err := listUploads(ctx, core, bucket)
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	for _, u := range uploads {
		err := core.AbortMultipartUpload(ctx, bucket, u.Key, u.UploadID)
		if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchUpload {
			return fmt.Errorf("abort upload of %q: %w", u.Key, err)
		}
	}
	for {
		n, err := removeObjects(ctx, core, bucket)
		if err != nil {
			return err
		}
		if n == 0 {
			return core.RemoveBucket(ctx, bucket)
		}
	}
}

// removeObjects removes what the server lists and returns how many that were.
// MinIO lists what lies below an object only when that is gone.
func removeObjects(ctx context.Context, core minio.Core, bucket string) (n int, err error) {
	var plain []minio.ObjectInfo
	for object := range core.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return n, fmt.Errorf("list objects: %w", object.Err)
		}
		n++
		if isPlain(object.Key) {
			plain = append(plain, object)
		} else if err := core.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{}); err != nil {
			return n, fmt.Errorf("remove %q: %w", object.Key, err)
		}
	}
	failed, err := core.RemoveObjectsWithIter(ctx, bucket, slices.Values(plain), minio.RemoveObjectsOptions{})
	if err != nil {
		return n, fmt.Errorf("remove objects: %w", err)
	}
	for result := range failed {
		if result.Err != nil {
			return n, fmt.Errorf("remove %q: %w", result.ObjectName, result.Err)
		}
	}
	return n, nil
}

// isPlain says that a key can be named in a request for many, which is XML, by
// every server. There are tests with thousands of those.
func isPlain(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
