// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
)

const startAnswer = "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"

// A heldPart is a storage that refuses the second part, keeps the answer to the
// first for a while, and notes whether an abort comes before that.
type heldPart struct {
	arrived, refused, aborted chan struct{}
	ended, early              atomic.Bool
}

func (h *heldPart) roundTrip(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
	const refusal = "<Error><Code>AccessDenied</Code></Error>"
	switch kind(req) {
	case kindStart:
		return answer(req, http.StatusOK, startAnswer), nil
	case kindAbort:
		h.early.Store(!h.ended.Load())
		close(h.aborted)
		return answer(req, http.StatusNoContent, ""), nil
	}
	_, _ = io.Copy(io.Discard, req.Body)
	if req.URL.Query().Get("partNumber") != "1" {
		<-h.arrived // one that has not begun does not count
		close(h.refused)
		return answer(req, http.StatusForbidden, refusal), nil
	}
	close(h.arrived)
	<-h.refused
	select {
	case <-h.aborted:
	case <-time.After(500 * time.Millisecond):
	}
	h.ended.Store(true)
	resp := answer(req, http.StatusOK, "")
	resp.Header.Set("ETag", `"etag"`)
	return resp, nil
}

// TestAbortWaitsForParts: an upload is aborted when its last part has ended. One
// that arrives after that may stay for ever.
func TestAbortWaitsForParts(t *testing.T) {
	h := &heldPart{arrived: make(chan struct{}), refused: make(chan struct{}), aborted: make(chan struct{})}
	d := newDriver(t, offlineClient(t, chaosTransport{h.roundTrip, nil}), "bucket", &s3.Options{Concurrency: 2}) // one that waits for the two
	d.SetPartSize(tinyParts)
	_, err := d.Put(t.Context(), "key", &source{n: 9 * tinyParts}, -1, &backend.PutOptions{})
	if err == nil || !strings.Contains(err.Error(), "part 2") {
		t.Errorf("Put = %v, want the error of part 2", err)
	}
	select {
	case <-h.aborted:
	default:
		t.Fatal("not aborted")
	}
	if h.early.Load() {
		t.Error("aborted while a part was on its way")
	}
}
