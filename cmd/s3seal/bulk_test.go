// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// sealedFolder puts an object of each format that can be written, with each wrap,
// under the AES and the RSA key of ks, and returns the folder as an address
// without a prefix, and the plaintexts by key.
func sealedFolder(t *testing.T, ks keySet) (string, map[string]string) {
	t.Helper()
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	plain := make(map[string]string)
	for _, row := range []struct{ name, key, format, wrap string }{
		{"v3-aes", ks.aes, "v3", ""},
		{"v3-rsa", ks.rsa, "v3", ""},
		{"v2-aes", ks.aes, "v2", ""},
		{"v2-kw", ks.aes, "v2", "AESWrap"},
		{"v2-rsa", ks.rsa, "v2", ""},
		{"v2-cbc-aes", ks.aes, "v2-cbc", ""},
		{"v2-cbc-kw", ks.aes, "v2-cbc", "AESWrap"},
		{"v1-aes", ks.aes, "v1", ""},
		{"v1-rsa", ks.rsa, "v1", ""},
		{"chunked-aes", ks.aes, "chunked", ""},
		{"chunked-rsa", ks.rsa, "chunked", ""},
		{"dare2-aes", ks.aes, "dare2", ""},
	} {
		key := "p/" + row.name
		plain[key] = "content of " + row.name
		cli(t, strings.NewReader(plain[key]), "put", "-q", "-k", row.key, "--format", row.format, "--wrap", row.wrap, "--meta", "own=x", "-", root+"//"+key).want(t, exitOK)
	}
	return root, plain
}

// wantObjects fails the test unless the keys open all objects.
func wantPlain(t *testing.T, root string, plain map[string]string, keys ...string) {
	t.Helper()
	for key, want := range plain {
		args := []string{"cat", "--accept", "legacy"}
		for _, k := range keys {
			args = append(args, "-k", k)
		}
		if r := cli(t, nil, append(args, root+"//"+key)...); r.code != exitOK || r.out != want {
			t.Errorf("%s: exit code %d, %q, want %q; %s", key, r.code, r.out, want, r.err)
		}
	}
}

// wantPartly fails the test unless of many objects some have failed, and stderr
// has the words.
func wantPartly(t *testing.T, r result, words ...string) {
	t.Helper()
	if r.code != exitPartly {
		t.Errorf("exit code %d, want %d: %s", r.code, exitPartly, r.err)
	}
	for _, word := range words {
		if !strings.Contains(r.err, word) {
			t.Errorf("stderr = %q, want %q in it", r.err, word)
		}
	}
}

func summaryOf(t *testing.T, r result) (s jobSummary) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("stdout = %q: %v", r.out, err)
	}
	return s
}

// TestRewrapFolder: all objects of a folder get the other keys, in the same
// format; a second run with the journal has nothing to do.
func TestRewrapFolder(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	journal := filepath.Join(t.TempDir(), "journal")
	args := []string{
		"rewrap", "-r", "-k", ks.aes, "-k", ks.rsa, "--to", ks.otherAES + "#kid=2", "--to", ks.otherRSA, "--revoke",
		"--accept", "legacy", "--json", "--journal", journal, root + "//p/",
	}
	n := int64(len(plain))

	if s := summaryOf(t, cli(t, nil, append(args, "--dry-run")...).want(t, exitOK)); s.Done != n || !s.DryRun || s.Requests < 3*n {
		t.Errorf("dry run = %+v, want %d objects", s, n)
	}
	wantPlain(t, root, plain, ks.aes, ks.rsa)
	before := formatsOf(t, root, plain)
	if s := summaryOf(t, cli(t, nil, args...).want(t, exitOK)); s.Done != n || s.Failed != 0 {
		t.Errorf("summary = %+v, want %d objects", s, n)
	}
	wantPlain(t, root, plain, ks.otherAES, ks.otherRSA)
	for key, f := range formatsOf(t, root, plain) {
		if f != before[key] {
			t.Errorf("%s: %s, was %s", key, f, before[key])
		}
	}
	for key := range plain {
		r := cli(t, nil, "cat", "-k", ks.aes, "-k", ks.rsa, "--accept", "legacy", root+"//"+key)
		wantShut(t, r, key == "p/v1-rsa", plain[key])
	}
	if s := summaryOf(t, cli(t, nil, args...).want(t, exitOK)); s.Done != 0 || s.Reasons["done by an earlier run"] != n {
		t.Errorf("second run = %+v, want nothing to do", s)
	}
}

// formatsOf returns format, wrap and kind of key of all objects.
func formatsOf(t *testing.T, root string, plain map[string]string) map[string]string {
	t.Helper()
	formats := make(map[string]string)
	for key := range plain {
		var d statReport
		r := cli(t, nil, "stat", "--json", root+"//"+key).want(t, exitOK)
		if err := json.Unmarshal([]byte(r.out), &d); err != nil {
			t.Fatal(err)
		}
		formats[key] = d.Format + " " + d.ContentAlgorithm + " " + d.Wrap + " " + d.Key
	}
	return formats
}

// TestRewrapKMS: one new key of a KMS serves both wraps, and contexts are kept.
func TestRewrapKMS(t *testing.T) {
	newKMS(t, "alias/a", "alias/b")
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	plain := make(map[string]string)
	for _, w := range [][2]string{{"v3", ""}, {"v2", ""}, {"v2", "kms"}, {"v2-cbc", "kms"}} {
		key := "p/" + w[0] + w[1]
		plain[key] = "content of " + key
		cli(t, strings.NewReader(plain[key]), "put", "-q", "-k", "kms:alias/a#user=alice", "--format", w[0], "--wrap", w[1], "-", root+"//"+key).want(t, exitOK)
	}
	plain["p/aes"] = "x"
	cli(t, strings.NewReader("x"), "put", "-q", "-k", ks.aes, "-", root+"//p/aes").want(t, exitOK)
	s := summaryOf(t, cli(t, nil, "rewrap", "-r", "-k", "kms:alias/a", "-k", ks.aes, "--to", "kms:alias/b", "--to", ks.otherAES, "--keep-matdesc",
		"--revoke", "--accept", "legacy", "--json", root).want(t, exitOK))
	if s.Done != 5 || s.KMSCalls != 8 {
		t.Errorf("summary = %+v, want 5 objects and 8 calls of the KMS", s)
	}
	wantPlain(t, root, plain, "kms:alias/b", ks.otherAES)
	for key := range plain {
		if r := cli(t, nil, "cat", "-k", "kms:alias/a", "-k", ks.aes, "--accept", "legacy", root+"//"+key); r.code != exitDecrypt {
			t.Errorf("%s: exit code %d with the old key, want %d", key, r.code, exitDecrypt)
		}
	}
	delete(plain, "p/aes")
	for key := range plain {
		if r := cli(t, nil, "stat", "--json", root+"//"+key); !strings.Contains(r.out, `"user": "alice"`) {
			t.Errorf("%s: the context is gone: %s", key, r.out)
		}
	}
}
