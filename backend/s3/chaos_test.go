// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// chaos stands between a client and a real server, and does to requests and
// answers what networks and storages do.
type chaos func(req *http.Request, next http.RoundTripper) (*http.Response, error)

// chaosClient returns a client whose requests go through c.
func chaosClient(t *testing.T, srv *s3test.Server, c chaos) *minio.Client {
	t.Helper()
	next, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.CloseIdleConnections)
	return srv.ClientVia(t, chaosTransport{c, next})
}

type chaosTransport struct {
	chaos
	next http.RoundTripper
}

func (c chaosTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return c.chaos(req, c.next)
}

// The kinds of requests that a driver makes.
const (
	kindPut      = "put"
	kindStart    = "start upload"
	kindPart     = "put part"
	kindComplete = "complete upload"
	kindAbort    = "abort upload"
	kindParts    = "list parts"
	kindUploads  = "list uploads"
	kindGet      = "get"
	kindHead     = "head"
	kindDelete   = "delete"
)

func kind(req *http.Request) string {
	q := req.URL.Query()
	switch {
	case q.Has("uploads") && req.Method == http.MethodGet:
		return kindUploads
	case q.Has("uploads"):
		return kindStart
	case q.Has("partNumber"):
		return kindPart
	case q.Has("uploadId") && req.Method == http.MethodPost:
		return kindComplete
	case q.Has("uploadId") && req.Method == http.MethodGet:
		return kindParts
	case q.Has("uploadId"):
		return kindAbort
	}
	return strings.ToLower(req.Method)
}

// answer makes an answer that the server did not give.
func answer(req *http.Request, status int, body string) *http.Response {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

const slowDown = `<Error><Code>SlowDown</Code><Message>reduce your rate</Message></Error>`

var errLost = errors.New("connection lost")

// lose sends the request and throws its answer away.
func lose(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return nil, errLost
}

// A recorder notes all requests with their bodies.
type recorder struct {
	mu   sync.Mutex
	reqs []recorded
}

type recorded struct {
	kind   string
	query  string
	header http.Header
	body   []byte
}

// wrap records what passes and hands it to c, or to the server if c is nil.
func (r *recorder) wrap(c chaos) chaos {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		var body []byte
		if req.Body != nil {
			var err error
			if body, err = io.ReadAll(req.Body); err != nil {
				return nil, err
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
		}
		r.mu.Lock()
		r.reqs = append(r.reqs, recorded{kind(req), req.URL.RawQuery, req.Header.Clone(), body})
		r.mu.Unlock()
		if c == nil {
			return next.RoundTrip(req)
		}
		return c(req, next)
	}
}

func (r *recorder) of(kind string) []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	var of []recorded
	for _, req := range r.reqs {
		if req.kind == kind {
			of = append(of, req)
		}
	}
	return of
}

// cuttingClient returns a client whose connections are reset: connection i,
// counted from 0, when limit(i) bytes have passed, or never if that is
// negative.
func cuttingClient(t *testing.T, srv *s3test.Server, limit func(i int) int64) *minio.Client {
	t.Helper()
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	var count atomic.Int64
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &cuttingConn{Conn: conn}
		c.left.Store(limit(int(count.Add(1) - 1)))
		if c.left.Load() < 0 {
			return conn, nil
		}
		return c, nil
	}
	return srv.ClientVia(t, transport)
}

type cuttingConn struct {
	net.Conn
	left atomic.Int64
}

// pass counts n bytes and resets the connection when they are too many.
func (c *cuttingConn) pass(n int) {
	if c.left.Add(-int64(n)) < 0 {
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

func (c *cuttingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.pass(n)
	return n, err
}

func (c *cuttingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:max(0, min(int64(len(p)), c.left.Load()+1))])
	if c.pass(n); err == nil && n < len(p) {
		err = net.ErrClosed
	}
	return n, err
}

// proxy starts a server before srv, with TLS if secure. It hands on what
// early does not answer itself.
func proxy(t *testing.T, srv *s3test.Server, secure bool, early func(w http.ResponseWriter, r *http.Request) bool) *httptest.Server {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: srv.Endpoint}
	forward := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // clients that go away are part of the tests
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // which the signature covers
		},
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if early == nil || !early(w, r) {
			forward.ServeHTTP(w, r)
		}
	})
	start := httptest.NewServer
	if secure {
		start = httptest.NewTLSServer
	}
	p := start(handler)
	t.Cleanup(p.Close)
	return p
}

// proxyClient returns a client of the server behind p.
func proxyClient(t *testing.T, srv *s3test.Server, p *httptest.Server, opts *minio.Options) *minio.Client {
	t.Helper()
	if opts == nil {
		opts = srv.Options()
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	opts.Transport, opts.Secure = p.Client().Transport, u.Scheme == "https"
	client, err := minio.New(u.Host, opts)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
