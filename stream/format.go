// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"io"
	"log/slog"
)

// The streams show nothing but the names of their types, whatever the verb: fmt
// would walk into them by reflection, and there are key schedules, values that
// are as secret as the key, and plaintext that was not verified.

func format(f fmt.State, name string) { io.WriteString(f, "stream."+name) }

func logValue(name string) slog.Value { return slog.StringValue("stream." + name) }

// Format prints the name of the type.
func (*CBCEncryptWriter) Format(f fmt.State, _ rune) { format(f, "CBCEncryptWriter") }

// LogValue returns the name of the type.
func (*CBCEncryptWriter) LogValue() slog.Value { return logValue("CBCEncryptWriter") }

// Format prints the name of the type.
func (*CBCEncryptReader) Format(f fmt.State, _ rune) { format(f, "CBCEncryptReader") }

// LogValue returns the name of the type.
func (*CBCEncryptReader) LogValue() slog.Value { return logValue("CBCEncryptReader") }

// Format prints the name of the type.
func (*CBCDecryptReader) Format(f fmt.State, _ rune) { format(f, "CBCDecryptReader") }

// LogValue returns the name of the type.
func (*CBCDecryptReader) LogValue() slog.Value { return logValue("CBCDecryptReader") }

// Format prints the name of the type.
func (*GCMEncryptWriter) Format(f fmt.State, _ rune) { format(f, "GCMEncryptWriter") }

// LogValue returns the name of the type.
func (*GCMEncryptWriter) LogValue() slog.Value { return logValue("GCMEncryptWriter") }

// Format prints the name of the type.
func (*GCMEncryptReader) Format(f fmt.State, _ rune) { format(f, "GCMEncryptReader") }

// LogValue returns the name of the type.
func (*GCMEncryptReader) LogValue() slog.Value { return logValue("GCMEncryptReader") }

// Format prints the name of the type.
func (*GCMDecryptReader) Format(f fmt.State, _ rune) { format(f, "GCMDecryptReader") }

// LogValue returns the name of the type.
func (*GCMDecryptReader) LogValue() slog.Value { return logValue("GCMDecryptReader") }

// Format prints the name of the type.
func (*GCMUnverifiedReader) Format(f fmt.State, _ rune) { format(f, "GCMUnverifiedReader") }

// LogValue returns the name of the type.
func (*GCMUnverifiedReader) LogValue() slog.Value { return logValue("GCMUnverifiedReader") }

// Format prints the name of the type.
func (*CTRRangeReader) Format(f fmt.State, _ rune) { format(f, "CTRRangeReader") }

// LogValue returns the name of the type.
func (*CTRRangeReader) LogValue() slog.Value { return logValue("CTRRangeReader") }

// Format prints the name of the type.
func (*CTRReader) Format(f fmt.State, _ rune) { format(f, "CTRReader") }

// LogValue returns the name of the type.
func (*CTRReader) LogValue() slog.Value { return logValue("CTRReader") }

// Format prints the name of the type.
func (*CBCRangeReader) Format(f fmt.State, _ rune) { format(f, "CBCRangeReader") }

// LogValue returns the name of the type.
func (*CBCRangeReader) LogValue() slog.Value { return logValue("CBCRangeReader") }

// Format prints the name of the type.
func (*CBCReaderAt) Format(f fmt.State, _ rune) { format(f, "CBCReaderAt") }

// LogValue returns the name of the type.
func (*CBCReaderAt) LogValue() slog.Value { return logValue("CBCReaderAt") }

// Format prints the name of the type.
func (*CTRReaderAt) Format(f fmt.State, _ rune) { format(f, "CTRReaderAt") }

// LogValue returns the name of the type.
func (*CTRReaderAt) LogValue() slog.Value { return logValue("CTRReaderAt") }

// Format prints the name of the type.
func (*GCMUnauthenticatedReaderAt) Format(f fmt.State, _ rune) {
	format(f, "GCMUnauthenticatedReaderAt")
}

// LogValue returns the name of the type.
func (*GCMUnauthenticatedReaderAt) LogValue() slog.Value {
	return logValue("GCMUnauthenticatedReaderAt")
}

// Format prints the name of the type.
func (*GCMScan) Format(f fmt.State, _ rune) { format(f, "GCMScan") }

// LogValue returns the name of the type.
func (*GCMScan) LogValue() slog.Value { return logValue("GCMScan") }

// Format prints the name of the type.
func (*GCMVerifiedReader) Format(f fmt.State, _ rune) { format(f, "GCMVerifiedReader") }

// LogValue returns the name of the type.
func (*GCMVerifiedReader) LogValue() slog.Value { return logValue("GCMVerifiedReader") }

// Format prints the name of the type.
func (*Parts) Format(f fmt.State, _ rune) { format(f, "Parts") }

// LogValue returns the name of the type.
func (*Parts) LogValue() slog.Value { return logValue("Parts") }

// Format prints the name of the type.
func (*GCMUnverifiedParts) Format(f fmt.State, _ rune) { format(f, "GCMUnverifiedParts") }

// LogValue returns the name of the type.
func (*GCMUnverifiedParts) LogValue() slog.Value { return logValue("GCMUnverifiedParts") }
