// SPDX-License-Identifier: Apache-2.0

// Package s3test gives tests real S3 servers on loopback: versitygw, built
// from source into the user's cache on first use, and MinIO, if it is there.
//
// There are two because each hides a fault of a client that the other shows.
// No S3 is imitated here: what a fake would get wrong is what the tests are for.
//
// A test binary that uses this package hands its TestMain to [Main]. A server
// is started when the first test asks for it, serves all tests of that binary,
// and is ended with it. Tests keep apart by their buckets, see
// [Server.NewBucket].
//
// Under -short the tests are skipped. Where a server, or a client that [Program]
// builds, cannot be had they are skipped with the reason, or fail if
// S3SEAL_REQUIRE_MINIO is 1, which a CI sets so that no test goes missing
// unseen.
//
// MinIO is the one at S3SEAL_TEST_MINIO_ENDPOINT (host:port), with the
// credentials S3SEAL_TEST_MINIO_ACCESS_KEY and S3SEAL_TEST_MINIO_SECRET_KEY;
// without an endpoint a program named minio in PATH is started.
//
// The servers listen on 127.0.0.1, with credentials made for the run, and are
// for tests only.
//
// # What was rejected
//
// Fakes, which accept what real servers refuse. versitygw in the process of the
// test: it changes the working directory, and would bring all that it needs into
// this module; it is built from a module of its own. Containers: they need a
// daemon, and rights that a test should not have.
package s3test

import (
	"crypto/x509"
	"net/http"
	"os"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// requireVar names the environment variable that forbids skipping.
const requireVar = "S3SEAL_REQUIRE_MINIO"

// A Server is a running S3 server.
//
// It is safe for concurrent use.
type Server struct {
	Name      string // "versitygw" or "minio"
	Endpoint  string // host:port, plain HTTP but for StartMinIO
	AccessKey string // the one user that there is
	SecretKey string // made for the run, or that of the environment
	Region    string // that signatures must name

	roots *x509.CertPool // of a server that speaks TLS; else nil
}

// Main runs the tests of a binary, ends the servers that they have started and
// exits. It is the only statement of a TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a TestMain that has more to do: it returns the exit code.
func Run(m *testing.M) int {
	servers.allow()
	defer servers.stop()
	return m.Run()
}

// Each runs f once for every server, as subtests named after them.
func Each(t *testing.T, f func(t *testing.T, srv *Server)) {
	t.Helper()
	t.Run("versitygw", func(t *testing.T) { f(t, Versitygw(t)) })
	t.Run("minio", func(t *testing.T) { f(t, MinIO(t)) })
}

// Versitygw returns the versitygw server of this test binary. The first use on
// a machine builds it, which takes about a minute; the test is skipped or
// fails, as the package comment says, where that is not possible.
func Versitygw(t testing.TB) *Server {
	t.Helper()
	return servers.get(t, "versitygw")
}

// MinIO returns the MinIO server of this test binary. The test is skipped or
// fails, as the package comment says, if there is none.
func MinIO(t testing.TB) *Server {
	t.Helper()
	return servers.get(t, "minio")
}

// URL returns the endpoint as a URL.
func (s *Server) URL() string {
	if s.roots != nil {
		return "https://" + s.Endpoint
	}
	return "http://" + s.Endpoint
}

// Options returns the options of a client of s, for tests that change them.
// They are the caller's.
func (s *Server) Options() *minio.Options {
	return &minio.Options{
		Creds:  credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""),
		Region: s.Region,
		Secure: s.roots != nil,
	}
}

// Transport returns a new transport for clients of s.
func (s *Server) Transport() (*http.Transport, error) {
	transport, err := minio.DefaultTransport(s.roots != nil)
	if err == nil && s.roots != nil {
		transport.TLSClientConfig.RootCAs = s.roots
	}
	return transport, err
}

// Client returns a client of s whose connections are closed when the test ends.
func (s *Server) Client(t testing.TB) *minio.Client {
	t.Helper()
	transport, err := s.Transport()
	if err != nil {
		t.Fatalf("s3test: transport: %v", err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return s.ClientVia(t, transport)
}

// ClientVia returns a client of s that sends its requests through rt.
func (s *Server) ClientVia(t testing.TB, rt http.RoundTripper) *minio.Client {
	t.Helper()
	opts := s.Options()
	opts.Transport = rt
	client, err := minio.New(s.Endpoint, opts)
	if err != nil {
		t.Fatalf("s3test: client of %s: %v", s.Name, err)
	}
	return client
}
