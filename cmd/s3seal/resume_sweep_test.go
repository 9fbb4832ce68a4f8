// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makeOld makes all files and folders of a bucket two days old.
func makeOld(t *testing.T, root string) {
	t.Helper()
	old := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOldUploadStays: an upload of days ago in a folder is there for its put to go
// on with, whatever other commands run on the folder. Only abort-stale --abort
// gives it up.
func TestOldUploadStays(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	root := filepath.Join(folder, "v")
	at := "dir:" + root
	putN(t, ks.aes, at+"//other", 100).want(t, exitOK)
	mine := writeFile(t, root, "mine", pattern(10))
	src := writeFile(t, folder, "src", pattern(killSize))
	state := begun(t, root, ks, src)
	for _, args := range [][]string{
		{"ls", "--sizes", at},
		{"stat", at + "//other"},
		{"cat", "-k", ks.aes, at + "//other"},
		{"verify", "-k", ks.aes, at + "//other"},
		{"doctor", "-k", ks.aes, at + "//other"},
		{"put", "-k", ks.aes, src, at + "//third"},
		{"put", "-k", ks.aes, "--overwrite-plain-file", src, "dir:" + mine},
		{"abort-stale", "--all-uploads", at},
		{"abort-stale", "--state", state, at},
	} {
		makeOld(t, root)
		cli(t, nil, args...).want(t, exitOK)
		if r := cli(t, nil, "abort-stale", "--all-uploads", at).want(t, exitOK); strings.Count(r.out, "\n") != 1 {
			t.Fatalf("after %q: uploads %q, want the one", args, r.out)
		}
	}
	makeOld(t, root)
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--state", state, src, at+"//x").want(t, exitOK)
	wantCat(t, ks.aes, at+"//x", killSize)

	begun(t, root, ks, src)
	makeOld(t, root)
	if r := cli(t, nil, "abort-stale", "--all-uploads", "--abort", at).want(t, exitOK); !strings.HasPrefix(r.out, "aborted ") {
		t.Errorf("abort-stale --abort = %q, want what was aborted", r.out)
	}
	cli(t, nil, "abort-stale", "--all-uploads", "--older-than", "0s", at).want(t, exitOK, "no such uploads")
}

// TestOldLeftovers: what a killed put has left is no upload, and nobody removes it
// but abort-stale, which says so.
func TestOldLeftovers(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root
	putN(t, ks.aes, at+"//x", 100).want(t, exitOK)
	name := strings.Repeat("a", 64) + "-" + strings.Repeat("b", 32)
	left := writeFile(t, filepath.Join(root, dirHome, "tmp"), name, pattern(10))
	makeOld(t, root)
	cli(t, nil, "ls", at).want(t, exitOK)
	cli(t, nil, "abort-stale", "--all-uploads", at).want(t, exitOK)
	wantFile(t, left, pattern(10))
	cli(t, nil, "abort-stale", "--all-uploads", "--abort", at).want(t, exitOK)
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is left", left)
	}
	wantCat(t, ks.aes, at+"//x", 100)
}
