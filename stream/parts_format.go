// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"
)

// Format prints the name of the type.
func (*Parts) Format(f fmt.State, _ rune) { format(f, "Parts") }

// LogValue returns the name of the type.
func (*Parts) LogValue() slog.Value { return logValue("Parts") }
