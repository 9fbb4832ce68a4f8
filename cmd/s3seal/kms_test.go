// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/wrap/localkms"
)

// serveKMS lets the KMS be found in the environment, and counts what it is
// asked.
func serveKMS(t *testing.T, keys *localkms.KMS) *atomic.Int64 {
	t.Helper()
	var calls atomic.Int64
	h := keys.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	pointToKMS(t, server.URL)
	return &calls
}

func pointToKMS(t *testing.T, url string) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL_KMS", url)
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
}

// newKMS serves a KMS with these keys.
func newKMS(t *testing.T, ids ...string) *atomic.Int64 {
	t.Helper()
	keys := localkms.New()
	for _, id := range ids {
		if err := keys.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	return serveKMS(t, keys)
}

func TestKMS(t *testing.T) {
	calls := newKMS(t, "alias/a", "alias/b")
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	want := pattern(4101)
	for _, w := range []way{
		{"v3", "", false, "v3"},
		{"v3", "12", false, "v3"},
		{"v2", "", false, "v2"},
		{"v2", "kms", false, "legacy"},
		{"v2-cbc", "kms+context", false, "legacy"},
		{"v2-cbc", "kms", false, "legacy"},
	} {
		t.Run(w.format+" "+w.wrap, func(t *testing.T) {
			put := append([]string{"put", "-k", "kms:alias/a", "--encryption-context", "user=alice", "-", at}, w.flags()...)
			cli(t, bytes.NewReader(want), put...).want(t, exitOK)
			get := []string{"cat", at, "--accept", w.accept, "-k"}
			for _, keys := range [][]string{
				{"kms:alias/a"},
				{"kms:alias/a", "--encryption-context", "user=alice"},
				{"kms:alias/a#user=alice", "--require-context"},
				{"kms:alias/b", "-k", ks.aes, "-k", "kms:alias/a"},
			} {
				if r := cli(t, nil, append(get, keys...)...).want(t, exitOK); r.out != string(want) {
					t.Errorf("cat -k %v wrote %d bytes, want %d", keys, len(r.out), len(want))
				}
			}
			cli(t, nil, append(get, "kms:alias/b")...).want(t, exitDecrypt)
			cli(t, nil, append(get, "kms:alias/c")...).want(t, exitFailure, "NotFound")
			wantOpens(t, at, opensYes, exitOK, "kms:alias/a")
			wantOpens(t, at, opensNo, exitDecrypt, "kms:alias/b")

			before := calls.Load()
			wantOpens(t, at, opensNo, exitDecrypt, "kms:alias/a#user=bob")
			cli(t, nil, append(get, ks.aes)...).want(t, exitDecrypt, "an AWS KMS key")
			for _, keys := range [][]string{
				{"kms:alias/a", "--require-context"},
				{"kms:alias/a", "--encryption-context", "user=bob"},
				{"kms:alias/a", "--encryption-context", "user=alice", "--encryption-context", "a=b"},
			} {
				cli(t, nil, append(get, keys...)...).want(t, exitDecrypt, "encryption context", "user=alice")
			}
			if w.accept != acceptV3 {
				cli(t, nil, "cat", at, "-k", "kms:alias/a").want(t, exitPolicy, "--accept "+w.accept)
			}
			if n := calls.Load() - before; n != 0 {
				t.Errorf("%d calls of the KMS for what is refused without, want 0", n)
			}
		})
	}
}

// TestKMSStreams: seal and open take KMS keys as well.
func TestKMSStreams(t *testing.T) {
	newKMS(t, "alias/a")
	meta := filepath.Join(t.TempDir(), "m.json")
	sealed := cli(t, bytes.NewReader(pattern(100)), "seal", "-k", "kms:alias/a#user=alice", "--metadata-out", meta).want(t, exitOK).out
	open := []string{"open", "-k", "kms:alias/a", "--metadata", meta, "--encryption-context"}
	if r := cli(t, strings.NewReader(sealed), append(open, "user=alice")...).want(t, exitOK); r.out != string(pattern(100)) {
		t.Errorf("open wrote %d bytes, want 100", len(r.out))
	}
	if r := cli(t, strings.NewReader(sealed), append(open, "user=bob")...).want(t, exitDecrypt, "user=alice"); r.out != "" {
		t.Errorf("open wrote %d bytes", len(r.out))
	}
}

// TestKMSOutOfReach: what the KMS does not answer is no verdict about the key.
func TestKMSOutOfReach(t *testing.T) {
	newKMS(t, "alias/a")
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, nil, "put", "-k", "kms:alias/a", "-", at).want(t, exitOK)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"AccessDeniedException","message":"no"}`)
	}))
	t.Cleanup(broken.Close)
	t.Setenv("AWS_ENDPOINT_URL_KMS", broken.URL)
	cli(t, nil, "cat", "-k", "kms:alias/a", at).want(t, exitFailure, "AccessDenied")
	if r := cli(t, nil, "stat", "-k", "kms:alias/a", at).want(t, exitFailure, "AccessDenied"); strings.Contains(r.out, "opens") {
		t.Errorf("stat = %q, want no verdict", r.out)
	}
	t.Setenv("AWS_ENDPOINT_URL_KMS", "ftp://x")
	cli(t, nil, "cat", "-k", "kms:alias/a", at).want(t, exitUsage, "AWS_ENDPOINT_URL_KMS")
}

func TestKMSEndpoint(t *testing.T) {
	type env = map[string]string
	for _, c := range []struct {
		env  env
		want string
	}{
		{nil, ""},
		{env{"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "https://s3"}, "http://127.0.0.1:1"},
		{env{"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_KMS": "kms.example.com"}, "https://kms.example.com"},
		{env{"AWS_ENDPOINT_URL_KMS": "https://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, ""},
	} {
		a := &app{stderr: io.Discard, env: envOf(c.env)}
		got, err := a.kmsEndpoint()
		if err != nil || (got == nil) != (c.want == "") || got != nil && *got != c.want {
			t.Errorf("kmsEndpoint of %v = %v, %v; want %q", c.env, got, err, c.want)
		}
	}
	var warned bytes.Buffer
	a := &app{stderr: &warned, env: envOf(env{"AWS_ENDPOINT_URL_KMS": "http://kms.example.com"})}
	if _, err := a.kmsEndpoint(); err != nil || !strings.Contains(warned.String(), "without TLS") {
		t.Errorf("kmsEndpoint without TLS = %v, warning %q; want one", err, warned.String())
	}
}

func TestKMSRegion(t *testing.T) {
	for id, want := range map[string]string{
		"alias/a": "us-east-1",
		"arn:aws:kms:eu-west-1:000000000000:key/1":           "eu-west-1",
		"arn:aws-cn:kms:cn-north-1:000000000000:alias/a":     "cn-north-1",
		"arn:aws:s3:eu-west-1:000000000000:accesspoint/a":    "us-east-1",
		"arn:aws:kms::000000000000:key/1":                    "us-east-1",
		"1234abcd-12ab-34cd-56ef-1234567890ab":               "us-east-1",
		"mrk-1234abcd12ab34cd56ef1234567890ab:with:a:b:c:de": "us-east-1",
	} {
		if got := kmsRegion(id, "us-east-1"); got != want {
			t.Errorf("kmsRegion(%q) = %q, want %q", id, got, want)
		}
	}
}

// TestKMSServer runs the server as the command line does.
func TestKMSServer(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kms.json")
	cli(t, nil, "kms-server", "--addr", "127.0.0.1:0", "--keys", file).want(t, exitFailure, "there is no file "+file, "have it made with a first key, such as --create-key alias/app")
	wantFiles(t, dir)
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	for _, create := range []string{"alias/a", "alias/b"} { // the second time the file is there
		url, end := startKMSServer(t, "--addr", "127.0.0.1:0", "--keys", file, "--create-key", "alias/a", "--create-key", create)
		pointToKMS(t, url)
		if create == "alias/a" {
			cli(t, bytes.NewReader(pattern(50)), "put", "-k", "kms:alias/a", "-", at).want(t, exitOK)
		}
		if r := cli(t, nil, "cat", "-k", "kms:alias/a", at).want(t, exitOK); r.out != string(pattern(50)) {
			t.Errorf("cat wrote %d bytes, want 50", len(r.out))
		}
		if code, text := end(); code != exitOK || !strings.Contains(text, "development only") {
			t.Errorf("exit code %d with %q, want 0 and a warning", code, text)
		}
	}
	if keys, err := localkms.Open(file); err != nil || len(keys.KeyIDs()) != 2 {
		t.Errorf("the file has %v, %v; want 2 keys", keys, err)
	}
}

// startKMSServer returns where the server listens, and what ends it.
func startKMSServer(t *testing.T, args ...string) (url string, end func() (code int, stderr string)) {
	t.Helper()
	words, end := startServer(t, append([]string{"kms-server"}, args...)...)
	return words[2], end
}

// TestKMSServerJSON: a script need not search for the address.
func TestKMSServerJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kms.json")
	words, end := startServer(t, "kms-server", "--json", "--addr", "127.0.0.1:0", "--keys", file, "--create-key", "k")
	defer end()
	var got kmsReport
	if err := json.Unmarshal([]byte(strings.Join(words, ",")), &got); err != nil || !strings.HasPrefix(got.URL, "http://127.0.0.1:") || got.File != file || got.Keys != 1 {
		t.Errorf("kms-server printed %q, %v, want where it listens", words, err)
	}
}
