// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"regexp"
)

// flagWords are what the parser says of a flag without a value, in the terms of its
// tokens, and what is said instead:
//
//	--workers: expected int value but got "EOL" (<EOL>)
//	--workers: want a value
//
//	--meta: expected string value but got "-x" (short flag); perhaps try --meta="-x"?
//	--meta: want a value: if "-x" is one, write --meta="-x"
var flagWords = []struct {
	parser *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^(-\S+: )expected \S+ value but got "EOL" \(<EOL>\)$`), "${1}want a value"},
	{regexp.MustCompile(`^(-\S+: )missing value, expecting "<arg>.*"$`), "${1}want a value"},
	{
		regexp.MustCompile(`^(-\S+: )expected \S+ value but got (".*") \((?:long|short) flag\); perhaps try (-\S+=)".*"\?$`),
		"${1}want a value: if ${2} is one, write ${3}${2}",
	},
	{regexp.MustCompile(`^(-\S+: )expected a valid \d+ bit int but got (".*[^0-9"].*"|"")$`), "${1}want a whole number, got ${2}"},
}

// inFlagWords is an error of the parser, in words that need no knowledge of it. It goes
// by the text, as the parser keeps the types of these errors to itself.
func inFlagWords(err error) error {
	text := err.Error()
	for _, w := range flagWords {
		if w.parser.MatchString(text) {
			return errors.New(w.parser.ReplaceAllString(text, w.ours))
		}
	}
	return err
}
