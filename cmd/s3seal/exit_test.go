// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("connection reset"), exitFailure},
		{io.ErrUnexpectedEOF, exitFailure},
		{fs.ErrNotExist, exitFailure}, // a file of ours, not an object
		{backend.ErrSize, exitFailure},
		{backend.ErrRange, exitFailure},
		{stream.ErrTooLarge, exitFailure},
		{usagef("x"), exitUsage},
		{backend.ErrKey, exitUsage},
		{envelope.ErrDecrypt, exitDecrypt},
		{wrap.ErrUnwrap, exitDecrypt},
		{wrap.ErrNoKey, exitDecrypt},
		{wrap.ErrContext, exitDecrypt},
		{&envelope.MetadataError{Name: "x-amz-iv", Reason: "x"}, exitDecrypt},
		{errMetadataFile, exitDecrypt},
		{&envelope.PolicyError{Option: "AllowUncommitted"}, exitPolicy},
		{envelope.ErrNotEncrypted, exitPolicy},
		{stream.ErrBufferLimit, exitPolicy},
		{backend.ErrNotExist, exitNotFound},
		{backend.ErrChanged, exitChanged},
		{&partlyError{1, 2}, exitPartly},
	} {
		t.Run(fmt.Sprint(c.err), func(t *testing.T) {
			err := c.err
			if err != nil {
				err = fmt.Errorf("somewhere: %w", err)
			}
			if got := exitCode(t.Context(), err); got != c.want {
				t.Errorf("exitCode = %d, want %d", got, c.want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			want := exitInterrupted
			if err == nil {
				want = exitOK // it was done before the signal
			}
			if got := exitCode(ctx, err); got != want {
				t.Errorf("exitCode after a signal = %d, want %d", got, want)
			}
		})
	}
}

func TestUsageErrors(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	src := writeFile(t, dir, "src", []byte("x"))
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	junk := "aes:" + writeFile(t, dir, "junk", []byte("x"))
	fresh := filepath.Join(dir, "fresh.key")
	for _, args := range [][]string{
		{},
		{"frobnicate"},
		{"put"},
		{"put", "--frobnicate"},
		{"put", src, at},
		{"put", "-k", ks.aes, src},
		{"put", "-k", ks.aes, src, at, "more"},
		{"put", "-k", ks.aes, "-k", ks.otherAES, src, at},
		{"put", "-k", ks.aes, "--new-key", fresh, src, at},
		{"put", "-k", "vault.key", src, at},
		{"put", "-k", junk, src, at},
		{"put", "-k", ks.aes, "--format", "v4", src, at},
		{"put", "-k", ks.aes, "--wrap", "rot13", src, at},
		{"put", "-k", ks.aes, "--wrap", "kms+context", src, at},
		{"put", "-k", ks.aes, "--wrap", "AESWrap", src, at},
		{"put", "-k", ks.aes, "--wrap", "RSA-OAEP-SHA1", src, at},
		{"put", "-k", ks.aes, "--format", "v1", "--wrap", "AES/GCM", src, at},
		{"put", "-k", ks.rsa, "--wrap", "AES/GCM", src, at},
		{"put", "-k", ks.rsa, "--wrap", "RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "--format", "v2", src, at},
		{"put", "-k", ks.aes, "--matdesc", "a", src, at},
		{"put", "-k", ks.aes, "--matdesc", "a=1", "--matdesc", "a=2", src, at},
		{"put", "-k", ks.aes + "#a=1", "--matdesc", "a=2", src, at},
		{"put", "-k", ks.aes, "--expect-size=-5", src, at},
		{"put", "-k", ks.aes, "--expect-size", "many", src, at},
		{"put", "-k", ks.aes, src, src},
		{"put", "-k", ks.aes, src, "dir:" + dir + "//../x"},
		{"put", "--new-key", fresh, "--wrap", "RSA-OAEP-SHA1", src, at},
		{"put", "--new-key", fresh, "--format", "v3", "--matdesc", "a", src, at},
		{"put", "-k", ks.aes, "--endpoint", "http://u:p@h", src, "s3://b/k"},
		{"get", at, src},
		{"get", "-k", ks.aes, at},
		{"get", "-k", ks.aes, at, ""},
		{"get", "-k", ks.aes, at, dir},
		{"get", "-k", ks.rsaPub, at, src},
		{"get", "-k", ks.aes, "--accept", "v1", at, src},
		{"get", "-k", ks.aes, "--release", "now", at, src},
		{"cat", "-k", ks.aes, "--range", "5-4", at},
		{"cat", "-k", ks.aes, "--range", "x", at},
		{"cat", "-k", ks.aes, at, "--range"},
		{"stat"},
		{"stat", src},
		{"stat", "-k", "vault.key", at},
		{"stat", "-k", ks.rsaPub, at},
		{"stat", "--require-context", at},
		{"get", "-k", ks.aes, "--require-context", at, src},
		{"get", "-k", ks.aes, "--encryption-context", "a=b", at, src},
		{"get", "-k", "kms:k#a=1", "--encryption-context", "a=2", at, src},
		{"get", "-k", "kms:k", "--encryption-context", "a", at, src},
		{"get", "-k", "kms:k", "--encryption-context", "kms_cmk_id=k", at, src},
		{"put", "-k", ks.aes, "--encryption-context", "a=b", src, at},
		{"put", "--new-key", fresh, "--encryption-context", "a=b", src, at},
		{"put", "-k", "kms:", src, at},
		{"put", "-k", "kms:k", "--format", "v1", src, at},
		{"put", "-k", "kms:k", "--wrap", "kms", src, at},
		{"put", "-k", "kms:k", "--wrap", "AES/GCM", src, at},
		{"put", "-k", "kms:k", "--matdesc", "a=b", src, at},
		{"put", "-k", "kms:k", "--encryption-context", "aws:x-amz-cek-alg=115", src, at},
		{"put", "-k", "kms:k", "--encryption-context", "kms_cmk_id=k", src, at},
		{"rm"},
		{"rm", "s3://bucket"},
		{"seal", "-k", ks.aes},
		{"seal", "-k", ks.aes, "--metadata-out", ""},
		{"seal", "-k", ks.aes, "--metadata-out", dir},
		{"seal", "--metadata-out", src},
		{"open", "-k", ks.aes},
		{"open", "--metadata", src},
	} {
		wantUsage(t, args)
	}
	wantFiles(t, dir, "junk", "src") // no key, no folder, no object
	wantFile(t, src, []byte("x"))
}

// TestUsageErrorsOfKMSServer: it serves this machine only, and wants a file.
func TestUsageErrorsOfKMSServer(t *testing.T) {
	dir := t.TempDir()
	fresh := filepath.Join(dir, "fresh.key")
	for _, args := range [][]string{
		{"kms-server"},
		{"kms-server", "--addr", "127.0.0.1:0"},
		{"kms-server", "--keys", fresh, "--addr", "127.0.0.1", "--create-key", "k"},
		{"kms-server", "--keys", fresh, "--addr", ":4599", "--create-key", "k"},
		{"kms-server", "--keys", fresh, "--addr", "0.0.0.0:4599", "--create-key", "k"},
		{"kms-server", "--keys", fresh, "--addr", "[::]:4599", "--create-key", "k"},
		{"kms-server", "--keys", fresh, "--addr", "192.0.2.1:4599", "--create-key", "k"},
		{"kms-server", "--keys", fresh, "--addr", "example.com:4599", "--create-key", "k"},
	} {
		wantUsage(t, args)
	}
	wantFiles(t, dir)
}

func wantUsage(t *testing.T, args []string) {
	t.Helper()
	t.Run(strings.Join(args, " "), func(t *testing.T) {
		if r := cli(t, nil, args...).want(t, exitUsage); r.out != "" && len(args) > 0 { // then it is the help
			t.Errorf("stdout = %q, want nothing", r.out)
		}
	})
}

func TestFailures(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	at := "dir:" + root + "//x"
	missing := filepath.Join(dir, "missing")
	meta := filepath.Join(dir, "m.json")
	broken := iotest.ErrReader(errors.New("disk on fire"))
	for _, c := range []struct {
		name  string
		stdin io.Reader
		args  []string
		hint  string
	}{
		{"no source", nil, []string{"put", "-k", ks.aes, missing, at}, missing},
		{"no source, new key", nil, []string{"put", "--new-key", filepath.Join(dir, "new.key"), missing, at}, missing},
		{"source is a folder", nil, []string{"put", "-k", ks.aes, dir, at}, "folder"},
		{"no key file", nil, []string{"put", "-k", "aes:" + missing, "-", at}, missing},
		{"broken source", broken, []string{"put", "-k", ks.aes, "-", at}, "disk on fire"},
		{"broken source, seal", broken, []string{"seal", "-k", ks.aes, "--metadata-out", meta}, "disk on fire"},
		{
			"half a source", io.MultiReader(bytes.NewReader(pattern(1<<20)), iotest.ErrReader(io.ErrUnexpectedEOF)),
			[]string{"put", "-k", ks.aes, "-", at},
			"unexpected EOF",
		},
		{"shorter than expected", bytes.NewReader(pattern(10)), []string{"put", "-k", ks.aes, "--expect-size", "11", "-", at}, "size"},
		{"longer than expected", bytes.NewReader(pattern(10)), []string{"put", "-k", ks.aes, "--expect-size", "9", "-", at}, "size"},
		{"no folder for metadata", nil, []string{"seal", "-k", ks.aes, "--metadata-out", filepath.Join(missing, "m")}, "missing"},
		{"no metadata file", nil, []string{"open", "-k", ks.aes, "--metadata", missing}, missing},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := cli(t, c.stdin, c.args...).want(t, exitFailure, c.hint)
			if c.args[0] == "put" && r.out != "" {
				t.Errorf("stdout = %q, want nothing", r.out)
			}
			if got := tree(t, root); len(got) > 0 {
				t.Errorf("files after = %q, want none", got)
			}
		})
	}
	if got := tree(t, dir); len(got) > 0 {
		t.Errorf("files after all = %q, want none", got)
	}
}

func TestExpectedSize(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	for _, n := range []int{0, 10} {
		cli(t, bytes.NewReader(pattern(n)), "put", "-k", ks.aes, "--expect-size", fmt.Sprint(n), "-", at).want(t, exitOK)
		if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != string(pattern(n)) {
			t.Errorf("cat wrote %d bytes, want %d", len(r.out), n)
		}
	}
}

func TestNotFound(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	store(t, root, "there", []byte("x"), nil)
	dst := filepath.Join(dir, "dst")
	for _, at := range []string{
		"dir:" + root + "//missing",
		"dir:" + root + "//no/such/folder/x",
		"dir:" + filepath.Join(dir, "no", "such", "root") + "//x",
		"dir:" + filepath.Join(dir, "nowhere", "x"),
	} {
		cli(t, nil, "get", "-k", ks.aes, at, dst).want(t, exitNotFound, at)
		cli(t, nil, "get", "-k", ks.aes, at, "-").want(t, exitNotFound, at)
		cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitNotFound, at)
		cli(t, nil, "stat", at).want(t, exitNotFound, at)
		cli(t, nil, "rm", at).want(t, exitNotFound, at)
	}
	wantFiles(t, dir, "v") // to read creates nothing
}
