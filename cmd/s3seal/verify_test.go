// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

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
