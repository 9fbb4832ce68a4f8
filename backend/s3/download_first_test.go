// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
)

// TestDownloadConnections reads an object in parts again and again over the same
// connections: none is dropped with the rest of the object on it.
func TestDownloadConnections(t *testing.T) {
	const times = 10
	eachDownload(t, 20*downloadPart, func(t *testing.T, o *storedObject) {
		transport, err := o.srv.Transport()
		if err != nil {
			t.Fatal(err)
		}
		defer transport.CloseIdleConnections()
		var dials atomic.Int64
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		b := o.through(t, o.srv.ClientVia(t, transport), backend.DownloadOptions{PartSize: downloadPart, Concurrency: 2})
		for i := range times {
			o.wantFile(t, fmt.Sprint("download ", i), t.Context(), b, nil)
		}
		if n := dials.Load(); n >= times {
			t.Errorf("%d connections for %d downloads", n, times)
		}
	})
}

// TestDownloadEmpty: an empty object has no first part.
func TestDownloadEmpty(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var all atomic.Int64
		client := chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if kind(req) == kindGet && req.Header.Get("Range") == "" && req.URL.Path[len(req.URL.Path)-1] == 'k' {
				all.Add(1)
			}
			return next.RoundTrip(req)
		})
		o := &storedObject{srv: srv, bucket: srv.NewBucket(t)}
		d := newDriver(t, client, o.bucket, nil)
		mustPut(t, d, "k", nil)
		b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
		o.wantFile(t, "empty", t.Context(), b, nil)
		if n := all.Load(); n != 1 {
			t.Errorf("all of the object was asked for %d times, want once", n)
		}
	})
}
