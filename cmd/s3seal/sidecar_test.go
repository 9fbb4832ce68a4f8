// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestSidecar: objects whose key is beside them, in a folder.
func TestSidecar(t *testing.T) {
	calls := newKMS(t, "alias/a", "alias/b")
	ks := newKeySet(t)
	dir := t.TempDir()
	want := pattern(4101)
	for _, w := range []way{
		{"v3", "", false, "v3"},
		{"v2", "", false, "legacy"}, // AESWrap
		{"v2", "AES/GCM", false, "v2"},
		{"v2-cbc", "", false, "legacy"},
	} {
		t.Run(w.format+" "+w.wrap, func(t *testing.T) {
			root := filepath.Join(dir, w.format+strings.ReplaceAll(w.wrap, "/", ""))
			at := "dir:" + root + "//x"
			put := append([]string{"put", "-k", "kms-sidecar:alias/a", "--matdesc", "app=x", "-", at}, w.flags()...)
			for range 2 { // the second put uses the key of the first
				before := calls.Load()
				cli(t, bytes.NewReader(want), put...).want(t, exitOK)
				if n := calls.Load() - before; n != 1 {
					t.Errorf("put made %d calls of the KMS, want 1", n)
				}
			}
			cat := []string{"cat", at, "--accept", w.accept, "-k"}
			for _, keys := range [][]string{
				{"kms-sidecar:alias/a"},
				{"kms-sidecar:alias/a", "--require-context"},
				{"kms-sidecar:alias/b", "-k", ks.otherAES, "-k", "kms:alias/a", "-k", "kms-sidecar:alias/a"},
			} {
				if r := cli(t, nil, append(cat, keys...)...).want(t, exitOK); r.out != string(want) {
					t.Errorf("cat -k %v wrote %d bytes, want %d", keys, len(r.out), len(want))
				}
			}
			dst := filepath.Join(dir, "dst")
			cli(t, nil, "get", "-k", "kms-sidecar:alias/a", "--accept", w.accept, at, dst).want(t, exitOK)
			wantFile(t, dst, want)
			wantOpens(t, at, opensYes, exitOK, "kms-sidecar:alias/a")
			wantOpens(t, at, opensNo, exitDecrypt, "kms-sidecar:alias/b")
			cli(t, nil, append(cat, "kms-sidecar:alias/b")...).want(t, exitDecrypt)
			cli(t, nil, append(cat, "kms-sidecar:alias/c")...).want(t, exitFailure, "NotFound")
			cli(t, nil, append(cat, "kms:alias/a")...).want(t, exitDecrypt, "an AES key", "x.key, which is for kms-sidecar:KEYID")
			if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "app=x") {
				t.Errorf("stat = %q, want the materials description", r.out)
			}
		})
	}
}

// TestSidecarFile: what the sidecar may look like, and what is said of one that
// is not there or is none.
func TestSidecarFile(t *testing.T) {
	calls := newKMS(t, "alias/a", "alias/b")
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	want := pattern(100)
	put := []string{"put", "-k", "kms-sidecar:alias/a", "-", at}
	cli(t, bytes.NewReader(want), put...).want(t, exitOK)
	file := filepath.Join(root, "x.key")
	blob := readFile(t, file)

	store(t, root, "x.key", base64.StdEncoding.AppendEncode(nil, blob), nil)
	if r := cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at).want(t, exitOK); r.out != string(want) {
		t.Errorf("cat wrote %d bytes, want %d", len(r.out), len(want))
	}
	store(t, root, "x.key", blob[:20], nil)
	cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at).want(t, exitDecrypt, "cannot decrypt")

	before := calls.Load()
	store(t, root, "x.key", make([]byte, backend.MaxSidecarSize+1), nil)
	cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at).want(t, exitDecrypt, "x.key", "8192")
	cli(t, nil, put...).want(t, exitDecrypt, "x.key")
	cli(t, nil, "rm", "dir:"+root+"//x.key").want(t, exitOK)
	for _, args := range [][]string{
		{"cat", at},
		{"stat", at},
		{"get", at, filepath.Join(t.TempDir(), "dst")},
		{"cat", at, "--range", "0-9", flagRanges},
		{"cat", at, "-k", "kms:alias/a"},
	} {
		r := cli(t, nil, append(args, "-k", "kms-sidecar:alias/a")...).want(t, exitNotFound, at+".key: not found")
		if args[0] == "cat" && r.out != "" {
			t.Errorf("%v wrote %d bytes", args, len(r.out))
		}
	}
	cli(t, nil, "stat", at).want(t, exitOK)
	if n := calls.Load() - before; n != 0 {
		t.Errorf("%d calls of the KMS without a sidecar, want 0", n)
	}
	cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at+"y").want(t, exitNotFound, at+"y: not found")
}

// TestSidecarStays: nothing but a put makes a sidecar, and nothing replaces one.
func TestSidecarStays(t *testing.T) {
	newKMS(t, "alias/a", "alias/b")
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	cli(t, bytes.NewReader(pattern(100)), "put", "-k", "kms-sidecar:alias/a", "-", at).want(t, exitOK)
	blob := readFile(t, filepath.Join(root, "x.key"))
	cli(t, nil, "put", "-k", "kms-sidecar:alias/b", "-", at).want(t, exitDecrypt, "x.key", "not under this key")
	cli(t, nil, "put", "-k", "kms-sidecar:alias/a", "-", at+".key").want(t, exitUsage, ".key")
	cli(t, nil, "put", "-k", "kms-sidecar:alias/a", filepath.Join(root, "none"), at).want(t, exitFailure)
	if r := cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at).want(t, exitOK); r.out != string(pattern(100)) {
		t.Errorf("cat wrote %d bytes, want 100", len(r.out))
	}
	cli(t, nil, "rm", at).want(t, exitOK)
	wantFile(t, filepath.Join(root, "x.key"), blob)
	if _, err := os.Stat(filepath.Join(root, "x")); err == nil {
		t.Error("rm left the object")
	}
	cli(t, bytes.NewReader(pattern(50)), "put", "-k", "kms-sidecar:alias/a", "-", at).want(t, exitOK)
	wantFile(t, filepath.Join(root, "x.key"), blob)
}

// TestSidecarContext: the encryption context is the key's, and has to be given.
func TestSidecarContext(t *testing.T) {
	newKMS(t, "alias/a")
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, bytes.NewReader(pattern(100)), "put", "-k", "kms-sidecar:alias/a#user=alice", "--encryption-context", "app=x", "-", at).want(t, exitOK)
	cat := []string{"cat", at, "-k"}
	for _, keys := range [][]string{
		{"kms-sidecar:alias/a#app=x,user=alice"},
		{"kms-sidecar:alias/a", "--encryption-context", "user=alice", "--encryption-context", "app=x"},
	} {
		cli(t, nil, append(cat, keys...)...).want(t, exitOK)
	}
	cli(t, nil, append(cat, "kms-sidecar:alias/a")...).want(t, exitDecrypt)
	cli(t, nil, append(cat, "kms-sidecar:alias/a#user=alice")...).want(t, exitDecrypt)
	if r := cli(t, nil, "stat", at).want(t, exitOK); strings.Contains(r.out, "alice") {
		t.Errorf("stat = %q, want nothing of the context", r.out)
	}
}

func TestSidecarUsage(t *testing.T) {
	calls := newKMS(t, "alias/a")
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	for _, args := range [][]string{
		{"put", "-k", "kms-sidecar:", "-", at},
		{"put", "-k", "kms-sidecar:alias/a", "--format", "v1", "-", at},
		{"put", "-k", "kms-sidecar:alias/a", "--wrap", "AESWrap", "-", at},
		{"put", "-k", "kms-sidecar:alias/a", "--wrap", "kms", "--format", "v2", "-", at},
		{"put", "-k", "kms-sidecar:alias/a#kms_cmk_id=x", "-", at},
		{"put", "-k", "kms-sidecar:alias/a#user=a", "--encryption-context", "user=b", "-", at},
		{"cat", "-k", "kms-sidecar:alias/a#aws:x-amz-cek-alg=115", at},
		{"cat", "-k", "kms-sidecar:alias/a#a", at},
		{"seal", "-k", "kms-sidecar:alias/a", "--metadata-out", filepath.Join(dir, "m")},
		{"open", "-k", "kms-sidecar:alias/a", "--metadata", filepath.Join(dir, "m")},
	} {
		cli(t, nil, args...).want(t, exitUsage)
	}
	wantFiles(t, dir)
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls of the KMS, want 0", n)
	}
}

// TestSidecarS3: the same on S3 servers.
func TestSidecarS3(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newKMS(t, "alias/a")
		t.Setenv("AWS_ENDPOINT_URL_S3", srv.URL())
		t.Setenv("AWS_REGION", srv.Region)
		t.Setenv("AWS_SESSION_TOKEN", "")
		t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
		bucket := srv.NewBucket(t)
		at := "s3://" + bucket + "/dir/x"
		for _, size := range []int{100, 4101} {
			cli(t, bytes.NewReader(pattern(size)), "put", "-k", "kms-sidecar:alias/a", "--format", "v2", "-", at).want(t, exitOK)
			r := cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", "--legacy", at).want(t, exitOK)
			if r.out != string(pattern(size)) {
				t.Errorf("cat wrote %d bytes, want %d", len(r.out), size)
			}
		}
		if got := strings.Join(srv.Objects(t, bucket), " "); !strings.Contains(got, "dir/x.key") {
			t.Errorf("objects %q, want dir/x.key", got)
		}
		wantOpens(t, at, opensYes, exitOK, "kms-sidecar:alias/a")
		cli(t, nil, "rm", at).want(t, exitOK)
		if got := srv.Objects(t, bucket); len(got) != 1 {
			t.Errorf("objects after rm: %q, want the sidecar", got)
		}
		cli(t, nil, "put", "-k", "kms-sidecar:alias/a", "-", at).want(t, exitOK)
		cli(t, nil, "rm", at+".key").want(t, exitOK)
		cli(t, nil, "cat", "-k", "kms-sidecar:alias/a", at).want(t, exitNotFound, at+".key: not found")
	})
}
