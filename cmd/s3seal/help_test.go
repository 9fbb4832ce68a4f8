// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestHelp(t *testing.T) {
	words := []string{"kms:KEYID", "s3://BUCKET/KEY", "130 interrupted", "aes:FILE"}
	commands := testParser(t).Model.Children
	for _, command := range commands {
		words = append(words, "\n  "+command.Name+" ")
	}
	r := cli(t, nil, "--help").want(t, exitOK)
	for _, word := range words {
		if !strings.Contains(r.out, word) {
			t.Errorf("--help does not mention %q", word)
		}
	}
	for _, command := range commands { // help_examples_test.go looks for the examples
		r := cli(t, nil, command.Name, "--help").want(t, exitOK)
		if r.err != "" || strings.Count(r.out, "Usage:") != 1 || !strings.Contains(oneLine(r.out), oneLine(command.Help)) {
			t.Errorf("%s --help = %q, %q, want it once, with what the command does", command.Name, r.out, r.err)
		}
	}
}

// oneLine is text before it was wrapped.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestHelpJSON: each command can say what it did in JSON, unless its stdout is
// content.
func TestHelpJSON(t *testing.T) {
	without := map[string]string{
		"cat":  "stdout is the plaintext",
		"open": "stdout is the plaintext",
		"seal": "stdout is the ciphertext; --metadata-out is JSON",
	}
	for _, command := range testParser(t).Model.Children {
		has := slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == "json" && f.IsBool() })
		if reason, ok := without[command.Name]; has == ok {
			t.Errorf("%s: --json = %v, want %v %s", command.Name, has, !ok, reason)
		}
		delete(without, command.Name)
	}
	for name := range without {
		t.Errorf("there is no command %s", name)
	}
}

// TestHelpGroups: flags are under headings that are the same for all commands, and in
// the same order.
func TestHelpGroups(t *testing.T) {
	order := []string{"Flags:", "Key:", "Format:", "Reading:", "Many objects:", "Object:", "Resume:", "Storage:"}
	for _, command := range testParser(t).Model.Children {
		var had []string
		for line := range strings.Lines(cli(t, nil, command.Name, "--help").want(t, exitOK).out) {
			line = strings.TrimSpace(line)
			if slices.Contains(order, line) {
				had = append(had, line)
			}
		}
		if !slices.IsSortedFunc(had, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) }) {
			t.Errorf("%s --help has %q, want them in the order of %q", command.Name, had, order)
		}
		for _, flag := range command.Flags {
			if flag.Group != nil && !slices.Contains(had, flag.Group.Title) {
				t.Errorf("%s: --%s is under %q, want one of %q", command.Name, flag.Name, flag.Group.Title, order)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if r := cli(t, nil, "--version").want(t, exitOK); !strings.HasPrefix(r.out, "s3seal ") || strings.Count(r.out, "\n") != 1 {
		t.Errorf("--version = %q, want one line", r.out)
	}
}

// TestUsageHint: a usage error says where the help is.
func TestUsageHint(t *testing.T) {
	cli(t, nil, "put", "--nonsense").want(t, exitUsage, "--nonsense", "s3seal put --help")
	cli(t, nil).want(t, exitUsage, "s3seal --help")
	cli(t, nil, "putt").want(t, exitUsage, "put", "s3seal --help")
	cli(t, nil, "get", "-k", "vault.key", "s3://b/k", "x").want(t, exitUsage, `"vault.key"`, "aes:FILE")
}

// TestBytesOfArguments: a file name that is not UTF-8 is still that file.
func TestBytesOfArguments(t *testing.T) {
	dir := t.TempDir()
	cli(t, nil, "keygen", dir+"/caf\xe9").want(t, exitOK)
	wantFiles(t, dir, "caf\xe9")
}
