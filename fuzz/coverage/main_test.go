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

// Two profiles: b.go has run in one binary, c.go in the other profile only.
var profiles = []string{
	"mode: set\n" +
		module + "a/a.go:1.1,2.2 90 1\n" +
		module + "a/b.go:1.1,2.2 5 0\n" +
		module + "a/b.go:1.1,2.2 5 7\n" +
		module + "a/in/c.go:1.1,2.2 5 0\n" +
		module + "ab/d.go:1.1,2.2 100 0\n",
	"mode: atomic\n" + module + "a/in/c.go:1.1,2.2 5 1\n" + module + "a/in/c.go:3.1,4.2 5 0\n",
}

func save(t *testing.T, texts ...string) (args []string) {
	t.Helper()
	for i, text := range texts {
		name := filepath.Join(t.TempDir(), string(rune('a'+i)))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-profile", name)
	}
	return args
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args string
		ok   bool
	}{
		{"a=100", true},       // b.go has run, c.go is elsewhere
		{"a/...=95.2", true},  // 100 of 105
		{"a/...=95.3", false}, // 95.238 %
		{"a/in=50", true},
		{"a/in=50.1", false},
		{"a=100 ab=1", false},
		{"ab=1 a=100", false},
	} {
		var out bytes.Buffer
		err := run(append(save(t, profiles...), strings.Fields(c.args)...), &out)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errTooLittle) {
			t.Errorf("%s: %v, want success %v; %s", c.args, err, c.ok, &out)
		}
	}
}

// TestRunMistakes: what cannot be judged is neither success nor too little.
func TestRunMistakes(t *testing.T) {
	for _, args := range []string{"", "a", "a=", "a=0", "a=101", "a=NaN", "a=x", "none=1", "a=1 none/...=1"} {
		if err := run(append(save(t, profiles...), strings.Fields(args)...), new(bytes.Buffer)); err == nil || errors.Is(err, errTooLittle) {
			t.Errorf("%q: %v, want another error", args, err)
		}
	}
	for _, text := range []string{"x", "f:1 2", "f 1 1", "f:1 x 1", "f:1 1 -1", "f:1 -1 1"} {
		if err := run(append(save(t, text), "a=1"), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("profile %q: %v, want an error that has it", text, err)
		}
	}
	if err := run([]string{"-profile", filepath.Join(t.TempDir(), "none"), "a=1"}, new(bytes.Buffer)); err == nil {
		t.Error("a profile that is not there is accepted")
	}
}
