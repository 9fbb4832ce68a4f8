// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"fmt"
	"io"
	"log/slog"
)

// The types show nothing but their names, whatever the verb: fmt would walk into
// them by reflection, and there are keys, and plaintext that has not left yet. Other
// packages have these two functions of a line as well: a package for them would be
// longer.

func format(f fmt.State, name string) { io.WriteString(f, "dare."+name) }

func logValue(name string) slog.Value { return slog.StringValue("dare." + name) }

// Format prints the name of the type.
func (*EncryptWriter) Format(f fmt.State, _ rune) { format(f, "EncryptWriter") }

// LogValue returns the name of the type.
func (*EncryptWriter) LogValue() slog.Value { return logValue("EncryptWriter") }

// Format prints the name of the type.
func (*EncryptReader) Format(f fmt.State, _ rune) { format(f, "EncryptReader") }

// LogValue returns the name of the type.
func (*EncryptReader) LogValue() slog.Value { return logValue("EncryptReader") }

// Format prints the name of the type.
func (*DecryptReader) Format(f fmt.State, _ rune) { format(f, "DecryptReader") }

// LogValue returns the name of the type.
func (*DecryptReader) LogValue() slog.Value { return logValue("DecryptReader") }

// Format prints the name of the type.
func (*ReaderAt) Format(f fmt.State, _ rune) { format(f, "ReaderAt") }

// LogValue returns the name of the type.
func (*ReaderAt) LogValue() slog.Value { return logValue("ReaderAt") }
