// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
)

func TestMain(m *testing.M) { s3test.Main(m) }

// TestServers does all jobs on real servers: objects of all old formats get
// another key, are copied to V3, and are replaced by that.
func TestServers(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := must(s3.New(srv.Client(t), srv.NewBucket(t), nil))(t)
		n := long(12, 100)
		fill(t, d, n)
		b, path := source(t, d, envelope.V1, false), journalPath(t)
		rewrap := rewrapOptions(t)
		_, _, rewrap.To.MustNotOpen = oldKeys(t)
		rewrap.Journal = journal(t, path)
		wantJob(t, "rewrap", int64(n), int64(n/4))(bulk.Rewrap(t.Context(), b, list(t, b), rewrap))
		wantContent(t, rotated(t, d), n, same)
		wantJob(t, "rewrap again", 0, int64(n+n/4))(bulk.Rewrap(t.Context(), b, list(t, b), rewrap))

		b = rotated(t, d)
		wantJob(t, "copy", int64(n), int64(n/4))(bulk.Migrate(t.Context(), b, target(t, d), list(t, b), &bulk.MigrateOptions{Map: toNew}))
		wantContent(t, target(t, d), n, toNew)
		wantJob(t, "copy again", int64(n), int64(n/4))(bulk.Migrate(t.Context(), b, target(t, d), list(t, b), &bulk.MigrateOptions{Map: toNew}))

		inPlace := &bulk.MigrateOptions{InPlace: d, ForceUnversioned: true}
		s, err := bulk.Migrate(t.Context(), b, target(t, d), list(t, b), inPlace)
		// An instruction file can be deleted before it is come to.
		if err != nil || s.Done != int64(n) || s.Failed > 0 {
			t.Errorf("in place: %+v, %v", s, err)
		}
		wantContent(t, target(t, d), n, same)
		wantJob(t, "in place again", 0, int64(n))(bulk.Migrate(t.Context(), b, target(t, d), list(t, b), inPlace))
	})
}

// wantJob fails the test unless a job has these figures, and no failures.
func wantJob(t *testing.T, what string, done, skipped int64) func(*bulk.Summary, error) {
	return func(s *bulk.Summary, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		wantSummary(t, s, done, skipped, 0)
	}
}

// TestServerVersions migrates in place where the server keeps what there was.
func TestServerVersions(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := srv.Client(t), srv.NewBucket(t)
		d := must(s3.New(client, bucket, nil))(t)
		b := source(t, d, envelope.V1, false)
		opts := &bulk.MigrateOptions{InPlace: d}
		if _, err := bulk.Migrate(t.Context(), b, target(t, d), list(t, b), opts); err == nil {
			t.Error("Migrate in place without versions = nil")
		}
		if err := client.EnableVersioning(t.Context(), bucket); err != nil {
			t.Skipf("%s keeps no versions as it was started: %v", srv.Name, err)
		}
		t.Cleanup(func() { removeVersions(t, client, bucket) })
		const n = 8
		fill(t, d, n)
		if s, err := bulk.Migrate(t.Context(), b, target(t, d), list(t, b), opts); err != nil || s.Done != n || s.Failed > 0 {
			t.Errorf("Migrate = %+v, %v", s, err)
		}
		wantContent(t, target(t, d), n, same)
		versions := 0
		for o := range client.ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			if !o.IsDeleteMarker {
				versions++
			}
		}
		if files := n / 4; versions != 2*n+files {
			t.Errorf("%d versions, want all that there was: %d", versions, 2*n+files)
		}
	})
}

func removeVersions(t *testing.T, client *minio.Client, bucket string) {
	ctx := context.Background()
	for o := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if err := client.RemoveObject(ctx, bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err != nil {
			t.Errorf("RemoveObject = %v", err)
		}
	}
}
