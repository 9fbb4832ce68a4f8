// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

// commandsOf are the names that a parser for args knows.
func commandsOf(t *testing.T, options ...kong.Option) (names []string) {
	t.Helper()
	options = append(options, kong.NamedMapper("lower", kong.MapperFunc(decodeLower)), kong.Vars{"version": ""})
	parser, err := kong.New(new(grammar), options...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range parser.Model.Children {
		names = append(names, c.Name)
	}
	return names
}

// TestOneCommand: a parser for a command knows that one alone, by the name that
// the whole grammar has for it, and one for anything else knows them all.
func TestOneCommand(t *testing.T) {
	all := commandsOf(t)
	for _, name := range all {
		if got := commandsOf(t, oneCommand([]string{name, "x"})); len(got) != 1 || got[0] != name {
			t.Errorf("%s: the parser knows %q", name, got)
		}
	}
	for _, args := range [][]string{nil, {"--help"}, {"-q", "put"}, {"putt"}, {""}} {
		if got := commandsOf(t, oneCommand(args)); len(got) != len(all) || len(all) < 10 {
			t.Errorf("%q: the parser knows %q, want all of %q", args, got, all)
		}
	}
}
