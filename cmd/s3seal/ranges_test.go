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
		if !strings.HasPrefix(w.format, "v3") && w.format != "v2" {
			continue // CBC has no ranges, see below
		}
		t.Run(w.String(), func(t *testing.T) {
			write, read, _ := w.keys(ks)
			at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
			cli(t, strings.NewReader(want), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)
			cat := func(r string, args ...string) result {
				return cli(t, nil, append([]string{"cat", "-k", read, "--legacy", "--range", r, at}, args...)...)
			}
			cat("0-9").want(t, exitPolicy, flagRanges)
			for r, part := range map[string]string{
				"0-9": want[:10], "5-5": want[5:6], "17-40": want[17:41], "90-": want[90:], "0-": want, "-1": want[99:],
				"-100": want, "-1000": want, "95-1000": want[95:], "99-99": want[99:],
			} {
				if got := cat(r, flagRanges).want(t, exitOK); got.out != part {
					t.Errorf("range %s = %x, want %x", r, got.out, part)
				}
			}
			for _, r := range []string{"100-", "100-100", "110-120", "116-"} {
				if got := cat(r, flagRanges).want(t, exitFailure, "range"); got.out != "" {
					t.Errorf("range %s = %x, want nothing", r, got.out)
				}
			}
		})
	}
}

// TestRangesOfCBC: what cannot be read in parts is not read at all.
func TestRangesOfCBC(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	for _, format := range []string{"v1", "v2-cbc"} {
		cli(t, strings.NewReader("abc"), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		r := cli(t, nil, "cat", "-k", ks.aes, "--legacy", flagRanges, "--range", "0-1", at).want(t, exitFailure, "unsupported")
		if r.out != "" {
			t.Errorf("%s: cat wrote %q", format, r.out)
		}
	}
}
