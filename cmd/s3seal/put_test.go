// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPutReport(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "vault.key")
	at := "dir:" + filepath.Join(dir, "vault", "x")
	r := cli(t, bytes.NewReader(pattern(100)), "put", "--new-key", key, "-", at).want(t, exitOK, "back up", key)
	for _, word := range []string{at, "v3", "AES/GCM", "100 bytes", "116 bytes", "aes:" + key} {
		if !strings.Contains(r.out, word) {
			t.Errorf("stdout = %q, want %q in it", r.out, word)
		}
	}

	// The second time the key is there, and no longer new.
	before := readFile(t, key)
	r = cli(t, bytes.NewReader(pattern(100)), "put", "--new-key", key, "--format", "v2-cbc", "-", at).want(t, exitOK)
	if r.err != "" || !strings.Contains(r.out, "100 bytes") || !strings.Contains(r.out, "112 bytes") {
		t.Errorf("stdout = %q, stderr = %q; want the sizes and no warning", r.out, r.err)
	}
	wantFile(t, key, before)

	if r := cli(t, bytes.NewReader(nil), "put", "-q", "--new-key", key, "-", at).want(t, exitOK); r.out+r.err != "" {
		t.Errorf("put -q prints %q and %q, want nothing", r.out, r.err)
	}
	wantFiles(t, dir, "vault", "vault.key")
	wantMode600(t, key)
}

// TestNewKeyUsesWhatIsThere: only a key file that is missing is made.
func TestNewKeyUsesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "vault") + "//x"
	raw := writeFile(t, dir, "raw.key", binary(32))
	cli(t, nil, "put", "--new-key", raw, "-", at).want(t, exitOK)
	cli(t, nil, "cat", "-k", "aes-raw:"+raw, at).want(t, exitOK)
	wantFile(t, raw, binary(32))

	junk := writeFile(t, dir, "junk", []byte("not a key"))
	cli(t, nil, "put", "--new-key", junk, "-", at).want(t, exitUsage, "16, 24 or 32 bytes")
	wantFile(t, junk, []byte("not a key"))

	cli(t, nil, "put", "--new-key", dir, "-", at).want(t, exitFailure)
	cli(t, nil, "put", "--new-key", filepath.Join(dir, "no", "k"), "-", at).want(t, exitFailure)
}

// TestPutReplaces: an object that is there is replaced whole.
func TestPutReplaces(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	for _, n := range []int{5000, 10, 3000} {
		cli(t, bytes.NewReader(pattern(n)), "put", "-k", ks.aes, "-", at).want(t, exitOK)
		if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != string(pattern(n)) {
			t.Errorf("cat wrote %d bytes, want %d", len(r.out), n)
		}
	}
}

// TestPutFileThatLies: files under /proc say that they are empty.
func TestPutFileThatLies(t *testing.T) {
	const path = "/proc/self/status"
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Skip("no such file here")
	}
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, nil, "put", "-k", ks.aes, path, at).want(t, exitOK)
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); !strings.HasPrefix(r.out, "Name:") {
		t.Errorf("cat = %.20q, want the start of %s", r.out, path)
	}
}

// TestSameFile: the file of an object is not taken for source or target.
func TestSameFile(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	src := writeFile(t, dir, "x", pattern(100))
	cli(t, nil, "put", "-k", ks.aes, src, "dir:"+src).want(t, exitUsage, "itself")
	wantFile(t, src, pattern(100))
	wantFiles(t, dir, "x")

	cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.aes, "-", "dir:"+dir+"//a/y").want(t, exitOK)
	object := filepath.Join(dir, "a", "y")
	before := readFile(t, object)
	cli(t, nil, "get", "-k", ks.aes, "dir:"+dir+"//a/y", object).want(t, exitUsage, "itself")
	wantFile(t, object, before)
}

func TestRemove(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//a/x"
	cli(t, nil, "put", "-k", ks.aes, "-", at).want(t, exitOK)
	cli(t, nil, "rm", at).want(t, exitOK)
	if got := tree(t, root); len(got) > 0 {
		t.Errorf("files after rm = %q, want none", got)
	}
	cli(t, nil, "rm", at).want(t, exitNotFound)
}

func TestMatdescIsStored(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	cli(t, nil, "put", "-k", ks.aes+"#kid=1", "--matdesc", "app=a,b=c", "-", "dir:"+root+"//x").want(t, exitOK)
	_, meta := stored(t, root, "x")
	if got, want := meta["x-amz-m"], `{"app":"a,b=c","kid":"1"}`; got != want {
		t.Errorf("x-amz-m = %s, want %s", got, want)
	}
}
