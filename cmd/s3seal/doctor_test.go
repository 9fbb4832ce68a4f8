// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// noCredentials takes away those of whoever runs the tests.
func noCredentials(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "AWS_REGION", "AWS_CA_BUNDLE",
	} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	empty := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", empty)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", empty)
	t.Setenv("HOME", t.TempDir())
}

// useServer makes srv the one that commands find.
func useServer(t *testing.T, srv *s3test.Server) {
	t.Helper()
	noCredentials(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", srv.URL())
	t.Setenv("AWS_REGION", srv.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
}

// doctor runs it and returns the findings by check, of several the last.
func doctor(t *testing.T, code int, args ...string) map[string]finding {
	t.Helper()
	r := cli(t, nil, append([]string{"doctor", "--json"}, args...)...).want(t, code)
	var report struct{ Checks []finding }
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v in %s", err, r.out)
	}
	found := make(map[string]finding)
	for _, f := range report.Checks {
		found[f.Check] = f
	}
	return found
}

// wantFinding fails the test unless the check came to result, with hint in what it says.
func wantFinding(t *testing.T, found map[string]finding, check, result, hint string) {
	t.Helper()
	f := found[check]
	if f.Result != result || !strings.Contains(f.Text+": "+f.Advice, hint) {
		t.Errorf("%s: %+v, want %s with %q", check, f, result, hint)
	}
}

// TestDoctorServer: all is well on a server, and nothing is left there.
func TestDoctorServer(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		useServer(t, srv)
		bucket := srv.NewBucket(t)
		found := doctor(t, exitOK, "--write", "s3://"+bucket+"/some/")
		for _, check := range []string{"credentials", "tls", "clock", "endpoint", "bucket", "list", "read", "put", "get", "conditions", "multipart", "delete"} {
			wantFinding(t, found, check, checkOK, "")
		}
		wantFinding(t, found, "credentials", checkOK, "from AWS_ACCESS_KEY_ID")
		wantNothing(t, srv, bucket)
		wantFinding(t, doctor(t, exitOK, "s3://"+bucket), "write", checkSkip, "--write")
		wantFinding(t, doctor(t, exitOK), "bucket", checkSkip, "no address")
		if r := cli(t, nil, "doctor", "s3://"+bucket).want(t, exitOK); strings.Contains(r.out, srv.SecretKey) || !strings.HasPrefix(r.out, "ok    credentials   ") {
			t.Errorf("doctor printed %q, want lines of checks without the secret", r.out)
		}
	})
}

// TestDoctorRefused: what a server refuses has a name, and an advice.
func TestDoctorRefused(t *testing.T) {
	srv := s3test.MinIO(t)
	useServer(t, srv)
	bucket := "s3://" + srv.NewBucket(t)
	wantFinding(t, doctor(t, exitFailure, "s3://s3seal-is-not-there"), "bucket", checkFail, "check the name")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not that one")
	found := doctor(t, exitFailure, bucket, "--write")
	if f := found["bucket"]; f.Result == checkOK || f.Advice == "" {
		t.Errorf("bucket with the wrong secret: %+v, want an advice", f)
	}
	noCredentials(t)
	found = doctor(t, exitFailure, bucket, "--write")
	wantFinding(t, found, "credentials", checkWarn, "anonymous")
	wantFinding(t, found, "bucket", checkWarn, "s3:ListBucket")
	wantFinding(t, found, "put", checkFail, "policy")
	t.Setenv("MC_HOST_x", strings.Replace(srv.URL(), "://", "://"+srv.AccessKey+":"+srv.SecretKey+"@", 1))
	wantFinding(t, doctor(t, exitOK, "mc:x/"+strings.TrimPrefix(bucket, "s3://")), "credentials", checkOK, "MC_HOST_x")
	wantFinding(t, doctor(t, exitFailure, "mc:y/bucket"), "endpoint", checkFail, "MC_HOST_y")
}

// TestDoctorNetwork: servers that are not there, or not what they should be.
func TestDoctorNetwork(t *testing.T) {
	noCredentials(t)
	late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour-30*time.Second).UTC().Format(http.TimeFormat))
	})
	plain := httptest.NewServer(late)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(late)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	wantFinding(t, doctor(t, exitFailure, "--endpoint", "http://127.0.0.1:1"), "endpoint", checkFail, "nothing listens")
	wantFinding(t, doctor(t, exitFailure, "--endpoint", "http://s3.invalid"), "endpoint", checkFail, "")
	wantFinding(t, doctor(t, exitFailure, "--endpoint", secure.URL), "endpoint", checkFail, "AWS_CA_BUNDLE")
	wantFinding(t, doctor(t, exitFailure, "--endpoint", strings.Replace(plain.URL, "http:", "https:", 1)), "endpoint", checkFail, "http://HOST:PORT")
	wantFinding(t, doctor(t, exitFailure, "--endpoint", strings.Replace(secure.URL, "https:", "http:", 1)), "endpoint", checkFail, "https://127.0.0.1:")
	for _, args := range [][]string{{"stat", "s3://bucket/x"}, {"put", "-k", newKeySet(t).aes, "-", "s3://bucket/x"}} {
		r := cli(t, nil, append(args, "--endpoint", strings.Replace(secure.URL, "https:", "http:", 1))...)
		// Who is still sending may see that the server is gone before its answer.
		gone := args[0] == "put" && (strings.Contains(r.err, "connection reset") || strings.Contains(r.err, "broken pipe"))
		if r.code != exitFailure || !gone && !strings.Contains(r.err, "does it want https://") {
			t.Errorf("%s over http from a server with TLS = %d, %q, want what may be wrong", args[0], r.code, r.err)
		}
	}
	found := doctor(t, exitFailure, "--endpoint", plain.URL)
	wantFinding(t, found, "clock", checkFail, "1h0m") // and 30 s, or what it took more
	wantFinding(t, found, "clock", checkFail, "s ahead of that of the server")
	wantFinding(t, doctor(t, exitFailure, "--endpoint", "ftp://x"), "endpoint", checkFail, "want http or https")
}

// TestDoctorConnection: what the answer of a server says.
func TestDoctorConnection(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
	state := func(d time.Duration) *tls.ConnectionState {
		return &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{{NotAfter: now.Add(d)}}}
	}
	for _, c := range []struct {
		check        func(*checkup)
		result, hint string
	}{
		{func(c *checkup) { c.checkClock(at(0), now) }, checkOK, "as that of the server"},
		{func(c *checkup) { c.checkClock(at(10*time.Second), now) }, checkOK, "behind"},
		{func(c *checkup) { c.checkClock(at(-2*time.Minute), now) }, checkWarn, "ahead"},
		{func(c *checkup) { c.checkClock(at(16*time.Minute), now) }, checkFail, "NTP"},
		{func(c *checkup) { c.checkClock("", now) }, checkSkip, "does not say"},
		{func(c *checkup) { c.checkTLS(endpoint{"127.0.0.1:9000", false}, nil) }, checkOK, "this machine"},
		{func(c *checkup) { c.checkTLS(endpoint{"example.com", false}, nil) }, checkWarn, "https://"},
		{func(c *checkup) { c.checkTLS(endpoint{"example.com", true}, state(90*24*time.Hour)) }, checkOK, "TLS 1.3"},
		{func(c *checkup) { c.checkTLS(endpoint{"example.com", true}, state(time.Hour)) }, checkWarn, "renewed"},
	} {
		all := new(checkup)
		c.check(all)
		f := all.Findings[0]
		if f.Result != c.result || !strings.Contains(f.Text+f.Advice, c.hint) {
			t.Errorf("%+v, want %s with %q", f, c.result, c.hint)
		}
	}
}

func TestDoctorFolder(t *testing.T) {
	root := filepath.Join(t.TempDir(), "v")
	wantFinding(t, doctor(t, exitFailure, "dir:"+root), "folder", checkFail, "check the name")
	found := doctor(t, exitOK, "--write", "dir:"+root)
	for _, check := range []string{"folder", "list", "read", "put", "get", "conditions", "multipart", "delete"} {
		wantFinding(t, found, check, checkOK, "")
	}
	if r := cli(t, nil, "ls", "dir:"+root).want(t, exitOK); r.out != "" {
		t.Errorf("doctor has left %q", r.out)
	}
	cli(t, nil, "doctor", "--write").want(t, exitUsage, "--write")
	cli(t, nil, "doctor", "s3:bucket").want(t, exitUsage, "s3:bucket")
	cli(t, nil, "doctor", "-k", "vault.key").want(t, exitUsage, "aes:FILE")
}

func TestDoctorKeys(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + t.TempDir()
	for key, hint := range map[string]string{ks.aes: "what it seals, it opens", ks.rsa: "what it seals, it opens", ks.rsaPub: "public key"} {
		wantFinding(t, doctor(t, exitOK, "-k", key, at), "key", checkOK, hint)
	}
	wantFinding(t, doctor(t, exitFailure, "-k", "aes:no.key", at), "key", checkFail, "keygen")
	short := writeFile(t, t.TempDir(), "short", []byte("abc"))
	wantFinding(t, doctor(t, exitFailure, "-k", "aes:"+short, at), "key", checkFail, "want a key of")
	if runtime.GOOS != "windows" {
		path := strings.TrimPrefix(ks.aes, "aes:")
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		wantFinding(t, doctor(t, exitOK, "-k", ks.aes, at), "key file", checkWarn, "chmod 600")
	}
	noCredentials(t)
	newKMS(t, "alias/a")
	wantFinding(t, doctor(t, exitOK, "-k", "kms:alias/a", at), "kms", checkOK, "what it seals, it opens")
	wantFinding(t, doctor(t, exitOK, "-k", "kms-sidecar:alias/a", at), "kms", checkOK, "")
	wantFinding(t, doctor(t, exitFailure, "-k", "kms:alias/b", at), "kms", checkFail, "check the key ID")
	t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
	wantFinding(t, doctor(t, exitFailure, "-k", "kms:alias/a", at), "kms", checkFail, "AWS_ENDPOINT_URL_KMS")
}

func TestVersionCommand(t *testing.T) {
	r := cli(t, nil, "version", "--json").want(t, exitOK)
	var got versionReport
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || got.Go != runtime.Version() || got.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("version = %+v, want what this build is", got)
	}
	r = cli(t, nil, "version").want(t, exitOK)
	for _, name := range []string{"version ", "commit ", "go ", "platform ", "fips140 "} {
		if !strings.Contains(r.out, name) {
			t.Errorf("version = %q, want a line of %s", r.out, name)
		}
	}
}
