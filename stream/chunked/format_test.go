// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream/chunked"
)

// TestPrintsNothing: no verb of fmt, and no log, shows what a stream holds.
func TestPrintsNothing(t *testing.T) {
	ct := seal(text(100))
	for want, v := range map[string]any{
		"chunked.EncryptWriter": must(chunked.NewEncryptWriter(io.Discard, testKey, testContext)),
		"chunked.EncryptReader": must(chunked.NewEncryptReader(bytes.NewReader(ct), testKey, testContext)),
		"chunked.DecryptReader": must(chunked.NewDecryptReader(bytes.NewReader(ct), testKey, testContext)),
		"chunked.ReaderAt":      must(chunked.NewReaderAt(bytes.NewReader(ct), int64(len(ct)), testKey, testContext)),
	} {
		if typ := fmt.Sprintf("%T", v); typ != "*"+want {
			t.Fatalf("%s is tested as %s", typ, want)
		}
		for verb := byte('A'); verb <= 'z'; verb++ {
			if strings.IndexByte("Tpw", verb) >= 0 || verb > 'Z' && verb < 'a' {
				continue // the type, the address, errors; no letters
			}
			for _, flags := range []string{"", "+", "#", "20", " "} {
				if got := fmt.Sprintf("%"+flags+string(verb), v); got != want {
					t.Errorf("%%%s%c prints %.100q, want %q", flags, verb, got, want)
				}
			}
		}
		if got := v.(slog.LogValuer).LogValue().String(); got != want {
			t.Errorf("LogValue = %q, want %q", got, want)
		}
	}
}
