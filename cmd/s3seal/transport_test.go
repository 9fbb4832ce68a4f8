// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTransport: a minute is not enough for a large object, and no end at all
// would be too much.
func TestTransport(t *testing.T) {
	for _, secure := range []bool{false, true} {
		transport, err := newTransport(secure, envOf(nil), address{})
		if err != nil {
			t.Fatal(err)
		}
		if got := transport.ResponseHeaderTimeout; got < 10*time.Minute || got > time.Hour {
			t.Errorf("secure %v: a server has %v to begin its answer", secure, got)
		}
		if (transport.TLSClientConfig != nil) != secure {
			t.Errorf("secure %v: TLS is set up: %v", secure, transport.TLSClientConfig != nil)
		}
		if !transport.DisableCompression || transport.Proxy == nil {
			t.Error("not the transport of the client")
		}
	}
}

// TestCABundle: AWS_CA_BUNDLE, or else the profile, names who is trusted.
func TestCABundle(t *testing.T) {
	noCredentials(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	bundle := writeFile(t, dir, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	config := writeFile(t, dir, "config", []byte("[default]\nca_bundle = "+bundle+"\n"))
	wantFinding(t, doctor(t, exitFailure, "--endpoint", server.URL), "endpoint", checkFail, "AWS_CA_BUNDLE")
	t.Setenv("AWS_CONFIG_FILE", config)
	wantFinding(t, doctor(t, exitOK, "--endpoint", server.URL), "endpoint", checkOK, "answers")
	t.Setenv("MC_HOST_here", strings.Replace(server.URL, "://", "://a:b@", 1))
	wantFinding(t, doctor(t, exitFailure, "mc:here/bucket"), "endpoint", checkFail, "AWS_CA_BUNDLE")
	cli(t, nil, "stat", "mc:here/bucket/x").want(t, exitFailure, "AWS_CA_BUNDLE")
	t.Setenv("AWS_CONFIG_FILE", "")
	t.Setenv("AWS_CA_BUNDLE", bundle)
	wantFinding(t, doctor(t, exitOK, "--endpoint", server.URL), "endpoint", checkOK, "answers")

	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	key := strings.TrimPrefix(newKeySet(t).aes, "aes:")
	for path, c := range map[string]struct {
		code int
		want string
	}{
		key:                          {exitUsage, "AWS_CA_BUNDLE: " + key + ": want a certificate in PEM"},
		filepath.Join(dir, "nobody"): {exitFailure, "AWS_CA_BUNDLE: open "},
	} {
		t.Setenv("AWS_CA_BUNDLE", path)
		cli(t, nil, "stat", "--endpoint", server.URL, "s3://bucket/x").want(t, c.code, c.want)
		r := cli(t, nil, "put", "-k", "kms:alias/a", "-", "dir:"+dir+"//x").want(t, c.code, c.want)
		if strings.Contains(r.err, "keygen") {
			t.Errorf("put = %q, want nothing of a missing key", r.err)
		}
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	t.Setenv("AWS_ENDPOINT_URL_KMS", server.URL)
	r := cli(t, nil, "put", "-k", "kms:alias/a", "-", "dir:"+dir+"//x").want(t, exitFailure, "KMS")
	if strings.Contains(r.err, "x509") {
		t.Errorf("put with the KMS: %q, want its certificate known", r.err)
	}
}
