// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printJSON prints v as indented JSON.
func (a *app) printJSON(v any) error { return a.writeJSON(v, "  ") }

// printJSONLine prints v as JSON in one line.
func (a *app) printJSONLine(v any) error { return a.writeJSON(v, "") }

func (a *app) writeJSON(v any, indent string) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	if _, err := a.stdout.Write(inertJSON(buf.Bytes())); err != nil {
		return fmt.Errorf("write stdout: %w", err)
	}
	return nil
}

// inertJSON escapes what a terminal could obey instead of showing it: names and
// metadata come from the storage, and JSON escapes no more of them than what it
// has to. What is not ASCII can only be inside of strings.
func inertJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r < 0x7f || r > 0x7f && unicode.IsPrint(r) {
			out = append(out, data[:n]...)
		} else {
			for _, u := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
		}
		data = data[n:]
	}
	return out
}

// jsonFlags are those of commands that print one result.
type jsonFlags struct {
	JSON bool `name:"json" help:"Print the result as one JSON object with stable names."`
}
