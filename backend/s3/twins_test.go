// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// What is here is about twins: objects of the same bytes, and so the same ETag, under
// other metadata. Sealed, they differ in the key that opens them.
var twinMetadata = map[string]string{"name": "the twin's"}

// putTwin stores n bytes of the pattern as somebody else would.
func putTwin(t *testing.T, d *s3.Driver, n int) {
	opts := &backend.PutOptions{Metadata: twinMetadata}
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(n)), int64(n), opts); err != nil {
		t.Errorf("Put of the twin = %v", err)
	}
}

// wantTwin fails the test unless the twin is there.
func wantTwin(t *testing.T, d *s3.Driver) {
	t.Helper()
	stat, err := d.Stat(t.Context(), "key")
	if err != nil || !maps.Equal(stat.Metadata, twinMetadata) {
		t.Errorf("Stat = %+v, %v, want the metadata %v", stat, err, twinMetadata)
	}
}

// instead runs f once instead of the first request of a kind, whose answer never
// comes.
func instead(k string, f func()) chaos {
	var once sync.Once
	return func(req *http.Request, next http.RoundTripper) (_ *http.Response, err error) {
		if kind(req) == k {
			once.Do(func() {
				if req.Body != nil {
					_, _ = io.Copy(io.Discard, req.Body)
				}
				f()
				err = errLost
			})
		}
		if err != nil {
			return nil, err
		}
		return next.RoundTrip(req)
	}
}

// TestTwinIsNotOurs: a request that stores an object is lost, and what is there is
// another's with the same bytes. That is no success.
func TestTwinIsNotOurs(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		other := newDriver(t, srv.Client(t), bucket, smallParts)
		for _, n := range []int{1000, 6 * mib} {
			k := kindPut
			if n > 5*mib {
				k = kindComplete
			}
			d := newDriver(t, chaosClient(t, srv, instead(k, func() { putTwin(t, other, n) })), bucket, smallParts)
			opts := &backend.PutOptions{Metadata: map[string]string{"name": "ours"}, IfNoneMatch: true}
			if info, err := d.Put(t.Context(), "key", &source{n: n}, -1, opts); !errors.Is(err, backend.ErrExist) {
				t.Errorf("%d bytes: Put = %+v, %v, want ErrExist", n, info, err)
			}
			wantTwin(t, other)
			mustDelete(t, other, "key")
		}
		never := func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) != kindComplete {
				return next.RoundTrip(req)
			}
			putTwin(t, other, 6*mib)
			return nil, errLost
		}
		opts := &backend.PutOptions{Metadata: map[string]string{"name": "ours"}}
		d := newDriver(t, chaosClient(t, srv, never), bucket, smallParts)
		if info, err := d.Put(t.Context(), "key", &source{n: 6 * mib}, -1, opts); !errors.Is(err, errLost) {
			t.Errorf("without a condition: Put = %+v, %v, want %v", info, err, errLost)
		}
		wantTwin(t, other)
		mustDelete(t, other, "key")
		wantObjects(t, srv, bucket)
	})
}

// TestTwinAfterReplacement: metadata have been replaced, and replaced once more
// before anybody has looked.
func TestTwinAfterReplacement(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		other := newDriver(t, srv.Client(t), bucket, smallParts)
		info := mustPut(t, other, "key", pattern(6*mib))
		var copied, twin string // ETags
		d := newDriver(t, chaosClient(t, srv, after(kindComplete, func() {
			copied = etagOf(t, other)
			putTwin(t, other, 6*mib)
			twin = etagOf(t, other)
		})), bucket, nil)
		d.SetCopy(-1, 5*mib)
		got, err := d.ReplaceMetadata(t.Context(), "key", map[string]string{"name": "ours"}, info.ETag)
		if copied != twin || copied == "" {
			t.Fatalf("ETags: %q and %q are no twins", copied, twin)
		}
		if !errors.Is(err, backend.ErrChanged) {
			t.Errorf("ReplaceMetadata = %+v, %v, want ErrChanged", got, err)
		}
		wantTwin(t, other)
		wantObjects(t, srv, bucket, "key")
	})
}

func etagOf(t *testing.T, d *s3.Driver) string {
	info, err := d.Stat(t.Context(), "key")
	if err != nil {
		t.Error(err)
		return ""
	}
	return info.ETag
}
