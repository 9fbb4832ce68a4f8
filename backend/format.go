// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"fmt"
	"io"
	"log/slog"
)

// The types of this package that lead to keys or plaintext show nothing but
// their names, whatever the verb: fmt would walk into them by reflection, where
// it does not ask what is inside how it wants to be shown.

// Format prints the name of the type.
func (*Bucket) Format(f fmt.State, _ rune) { io.WriteString(f, "backend.Bucket") }

// LogValue returns the name of the type.
func (*Bucket) LogValue() slog.Value { return slog.StringValue("backend.Bucket") }

// Format prints the name of the type.
func (*Object) Format(f fmt.State, _ rune) { io.WriteString(f, "backend.Object") }

// LogValue returns the name of the type.
func (*Object) LogValue() slog.Value { return slog.StringValue("backend.Object") }

// Format prints the name of the type.
func (*Writer) Format(f fmt.State, _ rune) { io.WriteString(f, "backend.Writer") }

// LogValue returns the name of the type.
func (*Writer) LogValue() slog.Value { return slog.StringValue("backend.Writer") }

// Format prints the name of the type.
func (*SidecarKey) Format(f fmt.State, _ rune) { io.WriteString(f, "backend.SidecarKey") }

// LogValue returns the name of the type.
func (*SidecarKey) LogValue() slog.Value { return slog.StringValue("backend.SidecarKey") }

// Format prints the name of the type.
func (*ReaderAt) Format(f fmt.State, _ rune) { io.WriteString(f, "backend.ReaderAt") }

// LogValue returns the name of the type.
func (*ReaderAt) LogValue() slog.Value { return slog.StringValue("backend.ReaderAt") }
