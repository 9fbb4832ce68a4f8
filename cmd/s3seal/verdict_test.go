// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatKey: stat tells the right key from a wrong one, without the body.
func TestStatKey(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			write, read, wrong := w.keys(ks)
			cli(t, bytes.NewReader(pattern(100)), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)
			if err := os.WriteFile(filepath.Join(root, "x"), make([]byte, 7), 0o600); err != nil {
				t.Fatal(err)
			}
			if w.format == "v1" && w.rsa {
				wantOpens(t, at, opensUnknown, exitOK, read)
				wantOpens(t, at, opensUnknown, exitOK, wrong)
				return
			}
			wantOpens(t, at, opensYes, exitOK, read)
			wantOpens(t, at, opensNo, exitDecrypt, wrong)
			wantOpens(t, at, opensYes, exitOK, wrong, read)
			other := ks.rsa
			if w.rsa {
				other = ks.aes
			}
			wantOpens(t, at, opensNo, exitDecrypt, other)
		})
	}
}

// wantOpens fails the test unless stat says of the keys what it should, in
// both forms, and describes the object in any case.
func wantOpens(t *testing.T, at, want string, code int, keys ...string) {
	t.Helper()
	args := []string{"stat", at}
	for _, k := range keys {
		args = append(args, "-k", k)
	}
	if r := cli(t, nil, args...).want(t, code); !strings.Contains(r.out, "opens      "+want) {
		t.Errorf("stat = %q, want %s", r.out, want)
	}
	var d statReport
	r := cli(t, nil, append(args, "--json")...).want(t, code)
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || d.Opens != want || !d.Encrypted {
		t.Errorf("stat --json = %+v, %v; want %s", d, err, want)
	}
}

// TestStatKeyCommitment: a key that unwraps is not enough where there is a
// commitment to it.
func TestStatKeyCommitment(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	cli(t, nil, "put", "-k", ks.aes, "-", "dir:"+root+"//x").want(t, exitOK)
	cli(t, nil, "put", "-k", ks.aes, "-", "dir:"+root+"//y").want(t, exitOK)
	body, x := stored(t, root, "x")
	_, y := stored(t, root, "y")
	x["x-amz-3"] = y["x-amz-3"]
	store(t, root, "z", body, x)
	wantOpens(t, "dir:"+root+"//z", opensNo, exitDecrypt, ks.aes)
}

func TestStatKeyOfPlaintext(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", pattern(10), nil)
	if r := cli(t, nil, "stat", "-k", ks.aes, "dir:"+root+"//x").want(t, exitPolicy, "not encrypted"); !strings.Contains(r.out, "opens      no") {
		t.Errorf("stat = %q, want no", r.out)
	}
}
