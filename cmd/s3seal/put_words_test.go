// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestFormatInCapitals: the name of a format is read as it is also written.
func TestFormatInCapitals(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	cli(t, nil, "put", "-k", ks.aes, "--format", "V2-CBC", "-", at).want(t, exitOK)
	if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "v2-cbc") {
		t.Errorf("stat = %q, want format v2-cbc", r.out)
	}
	cli(t, nil, "put", "-k", ks.aes, "--format", "V4", "-", at).want(t, exitUsage, "v4", "v3")
}

// TestHelpInWords: help is there for who does not know the flag.
func TestHelpInWords(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"help", "put"}, {"help", "--help"}} {
		want := cli(t, nil, append(args[1:len(args):len(args)], "--help")...).want(t, exitOK).out
		if r := cli(t, nil, args...).want(t, exitOK); r.out != want || r.err != "" {
			t.Errorf("%q = %.60q, %q, want what --help prints", args, r.out, r.err)
		}
	}
	if r := cli(t, nil).want(t, exitUsage, "want a command"); !strings.Contains(r.out, "Usage: s3seal") {
		t.Errorf("without arguments = %.60q, want the help", r.out)
	}
	cli(t, nil, "help", "putt").want(t, exitUsage, "putt")
}

// TestAbortStaleNothing: that there is nothing to do is said, but not as data.
func TestAbortStaleNothing(t *testing.T) {
	root := t.TempDir()
	r := cli(t, nil, "abort-stale", "--all-uploads", "dir:"+root).want(t, exitOK, "no such uploads")
	quiet := cli(t, nil, "abort-stale", "-q", "--all-uploads", "dir:"+root).want(t, exitOK)
	if r.out+quiet.out+quiet.err != "" {
		t.Errorf("stdout %q, with -q %q and %q, want nothing", r.out, quiet.out, quiet.err)
	}
}

// TestExpectSizeInWords: one sentence, with both sizes where both are known.
func TestExpectSizeInWords(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	at := "dir:" + filepath.Join(folder, "v") + "//x"
	src := writeFile(t, folder, "src", pattern(10))
	for _, format := range []string{"v3", "v2-cbc", "chunked", "dare2"} {
		for _, c := range []struct {
			source, size, want string
		}{
			{"-", "11", "the source ends after 10 of the 11 bytes that --expect-size says: nothing was stored\n"},
			{"-", "9", "the source has more than the 9 bytes that --expect-size says: nothing was stored\n"},
			{src, "11", "the source ends after 10 of the 11 bytes that --expect-size says: nothing was stored\n"},
		} {
			r := cli(t, bytes.NewReader(pattern(10)), "put", "-k", ks.aes, "--format", format, "--expect-size", c.size, c.source, at)
			if want := "s3seal: " + at + ": " + c.want; r.code != exitFailure || r.err != want {
				t.Errorf("%s, %s: %d, %q, want %q", format, c.size, r.code, r.err, want)
			}
		}
	}
	for _, size := range []string{"11", "9"} {
		cli(t, nil, "put", "-k", ks.aes, "--resume", "--expect-size", size, src, at).want(t, exitFailure, "the source does not have the "+size+" bytes that --expect-size says")
	}
	cli(t, nil, "stat", at).want(t, exitNotFound)
}
