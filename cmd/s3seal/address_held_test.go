// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// putN stores n bytes of the pattern.
func putN(t *testing.T, key, at string, n int) result {
	t.Helper()
	return cli(t, bytes.NewReader(pattern(n)), "put", "-q", "-k", key, "-", at)
}

// wantCat fails the test unless the object is n bytes of the pattern.
func wantCat(t *testing.T, key, at string, n int) {
	t.Helper()
	if r := cli(t, nil, "cat", "-k", key, at).want(t, exitOK); r.out != string(pattern(n)) {
		t.Errorf("cat %s wrote %d bytes, want %d", at, len(r.out), n)
	}
}

// TestPutUnderAnotherName: one file has an address in each folder above it. Put
// does not replace the object of one folder through the address of another.
func TestPutUnderAnotherName(t *testing.T) {
	ks := newKeySet(t)
	d, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, first, second string }{
		{"object of the outer folder", "o/d//a/b/c", "o/d/a/b/c"},
		{"object of the inner folder", "i/d/a/b/c", "i/d//a/b/c"},
		{"object of the folder between", "m/d/a//b/c", "m/d//a/b/c"},
		{"object of a folder two above", "u/d//a/b/c", "u/d/a//b/c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := "dir:"+filepath.FromSlash(d)+"/"+c.first, "dir:"+d+"/"+c.second
			putN(t, ks.aes, first, 100).want(t, exitOK)
			before := tree(t, d)
			parsed, err := parseAddress(first)
			if err != nil {
				t.Fatal(err)
			}
			putN(t, ks.aes, second, 50).want(t, exitUsage, second+": ", "is it dir:"+parsed.root+"//"+parsed.key+"?")
			if got := tree(t, d); len(got) != len(before) {
				t.Errorf("files after = %q, before = %q", got, before)
			}
			wantCat(t, ks.aes, first, 100)
			putN(t, ks.aes, first, 70).want(t, exitOK)
			wantCat(t, ks.aes, first, 70)
			cli(t, nil, "rm", first).want(t, exitOK)
			if other, err := parseAddress(second); err != nil || os.MkdirAll(filepath.Join(other.root, dirHome), 0o700) != nil {
				t.Fatal("no bucket of its own")
			}
			putN(t, ks.aes, second, 50).want(t, exitOK)
			putN(t, ks.aes, second, 60).want(t, exitOK)
			wantCat(t, ks.aes, second, 60)
		})
	}
}

// TestPutUnderAnotherNameRefusesEarly: before there is a key, and whatever else
// was asked for.
func TestPutUnderAnotherNameRefusesEarly(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//a/x"
	putN(t, ks.aes, at, 100).want(t, exitOK)
	src := writeFile(t, dir, "src", pattern(10))
	other := "dir:" + filepath.Join(dir, "v", "a", "x")
	cli(t, nil, "put", "--new-key", filepath.Join(dir, "new.key"), src, other).want(t, exitUsage, "//a/x")
	cli(t, nil, "put", "-k", ks.aes, "--resume", src, other).want(t, exitUsage, "//a/x")
	if err := os.Symlink(filepath.Join(dir, "v", "a"), filepath.Join(dir, "link")); err == nil {
		cli(t, nil, "put", "-k", ks.aes, src, "dir:"+filepath.Join(dir, "link", "x")).want(t, exitUsage, "//a/x")
	}
	wantCat(t, ks.aes, at, 100)
	wantFiles(t, dir, "link", "src", "v")
}

// TestFolderInFolder: folders of objects may lie in one another, as long as no
// file is an object of both. Traces of what is gone do not count.
func TestFolderInFolder(t *testing.T) {
	ks := newKeySet(t)
	d := t.TempDir()
	outer, inner := "dir:"+d+"//a/x", "dir:"+filepath.Join(d, "a", "x")
	putN(t, ks.aes, inner, 10).want(t, exitOK)
	putN(t, ks.aes, "dir:"+d+"//a/y", 10).want(t, exitOK)
	putN(t, ks.aes, inner, 20).want(t, exitOK)
	wantCat(t, ks.aes, inner, 20)
	cli(t, nil, "rm", inner).want(t, exitOK)

	putN(t, ks.aes, outer, 30).want(t, exitOK)
	if err := os.Remove(filepath.Join(d, "a", "x")); err != nil {
		t.Fatal(err)
	}
	putN(t, ks.aes, inner, 40).want(t, exitOK)
	putN(t, ks.aes, inner, 50).want(t, exitOK)
	putN(t, ks.aes, outer, 60).want(t, exitUsage, "//x?")
	wantCat(t, ks.aes, inner, 50)
}
