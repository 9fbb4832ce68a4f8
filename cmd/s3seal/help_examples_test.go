// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// maxHelpWidth is where --help breaks lines at the latest.
const maxHelpWidth = 100

// testParser is the parser of run for what is not to be run.
func testParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(new(grammar), kong.Name("s3seal"), kong.Vars{"version": "-"}, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// TestHelpExamples: each command shows at least one command line of its own, all
// that are shown are ones, and no line is too wide.
func TestHelpExamples(t *testing.T) {
	for _, command := range testParser(t).Model.Children {
		t.Run(command.Name, func(t *testing.T) {
			help := cli(t, nil, command.Name, "--help").want(t, exitOK).out
			for line := range strings.Lines(help) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > maxHelpWidth {
					t.Errorf("%d columns, want at most %d: %s", n, maxHelpWidth, line)
				}
			}
			own := 0
			for _, args := range examples(help) {
				if _, err := testParser(t).Parse(args); err != nil {
					t.Errorf("s3seal %s: %v", strings.Join(args, " "), err)
				}
				if args[0] == command.Name {
					own++
				}
			}
			if own == 0 {
				t.Errorf("--help has no example of it:\n%s", help)
			}
		})
	}
}

// examples returns the arguments of all calls of s3seal in the lines that are
// indented by four. \ at the end of a line goes on with the next one.
func examples(help string) [][]string {
	var all [][]string
	_, help, _ = strings.Cut(help, "Example:\n")
	for line := range strings.Lines(strings.ReplaceAll(help, "\\\n", " ")) {
		if line, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(line, " ") {
			all = append(all, callsIn(line)...)
		}
	}
	return all
}

// callsIn splits a line of shell as far as the examples need it: at blanks outside
// of quotes, at operators, and without what is redirected.
func callsIn(line string) (calls [][]string) {
	var args []string
	end := func() {
		if len(args) > 1 && args[0] == "s3seal" {
			calls = append(calls, args[1:])
		}
		args = nil
	}
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\n')
	})
	for _, word := range words {
		switch {
		case word == "|" || word == "&&" || word == ";" || word == "&":
			end()
		case !strings.HasPrefix(word, "<") && !strings.HasPrefix(word, ">"):
			args = append(args, strings.Trim(word, "'"))
		}
	}
	end()
	return calls
}
