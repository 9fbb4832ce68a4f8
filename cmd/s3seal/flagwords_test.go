// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// TestFlagWithoutValue: whatever kind of value is missing, it is said without what
// the parser calls it.
func TestFlagWithoutValue(t *testing.T) {
	const usage = " (see s3seal "
	for _, c := range []struct{ args, want string }{
		{"ls dir:v --workers", `--workers: want a value`},
		{"put a dir:b --new-key", `--new-key: want a value`},
		{"put a dir:b --format", `--format: want a value`},
		{"put a dir:b --expect-size", `--expect-size: want a value`},
		{"put a dir:b --meta", `--meta: want a value`},
		{"put a dir:b -k", `--key: want a value`},
		{"abort-stale dir:v --older-than", `--older-than: want a value`},
		{"cat dir:v//x --release", `--release: want a value`},
		{"ls dir:v --workers --json", `--workers: want a value: if "--json" is one, write --workers="--json"`},
		{"put --meta -x=y a dir:b", `--meta: want a value: if "-x=y" is one, write --meta="-x=y"`},
		{"ls dir:v --workers x", `--workers: want a whole number, got "x"`},
		{"ls dir:v --workers=", `--workers: want a whole number, got ""`},
	} {
		args := strings.Fields(c.args)
		if r := cli(t, nil, args...).want(t, exitUsage); r.err != "s3seal: "+c.want+usage+args[0]+" --help)\n" {
			t.Errorf("%s = %q, want %q", c.args, r.err, c.want)
		}
	}
}

// TestEveryFlagWithoutValue is for those that are yet to come.
func TestEveryFlagWithoutValue(t *testing.T) {
	for _, command := range testParser(t).Model.Children {
		for _, flag := range command.Flags {
			if flag.IsBool() {
				continue
			}
			name := "--" + flag.Name
			for _, args := range [][]string{{command.Name, name}, {command.Name, name, "--quiet"}} {
				r := cli(t, nil, args...).want(t, exitUsage, name+": ", "want ")
				for _, word := range []string{"EOL", "expect", "token", "perhaps", "long flag"} {
					if strings.Contains(r.err, word) && !strings.Contains(name, word) {
						t.Errorf("%q = %q, in the words of the parser", args, r.err)
					}
				}
			}
		}
	}
}
