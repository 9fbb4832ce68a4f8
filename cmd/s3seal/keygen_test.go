// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestKeygenAES(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.key")
	r := cli(t, nil, "keygen", path).want(t, exitOK, "back up", path)
	if !strings.Contains(r.out, "AES-256") || !strings.Contains(r.out, "-k aes:"+path) {
		t.Errorf("stdout = %q, want the kind of key and how to use it", r.out)
	}
	data := readFile(t, path)
	if lines := strings.Split(string(data), "\n"); len(lines) != 3 || lines[0] != keyHeader || len(lines[1]) != 44 || lines[2] != "" {
		t.Errorf("key file = %q, want a header line and a base64 line", data)
	}
	key, err := parseAESKey(data, keyAES)
	if err != nil || len(key) != 32 {
		t.Errorf("parseAESKey = %d bytes, %v; want 32", len(key), err)
	}
	wantMode600(t, path)
	wantFiles(t, dir, "vault.key")

	cli(t, nil, "keygen", path).want(t, exitFailure, "never overwritten")
	wantFile(t, path, data)
	wantFiles(t, dir, "vault.key")
}

func TestKeygenRSA(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.pem")
	r := cli(t, nil, "keygen", "--rsa", "2048", path).want(t, exitOK, "back up")
	if !strings.Contains(r.out, "-k rsa:"+path) {
		t.Errorf("stdout = %q, want how to use the key", r.out)
	}
	data := readFile(t, path)
	if !bytes.HasPrefix(data, []byte("-----BEGIN PRIVATE KEY-----\n")) {
		t.Errorf("key file starts with %.30q, want a PKCS#8 PEM", data)
	}
	priv, _, err := parseRSAKey(data)
	if err != nil || priv.N.BitLen() != 2048 {
		t.Errorf("parseRSAKey = %v; want a key of 2048 bits", err)
	}
	wantMode600(t, path)

	cli(t, nil, "keygen", "--rsa", "2048", path).want(t, exitFailure, "never overwritten")
	wantFile(t, path, data)
	wantFiles(t, dir, "vault.pem")
}

func TestKeygenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	for _, bits := range []string{"1024", "2047", "16385", "0", "-1", "x", ""} {
		cli(t, nil, "keygen", "--rsa="+bits, path).want(t, exitUsage)
	}
	cli(t, nil, "keygen").want(t, exitUsage)
	cli(t, nil, "keygen", "").want(t, exitUsage)
	cli(t, nil, "keygen", path, path).want(t, exitUsage)
	cli(t, nil, "keygen", filepath.Join(dir, "no", "such", "folder")).want(t, exitFailure)
	cli(t, nil, "keygen", dir).want(t, exitFailure, "never overwritten")
	wantFiles(t, dir)
}

// TestKeygenLink: a symbolic link is taken as well, even one that leads
// nowhere: who made it might own what it leads to.
func TestKeygenLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "target"), link); err != nil {
		t.Fatal(err)
	}
	cli(t, nil, "keygen", link).want(t, exitFailure)
	wantFiles(t, dir, "link")
}

// TestNewKeyRace: of many that create one key file, all use the same key.
func TestNewKeyRace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.key")
	const n = 16
	keys := make([]*key, n)
	created := make([]bytes.Buffer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			a := &app{stderr: &created[i]}
			var err error
			if keys[i], err = a.useOrCreateKey(path); err != nil {
				t.Errorf("useOrCreateKey = %v", err)
			}
		})
	}
	wg.Wait()
	said := 0
	for i := range n {
		if keys[i] == nil || !bytes.Equal(keys[i].aes, keys[0].aes) {
			t.Errorf("two processes have different keys")
		}
		if strings.Contains(created[i].String(), "back up") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d of them say that they made the key, want 1", said)
	}
	wantFiles(t, dir, "vault.key")
}

func TestKeyFileWarning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	dir := t.TempDir()
	meta := filepath.Join(dir, "m.json")
	path := writeFile(t, dir, "k", newAESKeyFile())
	seal := []string{"seal", "-k", "aes:" + path, "--metadata-out", meta}
	if r := cli(t, nil, seal...).want(t, exitOK); r.err != "" {
		t.Errorf("stderr = %q for a key file of mode 0600, want nothing", r.err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	cli(t, nil, seal...).want(t, exitOK, "warning", "0640")

	pub := writeFile(t, dir, "pub", rsaFiles(t, testRSAKey(t))["public SPKI PEM"])
	if err := os.Chmod(pub, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, nil, "seal", "-k", "rsa:"+pub, "--metadata-out", meta).want(t, exitOK); r.err != "" {
		t.Errorf("stderr = %q for a public key, want nothing", r.err)
	}
}

func wantMode600(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode of %s is %v, want -rw-------", path, info.Mode())
	}
}
