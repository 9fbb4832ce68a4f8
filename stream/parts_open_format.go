// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"
)

// Format prints the name of the type.
func (*GCMUnverifiedParts) Format(f fmt.State, _ rune) { format(f, "GCMUnverifiedParts") }

// LogValue returns the name of the type.
func (*GCMUnverifiedParts) LogValue() slog.Value { return logValue("GCMUnverifiedParts") }
