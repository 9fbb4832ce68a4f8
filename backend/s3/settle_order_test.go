// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// offlineServer is for clients that ask more than once.
var offlineServer = &s3test.Server{Name: "none", Endpoint: "s3.test:80", AccessKey: "access", SecretKey: "secret", Region: "us-east-1"}

// A forgetfulStorage does not answer the first request to complete an upload. When
// it has answered the second, the upload is gone, and the object is there when it
// has been asked for so many times, if ever.
type forgetfulStorage struct {
	visible          int
	asked            func() int // called when the object is asked for; returns the status
	completes, heads int
	looks            int // how often it was asked for the upload since
}

func (s *forgetfulStorage) roundTrip(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
	switch kind(req) {
	case kindParts:
		if s.completes == 0 {
			return answer(req, http.StatusOK, "<ListPartsResult></ListPartsResult>"), nil
		}
		s.looks++
		return answer(req, http.StatusNotFound, "<Error><Code>NoSuchUpload</Code></Error>"), nil
	case kindComplete:
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
		httptrace.ContextClientTrace(req.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // as a transport does
		if s.completes++; s.completes == 1 {
			return answer(req, http.StatusServiceUnavailable, slowDown), nil
		}
		return answer(req, http.StatusOK, "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key><ETag>new-1</ETag></CompleteMultipartUploadResult>"), nil
	}
	s.heads++
	status := http.StatusOK
	if s.asked != nil {
		status = s.asked()
	}
	resp := answer(req, status, "")
	resp.ContentLength = 5
	resp.Header.Set("Content-Length", "5")
	resp.Header.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	resp.Header.Set("ETag", `"old"`)
	if s.visible > 0 && s.heads >= s.visible {
		resp.Header.Set("ETag", `"new-1"`)
	}
	return resp, nil
}

// TestSettleLooksTwice: that an upload is gone, and the object another, is believed
// when it has been seen twice: a storage may forget the upload before it shows the
// object.
func TestSettleLooksTwice(t *testing.T) {
	for _, c := range []struct{ visible, heads, looks int }{
		{1, 1, 0}, // at once
		{2, 2, 1}, // not yet when the upload is gone
		{0, 2, 2}, // never: another has replaced it
	} {
		s := &forgetfulStorage{visible: c.visible}
		d := newDriver(t, offlineServer.ClientVia(t, chaosTransport{s.roundTrip, nil}), "bucket", nil)
		parts := []backend.Part{{Number: 1, Size: 5, ETag: "part"}}
		if _, err := d.CompleteUpload(t.Context(), "key", "id", parts, &backend.PutOptions{}); err != nil {
			t.Errorf("visible at %d: CompleteUpload = %v", c.visible, err)
		}
		if s.completes != 2 || s.heads != c.heads || s.looks != c.looks {
			t.Errorf("visible at %d: %d requests to complete, then asked for the object %d times and for the upload %d; want 2, %d and %d",
				c.visible, s.completes, s.heads, s.looks, c.heads, c.looks)
		}
	}
}

// TestSettleEnds: who must not look at the object believes the storage, and who
// has no time to wait does not.
func TestSettleEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range []struct {
		name  string
		asked func() int
		want  error
	}{
		{"must not look", func() int { return http.StatusForbidden }, nil},
		{"no time", func() int { cancel(); return http.StatusOK }, context.Canceled},
	} {
		s := &forgetfulStorage{asked: c.asked}
		d := newDriver(t, offlineServer.ClientVia(t, chaosTransport{s.roundTrip, nil}), "bucket", nil)
		parts := []backend.Part{{Number: 1, Size: 5, ETag: "part"}}
		if _, err := d.CompleteUpload(ctx, "key", "id", parts, &backend.PutOptions{}); !errors.Is(err, c.want) || s.heads != 1 {
			t.Errorf("%s: CompleteUpload = %v after %d looks, want %v after one", c.name, err, s.heads, c.want)
		}
	}
}
