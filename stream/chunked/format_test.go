// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/stream/chunked"
)

// TestPrintsNothing: no verb of fmt, and no log, shows what a stream holds.
func TestPrintsNothing(t *testing.T) {
	ct := seal(text(100))
	printtest.OnlyName(t, must(chunked.NewEncryptWriter(io.Discard, testKey, testContext)))
	printtest.OnlyName(t, must(chunked.NewEncryptReader(bytes.NewReader(ct), testKey, testContext)))
	printtest.OnlyName(t, must(chunked.NewDecryptReader(bytes.NewReader(ct), testKey, testContext)))
	printtest.OnlyName(t, must(chunked.NewReaderAt(bytes.NewReader(ct), int64(len(ct)), testKey, testContext)))
}
