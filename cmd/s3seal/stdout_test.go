// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStdoutFails: bytes that nobody got are no success.
func TestStdoutFails(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	at := "dir:" + root + "//x"
	cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.aes, "-", at).want(t, exitOK)
	meta := filepath.Join(dir, "m.json")
	sealed := cli(t, bytes.NewReader(pattern(100)), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK).out
	fresh := filepath.Join(dir, "fresh.json")
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"get", "-k", ks.aes, at, "-"}},
		{"", []string{"cat", "-k", ks.aes, at}},
		{"", []string{"stat", at}},
		{"", []string{"stat", "--json", at}},
		{"x", []string{"seal", "-k", ks.aes, "--metadata-out", fresh}},
		{sealed, []string{"open", "-k", ks.aes, "--metadata", meta}},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			var stderr bytes.Buffer
			code := run(t.Context(), c.args, strings.NewReader(c.stdin), brokenWriter{}, &stderr, os.Getenv)
			if code != exitFailure || !strings.Contains(stderr.String(), "write stdout: no space left") {
				t.Errorf("exit %d, stderr %q; want %d and what failed", code, stderr.String(), exitFailure)
			}
		})
	}
	wantFiles(t, dir, "m.json", "v")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestPrintable: what comes from storage cannot speak to the terminal.
func TestPrintable(t *testing.T) {
	if got := printable("a\nb\tc\x1b[2Jd\u202ee\x7f\u009bé漢"); got != "a b c?[2Jd?e??é漢" {
		t.Errorf("printable = %q", got)
	}
	root := filepath.Join(t.TempDir(), "v")
	ks := newKeySet(t)
	s := newSpecimen(t, ks.aes, "--matdesc", "a=\x1b[31m\n"+"fake line")
	store(t, root, "x", s.body, s.meta)
	if r := cli(t, nil, "stat", "dir:"+root+"//x").want(t, exitOK); strings.Contains(r.out, "\x1b") || strings.Contains(r.out, "\nfake") {
		t.Errorf("stat lets control characters through: %q", r.out)
	}
}
