// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestAnsweredTooEarly: something in between that answers "stored" before it
// has been sent all of a body is not believed.
func TestAnsweredTooEarly(t *testing.T) {
	srv := s3test.MinIO(t)
	bucket := srv.NewBucket(t)
	for _, early := range []string{kindPut, kindPart} {
		client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) != early {
				return next.RoundTrip(req)
			}
			if _, err := io.CopyN(io.Discard, req.Body, 1000); err != nil {
				return nil, err
			}
			resp := answer(req, http.StatusOK, "")
			resp.Header.Set("ETag", `"0123456789abcdef0123456789abcdef"`)
			return resp, nil
		})
		size := 2 * mib
		if early == kindPart {
			size = 11 * mib
		}
		d := newDriver(t, client, bucket, smallParts)
		_, err := d.Put(t.Context(), "k", bytes.NewReader(pattern(size)), -1, &backend.PutOptions{})
		if err == nil {
			t.Errorf("%s: Put = nil after 1000 bytes were taken", early)
		}
		wantObjects(t, srv, bucket)
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%s: %d uploads left", early, n)
		}
	}
}
