// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestPrintsNothing: no verb of fmt, and no log, shows what a stream holds.
func TestPrintsNothing(t *testing.T) {
	sealed := seal(text(100))
	w := must(dare.NewEncryptWriter(io.Discard, testKey))
	w.Write([]byte("secret"))
	e := must(dare.NewEncryptReader(strings.NewReader("secret"), testKey))
	e.Read(make([]byte, 3))
	d := must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	d.Read(make([]byte, 3))
	a := must(dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey))
	for _, v := range []slog.LogValuer{w, e, d, a} {
		printtest.OnlyName(t, v)
	}
}
