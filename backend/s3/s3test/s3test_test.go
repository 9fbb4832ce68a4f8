// SPDX-License-Identifier: Apache-2.0

package s3test_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

func TestMain(m *testing.M) { s3test.Main(m) }

func TestObjectsSeesWhatIsThere(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		if got := srv.Objects(t, bucket); len(got) != 0 {
			t.Fatalf("Objects of a new bucket = %q, want none", got)
		}
		for _, key := range []string{"a", "b/c"} {
			_, err := srv.Client(t).PutObject(t.Context(), bucket, key, bytes.NewReader([]byte("x")), 1, minio.PutObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
		}
		if got, want := srv.Objects(t, bucket), []string{"a", "b/c"}; !slices.Equal(got, want) {
			t.Errorf("Objects = %q, want %q", got, want)
		}
	})
}

// A leftover that the servers did not list would make every test of leftovers
// pass.
func TestIncompleteUploadsSeesThem(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		core := minio.Core{Client: srv.Client(t)}
		id, err := core.NewMultipartUpload(t.Context(), bucket, "dir/key", minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := srv.IncompleteUploads(t, bucket); got != 1 {
			t.Errorf("IncompleteUploads after a start = %d, want 1", got)
		}
		if err := core.AbortMultipartUpload(t.Context(), bucket, "dir/key", id); err != nil {
			t.Fatal(err)
		}
		if got := srv.IncompleteUploads(t, bucket); got != 0 {
			t.Errorf("IncompleteUploads after the abort = %d, want 0", got)
		}
	})
}

func TestBucketsAreRemovedWithAllThatIsInThem(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var bucket string
		t.Run("use", func(t *testing.T) {
			bucket = srv.NewBucket(t)
			core := minio.Core{Client: srv.Client(t)}
			_, err := core.PutObject(t.Context(), bucket, "key", bytes.NewReader([]byte("x")), 1, "", "", minio.PutObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := core.NewMultipartUpload(t.Context(), bucket, "other", minio.PutObjectOptions{}); err != nil {
				t.Fatal(err)
			}
		})
		if there, err := srv.Client(t).BucketExists(t.Context(), bucket); err != nil || there {
			t.Errorf("BucketExists after the test = %v, %v, want false", there, err)
		}
	})
}

func TestCredentialsAreChecked(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		other := *srv
		other.SecretKey = "wrong" + srv.SecretKey
		if _, err := other.Client(t).ListBuckets(t.Context()); err == nil {
			t.Error("ListBuckets with a wrong secret = nil, want an error")
		}
	})
}
