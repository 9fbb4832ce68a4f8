// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"fmt"
	"log/slog"
)

// A label is the only thing that a key type shows of itself. Key types embed
// it: without these methods fmt would walk into the struct by reflection, and
// an AES key schedule begins with the key. Package wrap/legacy has its own: a type
// of a package that both share would be an exported field of every key.
type label string

// String names the kind of the key, and what is public about it.
func (l label) String() string { return string(l) }

// GoString returns what String returns, for %#v.
func (l label) GoString() string { return string(l) }

// LogValue returns what String returns, for package log/slog.
func (l label) LogValue() slog.Value { return slog.StringValue(string(l)) }

// Format covers the verbs for which fmt does not ask String, such as %d.
func (l label) Format(f fmt.State, verb rune) {
	if verb == 'v' {
		verb = 's' // %+v and %#v too
	}
	fmt.Fprintf(f, "%"+string(verb), string(l))
}
