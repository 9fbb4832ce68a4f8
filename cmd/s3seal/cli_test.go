// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A result is what a command leaves behind.
type result struct {
	code     int
	out, err string
}

// cli runs the program in this process. stdin may be nil.
func cli(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	return cliContext(t.Context(), stdin, args...)
}

func cliContext(ctx context.Context, stdin io.Reader, args ...string) result {
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	var out, err bytes.Buffer
	code := run(ctx, args, stdin, &out, &err, os.Getenv)
	return result{code, out.String(), err.String()}
}

// direct runs a command that is parsed already. Most of the time of cli goes
// into parsing, which matters to tests that do it a thousand times.
func direct(t testing.TB, stdin io.Reader, command func(context.Context, *app) error) result {
	t.Helper()
	var out, err bytes.Buffer
	a := &app{stdin: stdin, stdout: &out, stderr: &err, env: os.Getenv}
	code := a.fail(t.Context(), command(t.Context(), a))
	return result{code, out.String(), err.String()}
}

// want fails the test unless r has the code, and everything in hints is on
// stderr, in one line if it is an error.
func (r result) want(t testing.TB, code int, hints ...string) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %.300q\nstderr: %s", r.code, code, r.out, r.err)
	}
	for _, hint := range hints {
		if !strings.Contains(r.err, hint) {
			t.Errorf("stderr = %q, want something with %q", r.err, hint)
		}
	}
	if code != exitOK && (strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "s3seal: ")) {
		t.Errorf("stderr = %q, want one line that starts with s3seal:", r.err)
	}
	return r
}

// pattern is n bytes that are easy to tell apart.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// writeFile writes a file that only the owner can read and returns its path.
func writeFile(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantFile fails the test unless path holds data.
func wantFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if got := readFile(t, path); !bytes.Equal(got, data) {
		t.Errorf("%s holds %d bytes (%.40x…), want %d bytes (%.40x…)", path, len(got), got, len(data), data)
	}
}

// wantFiles fails the test unless dir holds these names and no others: no
// temporary files in particular.
func wantFiles(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

var rsaKeys struct {
	once sync.Once
	keys [2]*rsa.PrivateKey
	err  error
}

// testRSAKey returns an RSA key; making one takes long enough to share it.
func testRSAKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	return testRSAKeys(t)[0]
}

func testRSAKeys(t testing.TB) [2]*rsa.PrivateKey {
	t.Helper()
	rsaKeys.once.Do(func() {
		for i := range rsaKeys.keys {
			if rsaKeys.keys[i], rsaKeys.err = rsa.GenerateKey(rand.Reader, 2048); rsaKeys.err != nil {
				return
			}
		}
		// A wrapped key that is no number below the modulus is refused openly,
		// others are not: with the larger modulus in the wrong key, none is.
		if k := &rsaKeys.keys; k[0].N.Cmp(k[1].N) > 0 {
			k[0], k[1] = k[1], k[0]
		}
	})
	if rsaKeys.err != nil {
		t.Fatal(rsaKeys.err)
	}
	return rsaKeys.keys
}

// keySet is a folder of key files: two of each kind, the second always the
// wrong one.
type keySet struct {
	aes, otherAES string
	rsa, otherRSA string
	rsaPub        string
}

// newKeySet writes a keySet and returns it as KEY arguments.
func newKeySet(t testing.TB) keySet {
	t.Helper()
	dir := t.TempDir()
	keys := testRSAKeys(t)
	files := rsaFiles(t, keys[0])
	return keySet{
		aes:      "aes:" + writeFile(t, dir, "a.key", newAESKeyFile()),
		otherAES: "aes:" + writeFile(t, dir, "b.key", newAESKeyFile()),
		rsa:      "rsa:" + writeFile(t, dir, "a.pem", files["private PKCS#8 PEM"]),
		otherRSA: "rsa:" + writeFile(t, dir, "b.pem", rsaFiles(t, keys[1])["private PKCS#8 PEM"]),
		rsaPub:   "rsa:" + writeFile(t, dir, "a.pub", files["public SPKI PEM"]),
	}
}
