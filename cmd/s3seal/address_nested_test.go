// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNestedAddress: one slash instead of two is another bucket. It is not read
// from, where ciphertext would pass for a plain file, and not made silently.
func TestNestedAddress(t *testing.T) {
	ks := newKeySet(t)
	d := t.TempDir()
	t.Chdir(d)
	src := writeFile(t, d, "src", pattern(10))
	putN(t, ks.aes, "dir:plain//deep/er/a.txt", 100).want(t, exitOK)
	want := "dir:plain/deep/er/a.txt: plain is a folder bucket: want dir:plain//deep/er/a.txt\n"
	for _, args := range [][]string{
		{"cat", "-k", ks.aes},
		{"cat", "-k", ks.aes, "--allow-plaintext"},
		{"stat"},
		{"rm"},
	} {
		if r := cli(t, nil, append(args, "dir:plain/deep/er/a.txt")...).want(t, exitUsage, want); r.out != "" {
			t.Errorf("%q wrote %q", args, r.out)
		}
	}
	cli(t, nil, "ls", "dir:plain/deep").want(t, exitUsage, "dir:plain/deep: plain is a folder bucket: want dir:plain//deep/\n")
	cli(t, nil, "stat", "dir:plain/none/x").want(t, exitUsage, "want dir:plain//none/x\n")
	for _, more := range [][]string{nil, {"--overwrite-plain-file"}, {"--resume"}} {
		args := append([]string{"put", "-k", ks.aes}, more...)
		cli(t, nil, append(args, src, "dir:plain/deep/er/b.txt")...).want(t, exitUsage,
			"plain is a folder bucket: want dir:plain//deep/er/b.txt, or dir:"+filepath.FromSlash("plain/deep/er")+"//b.txt for a bucket of its own\n")
	}
	if isDir("plain/deep/er/.s3seal") {
		t.Error("a bucket was made in the bucket")
	}
	t.Chdir(filepath.Join("plain", "deep"))
	cli(t, nil, "stat", "dir:a").want(t, exitUsage, "dir:a: ", "want dir:"+filepath.Dir(mustGetwd(t))+"//deep/a\n")
	wantCat(t, ks.aes, "dir:..//deep/er/a.txt", 100)
}

// TestNestedBucket: one that was made on purpose is used as any other, and the
// outer one does not list what it keeps for itself.
func TestNestedBucket(t *testing.T) {
	ks := newKeySet(t)
	d := t.TempDir()
	putN(t, ks.aes, "dir:"+d+"//a/x", 10).want(t, exitOK)
	cli(t, nil, "stat", "dir:"+d+"/b//y").want(t, exitNotFound)
	cli(t, nil, "cat", "-k", ks.aes, "dir:"+d+"/a//x").want(t, exitPolicy, "is it dir:"+d+"//a/x?")
	putN(t, ks.aes, "dir:"+d+"/b//y", 20).want(t, exitOK)
	putN(t, ks.aes, "dir:"+d+"/b/y", 20).want(t, exitOK)
	wantCat(t, ks.aes, "dir:"+d+"/b/y", 20)
	if r := cli(t, nil, "ls", "dir:"+d).want(t, exitOK); r.out != "a/x\nb/y\n" {
		t.Errorf("ls = %q, want a/x and b/y", r.out)
	}
	cli(t, nil, "cat", "-k", ks.aes, "dir:"+d+"//b/y").want(t, exitPolicy, "or copied without .s3seal, or renamed by hand: ", "--allow-plaintext")
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	d, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(d, "/")
}

// TestNestedInFailed: what a put that has failed leaves in a folder does not make
// it a bucket.
func TestNestedInFailed(t *testing.T) {
	needShell(t)
	ks := newKeySet(t)
	home := t.TempDir()
	putCommand(t, ks.aes, "dir:"+home+"//typo", "exit 1").want(t, exitFailure)
	putN(t, ks.aes, "dir:"+home+"/v2/x", 100).want(t, exitOK)
	wantCat(t, ks.aes, "dir:"+home+"/v2/x", 100)
	putN(t, ks.aes, "dir:"+home+"//y", 100).want(t, exitOK)
	putN(t, ks.aes, "dir:"+home+"/v3/x", 100).want(t, exitUsage, home+" is a folder bucket")
	wantCat(t, ks.aes, "dir:"+home+"/v2/x", 100)
}
