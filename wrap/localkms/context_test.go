// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// TestContextProperty: a blob opens under the context that it was made with and
// under no other, however much alike they are written.
func TestContextProperty(t *testing.T) {
	k := newKMS(t)
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', '=', '\n', 0, 1, 8, 'é'}), 0, 4, -1)
	contexts := rapid.MapOfN(text, text, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		made := contexts.Draw(t, "made")
		asked := rapid.OneOf(rapid.Just(made), contexts).Draw(t, "asked")
		blob, err := k.Encrypt(t.Context(), keyA, []byte("plain"), made)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := k.Decrypt(t.Context(), keyA, blob, asked)
		if maps.Equal(made, asked) {
			if err != nil || string(plain) != "plain" {
				t.Errorf("Decrypt = %q, %v, want plain, nil", plain, err)
			}
		} else if !errors.Is(err, wrap.ErrUnwrap) || plain != nil {
			t.Errorf("Decrypt = %q, %v, want nil, %v", plain, err, wrap.ErrUnwrap)
		}
	})
}
