// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"
)

// Format prints the name of the type.
func (*GCMScan) Format(f fmt.State, _ rune) { format(f, "GCMScan") }

// LogValue returns the name of the type.
func (*GCMScan) LogValue() slog.Value { return logValue("GCMScan") }

// Format prints the name of the type.
func (*GCMVerifiedReader) Format(f fmt.State, _ rune) { format(f, "GCMVerifiedReader") }

// LogValue returns the name of the type.
func (*GCMVerifiedReader) LogValue() slog.Value { return logValue("GCMVerifiedReader") }
