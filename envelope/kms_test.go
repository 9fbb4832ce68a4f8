// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"fmt"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/wrap"
)

// A standIn is the KMS that the fixtures were made with. Its ciphertext is
// "FKMS1", the index of the master key, a nonce, and AES-256-GCM of the CEK
// with the encryption context as additional data.
type standIn struct{ master cipher.Block }

func (k standIn) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	if alg != wrap.KMSContext && alg != wrap.KMSPlain {
		return nil, wrap.ErrNoKey
	}
	blob, ok := bytes.CutPrefix(wrapped, []byte("FKMS1\x00"))
	if !ok || len(blob) < 12 {
		return nil, wrap.ErrUnwrap
	}
	aead, err := cipher.NewGCM(k.master)
	if err != nil {
		return nil, err
	}
	var aad []byte
	for _, name := range slices.Sorted(maps.Keys(info.MatDesc)) {
		aad = fmt.Appendf(aad, "%s=%s\n", name, info.MatDesc[name])
	}
	cek, err := aead.Open(nil, blob[:12], blob[12:], aad)
	if err != nil {
		return nil, wrap.ErrUnwrap
	}
	return cek, nil
}
