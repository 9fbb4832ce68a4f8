// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/stream"
)

// ownFormats are s3seal's own, with the --accept that each needs.
func ownFormats() map[string]string { return map[string]string{"chunked": acceptV3, "dare2": acceptV2} }

// TestSeveralRecipients: an object sealed for several keys opens with each of
// them, and stat names them all.
func TestSeveralRecipients(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	want := string(pattern(40_000))
	put := []string{"put", "-k", ks.aes + "#kid=1", "-k", ks.rsaPub + "#kid=2", "--format", "chunked", "-", at}
	if r := cli(t, strings.NewReader(want), put...).want(t, exitOK); !strings.Contains(r.out, "or key     "+ks.rsaPub) {
		t.Errorf("put does not name the second key: %s", r.out)
	}
	for _, key := range []string{ks.aes, ks.rsa, ks.aes + "#kid=1", ks.rsa + "#kid=2"} {
		if r := cli(t, nil, "cat", "-k", key, at).want(t, exitOK); r.out != want {
			t.Errorf("cat with %s wrote %d bytes", key, len(r.out))
		}
		wantOpens(t, at, opensYes, exitOK, key)
	}
	for _, key := range []string{ks.otherAES, ks.otherRSA} {
		cli(t, nil, "cat", "-k", key, at).want(t, exitDecrypt)
		wantOpens(t, at, opensNo, exitDecrypt, key)
	}
	cli(t, nil, "cat", "-k", ks.aes+"#kid=9", at).want(t, exitDecrypt, "an AES key", "kid=1", "an RSA private key", "kid=2")

	var d statReport
	if err := json.Unmarshal([]byte(cli(t, nil, "stat", "--json", at).want(t, exitOK).out), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Recipients) != 2 || d.Recipients[0].Key != kindAES || d.Recipients[1].Key != kindRSA || d.Recipients[1].MatDesc["kid"] != "2" || !d.Committed {
		t.Errorf("stat = %+v", d)
	}
	if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "or key     rsa, wrap RSA-OAEP-SHA1, matdesc kid=2") {
		t.Errorf("stat = %s", r.out)
	}

	meta := filepath.Join(dir, "m.json")
	sealed := cli(t, strings.NewReader(want), "seal", "-k", ks.aes, "-k", ks.rsaPub, "--format", "chunked", "--metadata-out", meta).want(t, exitOK).out
	for _, key := range []string{ks.aes, ks.rsa} {
		if r := cli(t, strings.NewReader(sealed), "open", "-k", key, "--metadata", meta).want(t, exitOK); r.out != want {
			t.Errorf("open with %s wrote %d bytes", key, len(r.out))
		}
	}
}

// TestRecipientOfKMS: an object for a file key and a key of a KMS. Each flag is for
// the kind of key that has a use for it, and for none is an error.
func TestRecipientOfKMS(t *testing.T) {
	ks := newKeySet(t)
	newKMS(t, "alias/a")
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	put := []string{"put", "--format", "chunked", "--matdesc", "app=x", flagContext, "user=alice", "-", at}
	cli(t, strings.NewReader("for both"), append(put, "-k", ks.aes, "-k", "kms:alias/a")...).want(t, exitOK)
	for _, args := range [][]string{
		{"-k", ks.aes}, {"-k", ks.aes + "#app=x"}, {"-k", "kms:alias/a"}, {"-k", "kms:alias/a", flagContext, "user=alice"},
	} {
		if r := cli(t, nil, append([]string{"cat", at}, args...)...).want(t, exitOK); r.out != "for both" {
			t.Errorf("cat with %q wrote %q", args, r.out)
		}
	}
	cli(t, nil, "cat", at, "-k", "kms:alias/a", flagContext, "user=bob").want(t, exitDecrypt)
	cli(t, nil, append(put, "-k", ks.aes, "-k", ks.rsaPub)...).want(t, exitUsage, flagContext)
	cli(t, nil, append(put, "-k", "kms:alias/a", "-k", "kms:alias/a")...).want(t, exitUsage, "--matdesc")
}

// TestSeveralRecipientsRefused: what cannot be is said before anything is read
// or made.
func TestSeveralRecipientsRefused(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	for _, format := range []string{"v3", "v2", "v2-cbc", "v1", "dare2"} {
		cli(t, nil, "put", "-k", ks.aes, "-k", ks.rsaPub, "--format", format, "-", at).want(t, exitUsage, "--format chunked", format)
		cli(t, nil, "seal", "-k", ks.aes, "-k", ks.rsaPub, "--format", format, "--metadata-out", root).want(t, exitUsage, "--format chunked")
	}
	nine := []string{"put", "--format", "chunked", "-", at}
	for range 9 {
		nine = append(nine, "-k", ks.aes)
	}
	cli(t, nil, nine...).want(t, exitUsage, "at most 8")
	cli(t, nil, nine[:len(nine)-2]...).want(t, exitOK)
	cli(t, nil, "put", "-k", ks.aes, "-k", ks.rsaPub, "--wrap", "AES/GCM", "--format", "chunked", "-", at).want(t, exitUsage, "--wrap")
}

// TestBind: a bound object opens at its place only, whatever command reads it.
func TestBind(t *testing.T) {
	ks := newKeySet(t)
	want := string(pattern(100))
	for format, accept := range ownFormats() {
		dir := t.TempDir()
		root := filepath.Join(dir, "v")
		at, copied := "dir:"+root+"//a/x", "dir:"+root+"//a/copy"
		cli(t, strings.NewReader(want), "put", "-k", ks.aes, "--format", format, "--bind", "-", at).want(t, exitOK)
		body, meta := stored(t, root, "a/x")
		store(t, root, "a/copy", body, meta)
		read := func(at string, code int, args ...string) result {
			t.Helper()
			r := cli(t, nil, append([]string{"cat", "-k", ks.aes, "--accept", accept, at}, args...)...).want(t, code)
			if code != exitOK && r.out != "" {
				t.Errorf("%s: %d bytes with exit code %d", at, len(r.out), code)
			}
			return r
		}
		for _, args := range [][]string{nil, {flagRequireBound}, {"--range", "0-"}} {
			if r := read(at, exitOK, args...); r.out != want {
				t.Errorf("%s: %d bytes", format, len(r.out))
			}
			read(copied, exitDecrypt, args...)
		}
		if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "bound      to its bucket and key") {
			t.Errorf("stat = %s", r.out)
		}
		cli(t, strings.NewReader(want), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		read(at, exitOK)
		read(at, exitPolicy, flagRequireBound).want(t, exitPolicy, flagRequireBound)

		file := filepath.Join(dir, "m.json")
		sealed := cli(t, strings.NewReader(want), "seal", "-k", ks.aes, "--format", format, "--bind", "s3://b/k", "--metadata-out", file).want(t, exitOK).out
		open := func(code int, args ...string) result {
			t.Helper()
			return cli(t, strings.NewReader(sealed), append([]string{"open", "-k", ks.aes, "--accept", accept, "--metadata", file}, args...)...).want(t, code)
		}
		if r := open(exitOK, "--bind", "s3://b/k"); r.out != want {
			t.Errorf("open wrote %d bytes", len(r.out))
		}
		open(exitDecrypt, "--bind", "s3://b/other")
		open(exitDecrypt, "--bind", "dir:b//k")
		open(exitPolicy).want(t, exitPolicy, flagBind)
		open(exitUsage, "--bind", "b/k")
	}
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", []byte("plain"), nil)
	meta := writeFile(t, t.TempDir(), "m.json", []byte("{}"))
	for _, args := range [][]string{{"cat", "dir:" + root + "//x"}, {"open", "--metadata", meta}} {
		r := cli(t, strings.NewReader("plain"), append(args, "-k", ks.aes, flagPlaintext, flagRequireBound)...).want(t, exitPolicy)
		if r.out != "" {
			t.Errorf("%s: plaintext passes for bound content: %q", args[0], r.out)
		}
	}
	cli(t, nil, "put", "-k", ks.aes, "--bind", "-", "dir:"+t.TempDir()+"//x").want(t, exitUsage, "--format chunked")
	cli(t, nil, "seal", "-k", ks.aes, "--bind", "s3://b/k", "--metadata-out", "m").want(t, exitUsage, "--format chunked")
}

// TestOwnInstructionFile: the keys are in the file, all else stays.
func TestOwnInstructionFile(t *testing.T) {
	ks := newKeySet(t)
	for format, accept := range ownFormats() {
		for _, want := range []string{"", string(pattern(100))} {
			dir := t.TempDir()
			at := "dir:" + filepath.Join(dir, "v") + "//x"
			cli(t, strings.NewReader(want), "put", "-k", ks.aes, "--format", format, flagInstruction, "-", at).want(t, exitOK)
			if r := cli(t, nil, "cat", "-k", ks.aes, "--accept", accept, at).want(t, exitOK); r.out != want {
				t.Errorf("%s: cat wrote %d bytes", format, len(r.out))
			}
			cli(t, nil, "put", "-k", ks.aes, "--format", format, flagInstruction, "-", at).want(t, exitPolicy, flagInstructionOverwrite)
			cli(t, nil, "rm", at).want(t, exitOK)
			cli(t, nil, "stat", at+".instruction").want(t, exitNotFound)

			meta, file := filepath.Join(dir, "m"), filepath.Join(dir, "i")
			cli(t, nil, "seal", "-k", ks.aes, "--format", format, "--instruction-out", file).want(t, exitUsage, "--metadata-out")
			sealed := cli(t, strings.NewReader(want), "seal", "-k", ks.aes, "--format", format, "--instruction-out", file, "--metadata-out", meta).want(t, exitOK).out
			r := cli(t, strings.NewReader(sealed), "open", "-k", ks.aes, "--accept", accept, "--instruction", file, "--metadata", meta).want(t, exitOK)
			if r.out != want {
				t.Errorf("%s: open wrote %d bytes", format, len(r.out))
			}
		}
	}
}

// TestOwnPolicy: chunked opens by default, DARE only where --accept says so, and
// neither passes for plaintext, however damaged its metadata are.
func TestOwnPolicy(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	for format := range ownFormats() {
		cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		body, meta := stored(t, root, "x")
		for _, name := range slices.Sorted(maps.Keys(meta)) {
			cut := maps.Clone(meta)
			delete(cut, name)
			if name == "s3seal-matdesc" {
				continue // may be missing
			}
			store(t, root, "y", body, cut)
			for _, args := range [][]string{{"cat"}, {"cat", "--range", "0-9", flagRanges}} {
				r := cli(t, nil, append(args, "-k", ks.aes, "--legacy", flagPlaintext, "dir:"+root+"//y")...)
				if r.code != exitDecrypt && r.code != exitPolicy || r.out != "" {
					t.Errorf("%s without %s: exit code %d, %d bytes", format, name, r.code, len(r.out))
				}
			}
		}
	}
	for _, name := range []string{"s3seal-new", "s3seal-suite", "S3Seal-Key"} {
		meta := writeFile(t, t.TempDir(), "m.json", fmt.Appendf(nil, `{%q: "1"}`, name))
		r := cli(t, bytes.NewReader(pattern(50)), "open", "-k", ks.aes, flagPlaintext, "--metadata", meta)
		if r.code != exitDecrypt && r.code != exitPolicy || r.out != "" {
			t.Errorf("open with %s: exit code %d, %d bytes", name, r.code, len(r.out))
		}
	}
}

// TestTooLarge: where GCM ends, the message names the format that goes on.
func TestTooLarge(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	over := fmt.Sprint(stream.GCMMaxSize + 1)
	put := func(format string) result {
		return cli(t, strings.NewReader("x"), "put", "-k", ks.aes, "--format", format, "--expect-size", over, "-", "dir:"+root+"//x")
	}
	for _, format := range []string{"v3", "v2"} {
		put(format).want(t, exitFailure, "format "+format+" ends at 64 GiB", "--format chunked")
		err := sealFlags{Format: format}.explainSize(fmt.Errorf("seal: %w", stream.ErrTooLarge))
		if !errors.Is(err, stream.ErrTooLarge) || !strings.Contains(err.Error(), "--format chunked") {
			t.Errorf("%s: %v", format, err)
		}
	}
	for _, format := range []string{"chunked", "dare2", "v2-cbc"} {
		if r := put(format).want(t, exitFailure); strings.Contains(r.err, "64 GiB") { // the source is not that long
			t.Errorf("%s: %s", format, r.err)
		}
		err := fmt.Errorf("seal: %w", stream.ErrTooLarge)
		if got := (sealFlags{Format: format}).explainSize(err); got != err {
			t.Errorf("%s: %v", format, got)
		}
	}
}

// TestS3OwnFormats: s3seal's own formats on S3 servers, bound and for several
// keys, whole and in part, altered and not.
func TestS3OwnFormats(t *testing.T) {
	ks := newKeySet(t)
	want := string(pattern(200_000))
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, v := range s3Env(srv) {
			if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
				t.Setenv(name, value)
			}
		}
		bucket := srv.NewBucket(t)
		for format, accept := range ownFormats() {
			at := "s3://" + bucket + "/" + format
			put := []string{"put", "-k", ks.aes, "--format", format, "--bind", "-", at}
			if format == "chunked" {
				put = append(put, "-k", ks.rsaPub)
			}
			for _, text := range []string{"", want} {
				cli(t, strings.NewReader(text), put...).want(t, exitOK)
				if r := cli(t, nil, "cat", "-k", ks.aes, "--accept", accept, at).want(t, exitOK); r.out != text {
					t.Errorf("%s: cat wrote %d bytes, want %d", format, len(r.out), len(text))
				}
			}
			if r := cli(t, nil, "cat", "-k", ks.aes, "--accept", accept, "--range", "70000-150000", at).want(t, exitOK); r.out != want[70000:150001] {
				t.Errorf("%s: a range of %d bytes, or others", format, len(r.out))
			}
			dst := filepath.Join(t.TempDir(), "dst")
			cli(t, nil, "get", "-k", ks.aes, "--accept", accept, at, dst).want(t, exitOK)
			wantFile(t, dst, []byte(want))
			cli(t, nil, "cat", "-k", ks.otherAES, "--accept", accept, at).want(t, exitDecrypt)
		}
		if r := cli(t, nil, "cat", "-k", ks.rsa, "s3://"+bucket+"/chunked").want(t, exitOK); r.out != want {
			t.Errorf("the second key: %d bytes", len(r.out))
		}
	})
}
