// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	dst := filepath.Join(dir, "dst")
	for _, w := range ways() {
		if w.accept == acceptV3 {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			write, read, _ := w.keys(ks)
			at := "dir:" + root + "//x"
			cli(t, bytes.NewReader(pattern(100)), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)
			flag := "--accept " + w.accept
			cli(t, nil, "get", "-k", read, at, dst).want(t, exitPolicy, flag)
			cli(t, nil, "get", "-k", read, at, "-").want(t, exitPolicy, flag)
			if r := cli(t, nil, "cat", "-k", read, at).want(t, exitPolicy, flag); r.out != "" {
				t.Errorf("cat wrote %d bytes", len(r.out))
			}
			cli(t, nil, "get", "-k", read, flagCTR, flagPlaintext, at, dst).want(t, exitPolicy, flag) // they are about others
			if w.accept == acceptLegacy {
				cli(t, nil, "get", "-k", read, "--accept", "v2", at, dst).want(t, exitPolicy, flag)
			}
			wantFiles(t, dir, "v")

			meta := filepath.Join(t.TempDir(), "m.json")
			sealed := cli(t, bytes.NewReader(pattern(100)), append([]string{"seal", "-k", write, "--metadata-out", meta}, w.flags()...)...).want(t, exitOK).out
			if r := cli(t, strings.NewReader(sealed), "open", "-k", read, "--metadata", meta).want(t, exitPolicy, flag); r.out != "" {
				t.Errorf("open wrote %d bytes", len(r.out))
			}
		})
	}
}

func TestPlaintextObject(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	store(t, root, "x", pattern(50), map[string]string{"owner": "me"})
	at := "dir:" + root + "//x"
	dst := filepath.Join(dir, "dst")
	cli(t, nil, "get", "-k", ks.aes, "--legacy", at, dst).want(t, exitPolicy, "--allow-plaintext")
	cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitPolicy, "--allow-plaintext")
	wantFiles(t, dir, "v")
	cli(t, nil, "get", "-k", ks.aes, "--allow-plaintext", at, dst).want(t, exitOK)
	wantFile(t, dst, pattern(50))
	if r := cli(t, nil, "cat", "-k", ks.aes, "--allow-plaintext", at).want(t, exitOK); r.out != string(pattern(50)) {
		t.Errorf("cat wrote %d bytes, want 50", len(r.out))
	}

	meta := writeFile(t, t.TempDir(), "m.json", []byte(`{"owner":"me"}`))
	cli(t, bytes.NewReader(pattern(50)), "open", "-k", ks.aes, "--metadata", meta).want(t, exitPolicy, "--allow-plaintext")
	if r := cli(t, bytes.NewReader(pattern(50)), "open", "-k", ks.aes, "--allow-plaintext", "--metadata", meta).want(t, exitOK); r.out != string(pattern(50)) {
		t.Errorf("open wrote %d bytes, want 50", len(r.out))
	}
}

// TestEnvelopeElsewhere: ciphertext whose envelope is not beside it must not
// be offered as plaintext.
func TestEnvelopeElsewhere(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	hint := map[string]string{"x-amz-unencrypted-content-length": "50"}
	store(t, root, "x", pattern(64), hint)
	at := "dir:" + root + "//x"
	meta := writeFile(t, t.TempDir(), "m.json", []byte(`{"X-Amz-Meta-X-Amz-Unencrypted-Content-Length":"50"}`))
	for _, flags := range [][]string{nil, {"--allow-plaintext"}} {
		r := cli(t, nil, append([]string{"cat", "-k", ks.aes, at}, flags...)...).want(t, exitPolicy, "instruction file")
		if r.out != "" {
			t.Errorf("cat wrote %d bytes", len(r.out))
		}
		open := append([]string{"open", "-k", ks.aes, "--metadata", meta}, flags...)
		if r := cli(t, bytes.NewReader(pattern(64)), open...).want(t, exitPolicy, "instruction file"); r.out != "" {
			t.Errorf("open wrote %d bytes", len(r.out))
		}
	}
	if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "instruction file") {
		t.Errorf("stat = %q, want where the envelope is", r.out)
	}
}

// TestWrongRoot: the folder of an object is part of its address.
func TestWrongRoot(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//a/b/x"
	cli(t, bytes.NewReader(pattern(50)), "put", "-k", ks.aes, "-", at).want(t, exitOK)
	wrong := "dir:" + filepath.Join(root, "a", "b", "x")
	for _, command := range []string{"cat", "stat"} {
		cli(t, nil, command, "-k", ks.aes, wrong).want(t, exitUsage, "want "+at)
	}
	wrong = "dir:" + filepath.Join(root, "a") + "//b/x" // as if it were a bucket
	r := cli(t, nil, "cat", "-k", ks.aes, wrong).want(t, exitPolicy, "is it "+at+"?")
	if strings.Contains(r.err, "allow") {
		t.Errorf("stderr = %q, which suggests to read ciphertext as it is", r.err)
	}
	if r := cli(t, nil, "stat", wrong).want(t, exitOK); !strings.Contains(r.out, "is it "+at+"?") {
		t.Errorf("stat = %q, want the right address", r.out)
	}
}

// TestBufferLimit: what is too large to be verified in memory says what to do.
func TestBufferLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 64 MiB")
	}
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	const size = 64<<20 - 16 // with the tag, the limit
	put := func(n int64) {
		cli(t, io.LimitReader(zeros{}, n), "put", "-k", ks.aes, "-", at).want(t, exitOK)
	}
	put(size + 1)
	if r := cli(t, nil, "cat", "-k", ks.aes, "--release", "buffered", at).want(t, exitPolicy, "--release spool", "--release unverified", "to a file"); r.out != "" {
		t.Errorf("cat wrote %d bytes", len(r.out))
	}
	if r := cli(t, nil, "cat", "-k", ks.aes, "--release", "unverified", at).want(t, exitOK); len(r.out) != size+1 {
		t.Errorf("cat wrote %d bytes, want %d", len(r.out), size+1)
	}
	dst := filepath.Join(dir, "dst")
	cli(t, nil, "get", "-k", ks.aes, at, dst).want(t, exitOK)
	if info, err := os.Stat(dst); err != nil || info.Size() != size+1 {
		t.Errorf("get wrote %v, %v; want %d bytes", info, err, size+1)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
