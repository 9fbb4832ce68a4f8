// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// TestPrintsNothing: no verb of fmt shows what a bucket, an object, a writer
// or a key holds.
func TestPrintsNothing(t *testing.T) {
	b := v3(t, mem.New())
	if _, err := b.Put(t.Context(), "k", bytes.NewReader(pattern(100)), -1, nil); err != nil {
		t.Fatal(err)
	}
	obj := must(b.Get(t.Context(), "k"))(t)
	defer obj.Close()
	w := must(b.Create(t.Context(), "w", nil))(t)
	defer w.Abort(nil)
	for want, v := range map[string]any{
		"backend.Bucket": b, "backend.Object": obj, "backend.Writer": w, "backend.SidecarKey": sidecarKey(t, newCountingKMS(t), 0),
		"backend.ReaderAt": readerAt(t, storedOwn(t, envelope.Chunked, pattern(100))),
	} {
		for verb := byte('A'); verb <= 'z'; verb++ {
			if bytes.IndexByte([]byte("Tpw"), verb) >= 0 || verb > 'Z' && verb < 'a' {
				continue // the type, the address, errors; no letters
			}
			for _, flags := range []string{"", "+", "#", "20", " "} {
				if got := fmt.Sprintf("%"+flags+string(verb), v); got != want {
					t.Errorf("%%%s%c prints %.100q, want %q", flags, verb, got, want)
				}
			}
		}
	}
}
