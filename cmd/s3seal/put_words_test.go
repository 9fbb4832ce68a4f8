// SPDX-License-Identifier: Apache-2.0

package main

import (
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
