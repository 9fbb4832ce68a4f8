// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// TestNothingIsReadLate: a transport may read a body when its request has long
// failed, and when the buffer holds other data. It gets nothing then.
func TestNothingIsReadLate(t *testing.T) {
	for _, read := range []int64{0, 10, 1000} {
		var late []io.Reader
		d := offlineDriver(t, chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			_, err := io.CopyN(io.Discard, req.Body, read)
			late = append(late, req.Body)
			return nil, errors.Join(err, errLost)
		}, nil})
		_, putErr := d.Put(t.Context(), "key", &source{n: 2000}, -1, &backend.PutOptions{})
		_, partErr := d.PutPart(t.Context(), "key", "id", 1, pattern(2000))
		if !errors.Is(putErr, errLost) || !errors.Is(partErr, errLost) || len(late) != 2 {
			t.Fatalf("Put = %v, PutPart = %v after %d requests, want %v", putErr, partErr, len(late), errLost)
		}
		for i, body := range late {
			if n, err := body.Read(make([]byte, 100)); n > 0 || err == nil || err == io.EOF {
				t.Errorf("request %d, of which %d bytes had been read: then %d, %v, want an error", i, read, n, err)
			}
		}
	}
}
