// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// BenchmarkWrap is one content key, there and back.
func BenchmarkWrap(b *testing.B) {
	aesGCM, err := wrap.NewAESGCM(key)
	benchWrap(b, "AES-GCM", aesGCM, err)
	aesKW, err := wrap.NewAESKeyWrap(key)
	benchWrap(b, "AESWrap", aesKW, err)
	for _, bits := range []int{2048, 3072, 4096} {
		priv, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			b.Fatal(err)
		}
		oaep, err := wrap.NewRSAOAEPKey(priv)
		benchWrap(b, fmt.Sprintf("RSA-OAEP-%d", bits), oaep, err)
		if bits == 2048 {
			pkcs1, err := legacy.NewRSAPKCS1Key(priv)
			benchWrap(b, "RSA-PKCS1-2048", pkcs1, err)
		}
	}
}

func benchWrap(b *testing.B, name string, k wrap.Key, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	info := wrap.Info{ContentAlg: "AES/GCM/NoPadding"}
	wrapped, err := k.Wrap(b.Context(), key, info)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("alg="+name+"/op=wrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Wrap(b.Context(), key, info); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("alg="+name+"/op=unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Unwrap(b.Context(), k.Algorithm(), wrapped, info); err != nil {
				b.Fatal(err)
			}
		}
	})
}
