// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// reads counts the bytes that are asked for at once.
type reads struct {
	source
	large, small int
}

func (r *reads) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	if len(p) >= mib {
		r.large += n
	} else {
		r.small += n
	}
	return n, err
}

// TestReadsAreLarge: a body is asked for so much at once that a stream encrypts it
// on all cores, which begins at 1 MiB.
func TestReadsAreLarge(t *testing.T) {
	offline := chaosTransport{func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errLost }, nil}
	for _, size := range []int64{-1, 16 * mib} {
		var rec recorder
		offline.chaos = rec.wrap(func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			if kind(req) == kindStart {
				return answer(req, http.StatusOK, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"), nil
			}
			resp := answer(req, http.StatusOK, "")
			resp.Header.Set("ETag", `"etag"`)
			return resp, nil
		})
		client, err := minio.New("s3.test:80", &minio.Options{Region: "us-east-1", MaxRetries: 1, Transport: offline})
		if err != nil {
			t.Fatal(err)
		}
		body := &reads{source: source{n: 16 * mib}}
		d := newDriver(t, client, "bucket", smallParts)
		if _, err := d.Put(t.Context(), "key", body, size, &backend.PutOptions{}); err == nil || errors.Is(err, backend.ErrSize) {
			t.Errorf("Put = %v, want that it cannot be completed", err)
		}
		// The first buffer of a body of unknown size grows, and one byte is read ahead.
		if body.large < 14*mib {
			t.Errorf("size %d: %d bytes by reads of 1 MiB and more, %d by smaller ones", size, body.large, body.small)
		}
	}
}
