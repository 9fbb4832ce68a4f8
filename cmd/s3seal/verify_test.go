// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyAgainstPrefix: of a list only what is under the prefix is looked for, and
// stderr says that there was more.
func TestVerifyAgainstPrefix(t *testing.T) {
	ks, dir := newKeySet(t), t.TempDir()
	root := "dir:" + filepath.Join(dir, "v")
	for _, key := range []string{"in/x", "out/x"} {
		cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "-", root+"//"+key).want(t, exitOK)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("precious")))
	list := writeFile(t, dir, "list", []byte(sum+"  in/x\n"+sum+"  out/x\n"+sum+"  out/gone\n"))
	verify := func(at string) result { return cli(t, nil, "verify", "-k", ks.aes, "--against", list, at) }
	r := verify(root+"//in/").want(t, exitOK, "s3seal: --against: 2 of the objects that it lists are not under "+root+"//in/: they were left out\n")
	if !strings.HasPrefix(r.out, "verified: 1, skipped: 0, failed: 0;") {
		t.Errorf("stdout = %q, want one object", r.out)
	}
	wantPartly(t, verify(root), "out/gone: not found", "1 of 3 objects failed")
}

// TestVerifyJournalOfOtherList: what was compared with one list was not compared
// with another one in the same file.
func TestVerifyJournalOfOtherList(t *testing.T) {
	ks, dir := newKeySet(t), t.TempDir()
	root := "dir:" + filepath.Join(dir, "v")
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "-", root+"//x").want(t, exitOK)
	verify := func(list string) result {
		against := writeFile(t, dir, "list", []byte(list))
		return cli(t, nil, "verify", "-q", "-k", ks.aes, "--journal", filepath.Join(dir, "journal"), "--against", against, root)
	}
	right := fmt.Sprintf("%x  x\n", sha256.Sum256([]byte("precious")))
	verify(right).want(t, exitOK)
	verify(right).want(t, exitOK)
	if r := verify(fmt.Sprintf("%x  x\n", sha256.Sum256([]byte("other")))); r.code == exitOK {
		t.Errorf("another list: want the journal refused or the object failed, got exit 0: %s", r.err)
	}
}

// TestVerifyAgainstPlaintext: what is not encrypted is no CBC or CTR, and is not
// verified where the journal has no sum of it.
func TestVerifyAgainstPlaintext(t *testing.T) {
	ks, dir := newKeySet(t), t.TempDir()
	writeFile(t, dir, "x", []byte("plain"))
	against := t.TempDir()
	verify := func(list string, flags ...string) result {
		file := writeFile(t, against, "list", []byte(list))
		return cli(t, nil, append([]string{"verify", "-k", ks.aes, "--against", file, "dir:" + dir}, flags...)...)
	}
	sum := fmt.Sprintf("%x  x\n", sha256.Sum256([]byte("plain")))
	r := verify(sum, "--accept", "legacy", "--allow-plaintext").want(t, exitOK)
	if !strings.HasPrefix(r.out, "verified: 1 (1 of them unauthenticated: CBC, CTR or not encrypted), skipped: 0") {
		t.Errorf("stdout = %q", r.out)
	}
	r = verify(`{"key":"x","outcome":"skipped","reason":"in the target format already"}`, "--accept", "legacy", "--allow-plaintext")
	wantPartly(t, r, "x: not encrypted, but by the journal it was sealed", "1 of 1 objects failed")
	if strings.Contains(r.err, "--allow-plaintext") {
		t.Errorf("stderr = %q, which advises what is allowed already", r.err)
	}
}
