// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyIsSpared: no command writes over the file of the key that it uses,
// whatever way leads there.
func TestKeyIsSpared(t *testing.T) {
	dir := t.TempDir()
	data := newAESKeyFile()
	path := writeFile(t, dir, "k", data)
	link := filepath.Join(dir, "link")
	if err := os.Symlink("k", link); err != nil {
		t.Skipf("symlink: %v", err)
	}
	src := writeFile(t, dir, "src", []byte("plain"))
	at := "dir:" + dir + "//object"
	cli(t, nil, "put", "-q", "-k", "aes:"+path, src, at).want(t, exitOK)
	for _, args := range [][]string{
		{"put", "-k", "aes:" + path, src, "dir:" + path},
		{"put", "-k", "aes:" + link, src, "dir:" + dir + "//k"},
		{"put", "-k", "aes:" + path + "#a=b", src, "dir:" + path},
		{"put", "--new-key", path, src, "dir:" + path},
		{"put", "--new-key", dir + "/new#1", src, "dir:" + dir + "//new#1"},
		{"get", "-k", "aes:" + path, at, path},
		{"get", "-k", "aes:" + link, at, path},
		{"get", "-k", "aes:" + path, at, dir + "/./k"},
		{"seal", "-k", "aes:" + path, "--metadata-out", path},
		{"seal", "-k", "aes:" + path, "--format", "v2", "--instruction-out", path},
	} {
		cli(t, strings.NewReader("x"), args...).want(t, exitUsage, "is the file of the key")
		wantFile(t, path, data)
	}
	wantFile(t, path, data)
	if _, err := os.Stat(filepath.Join(dir, "new#1")); err == nil {
		t.Error("a key was made for a command that was refused")
	}
}

// TestStartOfHeaderIsNoKey: a key file that was cut, or is of a later version,
// is not taken for a raw key that everybody knows.
func TestStartOfHeaderIsNoKey(t *testing.T) {
	whole := string(newAESKeyFile())
	for _, data := range []string{whole[:16], whole[:24], keyMark + " v2: AES-256"[:4], strings.Replace(whole, "v1", "v2", 1)} {
		for _, scheme := range []string{keyAES, keyRaw, keyHex, keyBase64} {
			if key, err := parseAESKey([]byte(data), scheme); err == nil {
				t.Errorf("%s:%q is the key %x, want an error", scheme, data, key)
			}
		}
	}
}
