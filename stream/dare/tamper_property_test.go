// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestTamperProperty puts streams together anew, from packages of two streams
// under one key whose headers were rewritten, and compares with the reference.
func TestTamperProperty(t *testing.T) {
	a, b := text(2*dare.PayloadSize+33), text(3 * dare.PayloadSize)[77:]
	packages := append(pieces(seal(a)), pieces(specSeal(testKey, [8]byte{1}, b))...)
	rapid.Check(t, func(t *rapid.T) {
		var sealed []byte
		for range rapid.IntRange(0, 4).Draw(t, "packages") {
			p := bytes.Clone(rapid.SampledFrom(packages).Draw(t, "package"))
			if rapid.IntRange(0, 3).Draw(t, "rewrite") == 0 {
				p[rapid.IntRange(0, 17).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
			}
			sealed = append(sealed, p...)
		}
		if rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
			sealed = sealed[:rapid.IntRange(0, len(sealed)).Draw(t, "size")]
		}
		checkAsReference(t, sealed)
	})
	rapid.Check(t, func(t *rapid.T) { // the genuine ones, which chance rarely hits
		k := 3 * rapid.IntRange(0, 1).Draw(t, "stream")
		checkAsReference(t, slices.Concat(packages[k:k+3]...))
	})
}

func checkAsReference(t *rapid.T, sealed []byte) {
	want, whole := specOpen(testKey, sealed)
	for name, read := range map[string]func([]byte) ([]byte, error){"Read": decrypt, "WriteTo": decryptWhole, "ReadAt": readAt} {
		got, err := read(sealed)
		switch {
		case whole && (err != nil || !bytes.Equal(got, want)):
			t.Fatalf("%s = %d bytes, %v, want %d", name, len(got), err, len(want))
		case !whole && (err == nil || !bytes.HasPrefix(want, got)):
			t.Fatalf("%s = %d bytes, %v, want an error and at most %d", name, len(got), err, len(want))
		case err != nil && err != stream.ErrDecrypt && err != dare.ErrVersion:
			t.Fatalf("%s = %v, want ErrDecrypt", name, err)
		}
	}
}
