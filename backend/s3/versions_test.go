// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// versionedBucket makes a bucket that keeps versions, and skips the test where
// the server cannot. Its name is that of another bucket, with a suffix.
func versionedBucket(t *testing.T, srv *s3test.Server, locking bool) (*minio.Client, string) {
	t.Helper()
	client, bucket := srv.Client(t), srv.NewBucket(t)+"-v"
	if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{ObjectLocking: locking}); err != nil {
		t.Skipf("%s makes no bucket with locks: %v", srv.Name, err)
	}
	t.Cleanup(func() { removeVersions(t, client, bucket) })
	if err := client.EnableVersioning(t.Context(), bucket); err != nil {
		t.Skipf("%s keeps no versions as it was started: %v", srv.Name, err)
	}
	return client, bucket
}

// removeVersions removes a bucket with all that is in it. It waits for what is
// locked for a moment.
func removeVersions(t *testing.T, client *minio.Client, bucket string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		for o := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			_ = client.PutObjectLegalHold(ctx, bucket, o.Key, minio.PutObjectLegalHoldOptions{VersionID: o.VersionID, Status: new(minio.LegalHoldDisabled)})
			_ = client.RemoveObject(ctx, bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID, GovernanceBypass: true})
		}
		err := client.RemoveBucket(ctx, bucket)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Errorf("RemoveBucket = %v", err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestVersioned(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		want := func(d *s3.Driver, want bool) {
			t.Helper()
			if got, err := d.Versioned(t.Context()); err != nil || got != want {
				t.Errorf("Versioned = %v, %v, want %v", got, err, want)
			}
		}
		want(newDriver(t, srv.Client(t), srv.NewBucket(t), nil), false)
		if _, err := newDriver(t, srv.Client(t), "s3seal-none", nil).Versioned(t.Context()); err == nil || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Versioned of no bucket = %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newDriver(t, srv.Client(t), srv.NewBucket(t), nil).Versioned(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Versioned = %v, want the end of the context", err)
		}
		client, bucket := versionedBucket(t, srv, false)
		d := newDriver(t, client, bucket, nil)
		want(d, true)
		if err := client.SuspendVersioning(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		want(d, false)
	})
}

// What servers say of versioning that is not that of S3.
func TestVersionedAnswers(t *testing.T) {
	for body, want := range map[string]bool{
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>":                                                         true,
		"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>":                           true,
		"<VersioningConfiguration></VersioningConfiguration>":                                                                                 false,
		"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>":                                                       false,
		"<VersioningConfiguration><Status>Enabled</Status><ExcludeFolders>true</ExcludeFolders></VersioningConfiguration>":                    false,
		"<VersioningConfiguration><Status>Enabled</Status><ExcludedPrefixes><Prefix>a*</Prefix></ExcludedPrefixes></VersioningConfiguration>": false,
	} {
		if got, err := answering(t, body).Versioned(t.Context()); err != nil || got != want {
			t.Errorf("%s: Versioned = %v, %v, want %v", body, got, err, want)
		}
	}
}

// All versions are listed, those of a key one after the other and the newest
// first, wherever an answer ends; what was deleted is noncurrent.
func TestListVersions(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := versionedBucket(t, srv, false)
		d := newDriver(t, client, bucket, nil)
		var want []string
		for _, key := range []string{"a", "b/c", "b/d+ü", "deleted", "e"} {
			var of []string
			for n := range 4 {
				info := mustPut(t, d, key, bytes.Repeat([]byte("x"), n+1))
				of = append([]string{fmt.Sprintf("%s %d %s %v", key, n+1, info.VersionID, n < 3 || key == "deleted")}, of...)
			}
			want = append(want, of...)
		}
		mustDelete(t, d, "deleted")
		for _, page := range []int{0, 2, 3, 7} {
			d.SetListKeys(page)
			if got := listVersions(t, d, ""); !slices.Equal(got, want) {
				t.Errorf("versions, %d in an answer:\n got %q\nwant %q", page, got, want)
			}
			if got := listVersions(t, d, "b/"); !slices.Equal(got, want[4:12]) {
				t.Errorf("versions below b/, %d in an answer:\n got %q\nwant %q", page, got, want[4:12])
			}
		}
		if got, want := listKeys(t, d, backend.ListOptions{}), []string{"a", "b/c", "b/d+ü", "e"}; !slices.Equal(got, want) {
			t.Errorf("List = %q, want %q", got, want)
		}
	})
}

func listVersions(t *testing.T, d *s3.Driver, prefix string) (list []string) {
	t.Helper()
	infos, err := listAll(t.Context(), d, backend.ListOptions{Prefix: prefix, Versions: true})
	if err != nil {
		t.Errorf("List of versions = %v", err)
	}
	for _, info := range infos {
		list = append(list, fmt.Sprintf("%s %d %s %v", info.Key, info.Size, info.VersionID, info.Noncurrent))
	}
	return list
}

// A replacement is a new version, and the old one keeps its metadata.
func TestReplaceMetadataOfVersions(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := versionedBucket(t, srv, false)
		d := newDriver(t, client, bucket, nil)
		old, err := putNumber(d, "key", 1, smallNumber)
		if err != nil {
			t.Fatal(err)
		}
		info := wantReplaced(t, d, "key")
		if info.VersionID == "" || info.VersionID == old.VersionID {
			t.Errorf("version %q after %q", info.VersionID, old.VersionID)
		}
		wantBody(t, d, "key", numberBody(1, smallNumber))
		was, err := client.StatObject(t.Context(), bucket, "key", minio.StatObjectOptions{VersionID: old.VersionID})
		if err != nil || was.UserMetadata["Number"] != "1" || len(was.UserMetadata) != 1 {
			t.Errorf("the old version: %v, %v", was.UserMetadata, err)
		}
		mustDelete(t, d, "key") // the version above is not the object any more
		if _, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("ReplaceMetadata below a delete marker = %v, want ErrChanged", err)
		}
		if got := listVersions(t, d, ""); len(got) != 2 {
			t.Errorf("versions %q", got)
		}
	})
}

// The new version is locked as the old one is.
func TestReplaceMetadataOfLocked(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client, bucket := versionedBucket(t, srv, true)
		d := newDriver(t, client, bucket, nil)
		soon := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		for name, opts := range map[string]minio.PutObjectOptions{
			"governance": {Mode: minio.Governance, RetainUntilDate: soon},
			"hold":       {LegalHold: minio.LegalHoldEnabled},
			"both":       {Mode: minio.Governance, RetainUntilDate: soon, LegalHold: minio.LegalHoldEnabled},
			"none":       {},
		} {
			opts.SendContentMd5 = true
			if _, err := client.PutObject(t.Context(), bucket, name, strings.NewReader("body"), 4, opts); err != nil {
				t.Fatalf("PutObject = %v", err)
			}
			before := headers(t, client, bucket, name)
			if stat, err := d.Stat(t.Context(), name); err != nil || stat.Locked != (name != "none") {
				t.Errorf("%s: Stat = %+v, %v", name, stat, err)
			}
			wantReplaced(t, d, name)
			after := headers(t, client, bucket, name)
			for _, h := range []string{"X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Object-Lock-Legal-Hold"} {
				if before.Get(h) != after.Get(h) {
					t.Errorf("%s: %s: %q, after %q", name, h, after.Get(h), before.Get(h))
				}
			}
		}
		wantOver(t, client, bucket, d)
	})
}

// wantOver replaces the metadata of an object whose retention is over.
func wantOver(t *testing.T, client *minio.Client, bucket string, d *s3.Driver) {
	t.Helper()
	var until time.Time
	var err error
	for _, span := range []time.Duration{2 * time.Second, 10 * time.Second} { // what is over when it arrives is refused
		until = time.Now().Add(span).UTC()
		_, err = client.PutObject(t.Context(), bucket, "over", strings.NewReader("body"), 4,
			minio.PutObjectOptions{Mode: minio.Compliance, RetainUntilDate: until, SendContentMd5: true})
		if err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("PutObject = %v", err)
	}
	time.Sleep(time.Until(until) + 10*time.Millisecond)
	if info := wantReplaced(t, d, "over"); info.Locked {
		t.Errorf("locked after its time: %+v", info)
	}
}
