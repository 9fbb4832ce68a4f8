// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// oneCommand leaves the other commands out of the parser, if args begin with the
// name of one: to build them all takes longer than what most commands do.
func oneCommand(args []string) kong.Option {
	var others []string
	found := false
	for f := range reflect.TypeFor[grammar]().Fields() {
		switch name, ok := commandName(f); {
		case !ok:
		case len(args) > 0 && name == args[0]:
			found = true
		default:
			others = append(others, f.Name)
		}
	}
	if !found {
		return kong.OptionFunc(func(*kong.Kong) error { return nil })
	}
	return kong.IgnoreFields(`^grammar\.(` + strings.Join(others, "|") + `)$`)
}

// commandName is what a field of the grammar is called on the command line, if
// it is a command.
func commandName(f reflect.StructField) (string, bool) {
	if _, ok := f.Tag.Lookup("cmd"); !ok {
		return "", false
	}
	if name := f.Tag.Get("name"); name != "" {
		return name, true
	}
	return strings.ToLower(f.Name), true
}
