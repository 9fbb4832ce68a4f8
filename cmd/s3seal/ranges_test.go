// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestRanges(t *testing.T) {
	ks := newKeySet(t)
	want := string(pattern(100))
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			write, read, _ := w.keys(ks)
			at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
			cli(t, strings.NewReader(want), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)
			cat := func(r string, args ...string) result {
				return cli(t, nil, append([]string{"cat", "-k", read, "--legacy", "--range", r, at}, args...)...)
			}
			if w.format == "chunked" || w.format == "dare2" { // of which a range is verified
				cat("0-9").want(t, exitOK)
			} else {
				cat("0-9").want(t, exitPolicy, flagRanges)
			}
			for r, part := range map[string]string{
				"0-9": want[:10], "5-5": want[5:6], "17-40": want[17:41], "90-": want[90:], "0-": want, "-1": want[99:],
				"-100": want, "-1000": want, "95-1000": want[95:], "99-99": want[99:],
			} {
				if got := cat(r, flagRanges).want(t, exitOK); got.out != part {
					t.Errorf("range %s = %x, want %x", r, got.out, part)
				}
			}
			for _, r := range []string{"100-", "100-100", "110-120", "112-", "116-", "9223372036854775807-"} {
				if got := cat(r, flagRanges).want(t, exitFailure, "range not satisfiable"); got.out != "" {
					t.Errorf("range %s = %x, want nothing", r, got.out)
				}
			}
			for _, r := range []string{"0-1,3-4", "5-4", "-0", "bytes=0-1"} {
				if got := cat(r, flagRanges).want(t, exitUsage, "want A-B"); got.out != "" {
					t.Errorf("range %s = %x, want nothing", r, got.out)
				}
			}
		})
	}
}

// TestRangesOfNothing: an empty object has no ranges, not even the last bytes.
func TestRangesOfNothing(t *testing.T) {
	ks := newKeySet(t)
	for _, format := range []string{"v3", "v2", "v2-cbc", "v1"} {
		at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
		cli(t, strings.NewReader(""), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		for _, r := range []string{"0-", "0-0", "-1", "15-15", "16-"} {
			cli(t, nil, "cat", "-k", ks.aes, "--legacy", flagRanges, "--range", r, at).want(t, exitFailure, "range not satisfiable")
		}
	}
}

// TestRangesOfCBC: a range is no way around the policy for the format, and
// what touches the padding holds it to account, by the exit code of any other
// damage.
func TestRangesOfCBC(t *testing.T) {
	ks := newKeySet(t)
	for _, format := range []string{"v1", "v2-cbc"} {
		root := filepath.Join(t.TempDir(), "v")
		at := "dir:" + root + "//x"
		cli(t, strings.NewReader(string(pattern(100))), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		cat := func(r string, args ...string) result {
			return cli(t, nil, append([]string{"cat", "-k", ks.aes, flagRanges, "--range", r, at}, args...)...)
		}
		if r := cat("0-9").want(t, exitPolicy, "--accept legacy"); r.out != "" {
			t.Errorf("%s: cat wrote %q", format, r.out)
		}
		body, meta := stored(t, root, "x")
		store(t, root, "x", flipped(body, len(body)-17), meta)
		if r := cat("3-95", "--legacy").want(t, exitOK); len(r.out) != 93 {
			t.Errorf("%s: before the last block: %d bytes, want 93", format, len(r.out))
		}
		for _, r := range []string{"90-99", "96-96", "100-", "-1", "-1000", "0-"} {
			if got := cat(r, "--legacy").want(t, exitDecrypt, "cannot decrypt"); got.out != "" {
				t.Errorf("%s: range %s of a damaged object = %x, want nothing", format, r, got.out)
			}
		}
	}
}
