// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// mixing makes what versitygw answers when a put comes between the metadata and
// the ETag that it reads: put returns the ETag of the object that it has stored
// meanwhile, n times.
func mixing(n int, put func() string) chaos {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if kind(req) == kindHead && err == nil && n > 0 {
			n--
			resp.Header.Set("ETag", strconv.Quote(put()))
		}
		return resp, err
	}
}

// An answer that is of two objects does not get through: metadata that is made of
// it would come over the body of the other.
func TestStatIsOfOneObject(t *testing.T) {
	srv := s3test.Versitygw(t)
	for n := range 4 {
		bucket, last := srv.NewBucket(t), 0
		plain := newDriver(t, srv.Client(t), bucket, nil)
		put := func() string {
			last++
			info, err := putNumber(plain, "key", last, 1000*last)
			if err != nil {
				t.Fatalf("Put = %v", err)
			}
			return info.ETag
		}
		etag := put()
		d := newDriver(t, chaosClient(t, srv, mixing(n, func() string { etag = put(); return etag })), bucket, nil)
		info, err := d.Stat(t.Context(), "key")
		if err != nil {
			t.Fatalf("Stat between %d puts = %v", n, err)
		}
		want := map[string]string{"number": strconv.Itoa(n + 1)}
		if !maps.Equal(info.Metadata, want) || info.ETag != etag || info.Size != int64(1000*(n+1)) {
			t.Errorf("Stat between %d puts = %v, %d bytes, ETag %s; want %v, %d bytes, ETag %s",
				n, info.Metadata, info.Size, info.ETag, want, 1000*(n+1), etag)
		}
	}
}

// An object that is never the same twice is an error, and no endless loop.
func TestStatOfWhatNeverRests(t *testing.T) {
	srv := s3test.Versitygw(t)
	var rec recorder
	asked := 0
	never := mixing(1_000, func() string { asked++; return strconv.Itoa(asked) })
	d := newDriver(t, chaosClient(t, srv, rec.wrap(never)), srv.NewBucket(t), nil)
	mustPut(t, d, "key", pattern(100))
	for what, f := range map[string]func() error{
		"Stat": func() error { _, err := d.Stat(t.Context(), "key"); return err },
		"ReplaceMetadata": func() error {
			_, err := d.ReplaceMetadata(t.Context(), "key", map[string]string{"lost": "1"}, "etag")
			return err
		},
	} {
		rec.reqs = nil
		if err := f(); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("%s = %v, want ErrChanged", what, err)
		}
		if n := len(rec.reqs); n != s3.MaxHeads+1 || len(rec.of(kindHead)) != n {
			t.Errorf("%s: requests %v, want %d, all heads", what, rec.kinds(), s3.MaxHeads+1)
		}
	}
}

// Only versitygw is asked twice; and when the object is gone by then, it is gone.
func TestStatRequests(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var rec recorder
		bucket := srv.NewBucket(t)
		plain := newDriver(t, srv.Client(t), bucket, nil)
		d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), bucket, nil)
		mustPut(t, plain, "key", pattern(100))
		if _, err := d.Stat(t.Context(), "key"); err != nil {
			t.Fatalf("Stat = %v", err)
		}
		want := map[string]int{"minio": 1, "versitygw": 2}[srv.Name]
		if n := len(rec.of(kindHead)); n != want || len(rec.reqs) != n {
			t.Errorf("requests %v, want %d heads", rec.kinds(), want)
		}
		gone := newDriver(t, chaosClient(t, srv, after(kindHead, func() {
			if err := plain.Delete(t.Context(), "key"); err != nil {
				t.Errorf("Delete = %v", err)
			}
		})), bucket, nil)
		if _, err := gone.Stat(t.Context(), "key"); srv.Name == "versitygw" && !errors.Is(err, backend.ErrNotExist) {
			t.Errorf("Stat of what is deleted meanwhile = %v, want ErrNotExist", err)
		}
	})
}
