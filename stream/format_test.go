// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/stream"
)

// TestPrintsNothing: no verb of fmt, and no log, shows what a stream holds.
func TestPrintsNothing(t *testing.T) {
	key, iv, block := make([]byte, 32), make([]byte, 12), make([]byte, 16)
	src := func() io.Reader { return bytes.NewReader(make([]byte, 1<<20)) }
	at := bytes.NewReader(make([]byte, 1<<20))
	seen := make(map[string]bool)
	try := func(v slog.LogValuer, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		use(t, v)
		printtest.OnlyName(t, v)
		seen[fmt.Sprintf("%T", v)] = true
	}
	try(stream.NewCBCEncryptWriter(io.Discard, key, block))
	try(stream.NewCBCEncryptReader(src(), key, block))
	try(stream.NewCBCDecryptReader(src(), key, block))
	try(stream.NewGCMEncryptWriter(io.Discard, key, iv, nil))
	try(stream.NewGCMEncryptReader(src(), key, iv, nil))
	try(stream.NewGCMDecryptReader(src(), key, iv, nil, 1<<20))
	try(stream.NewGCMUnverifiedReader(src(), key, iv, nil))
	try(stream.NewCTRRangeReader(src(), key, iv, 3, 100))
	try(stream.NewCTRReader(src(), key, block))
	try(stream.NewCBCRangeReader(src(), key, block, 3, 100, 1<<20))
	try(stream.NewCBCReaderAt(at, 1<<20, key, block))
	try(stream.NewCTRReaderAt(at, 1<<20, key, block))
	try(stream.NewGCMUnauthenticatedReaderAt(at, 1<<20, key, iv))
	try(stream.NewGCMParts(key, iv, nil))
	try(stream.NewCBCParts(key, block))
	try(stream.NewGCMUnverifiedParts(key, iv, nil, 100))
	if len(seen) != 15 {
		t.Errorf("%d types, want all 15", len(seen))
	}
}

// use lets the first bytes pass through a stream.
func use(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case io.Writer:
		if _, err := v.Write(make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
	case io.Reader:
		_, _ = v.Read(make([]byte, 10)) // zeros decrypt to nothing good
	}
}
