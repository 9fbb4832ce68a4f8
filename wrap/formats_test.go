// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

func loadKeywrap(t testing.TB) *wraptest.Keywrap {
	t.Helper()
	return wraptest.LoadKeywrap(t, "testdata/formats_keywrap.json")
}

// wantCEK unwraps and compares.
func wantCEK(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped []byte, info wrap.Info, want []byte) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, info)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Unwrap(%v) = %x, %v, want %x, nil", alg, got, err, want)
	}
}

func TestFormatVectorsAES(t *testing.T) {
	for _, v := range loadKeywrap(t).AES {
		kek, cek := vectors.DecodeHex(t, v.KEK), vectors.DecodeHex(t, v.CEK)
		kw, err := wrap.NewAESKeyWrap(kek)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := kw.Wrap(t.Context(), cek, wrap.Info{})
		if err != nil || hex.EncodeToString(wrapped) != v.AESWrap {
			t.Errorf("AESWrap Wrap = %x, %v, want %s, nil", wrapped, err, v.AESWrap)
		}
		wantCEK(t, kw, wrap.AESKW, vectors.DecodeHex(t, v.AESWrap), wrap.Info{}, cek)

		g, err := wrap.NewAESGCM(kek)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range v.AESGCM {
			wantCEK(t, g, wrap.AESGCM, vectors.DecodeHex(t, blob.Blob), wrap.Info{ContentAlg: blob.AAD}, cek)
		}
	}
}

func TestFormatVectorsRSA(t *testing.T) {
	fipstest.Skip(t)
	v := loadKeywrap(t)
	k, err := wrap.NewRSAOAEPKey(v.RSAKey(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range v.RSA {
		if !strings.HasPrefix(c.What, "RSA-OAEP-SHA1") {
			continue
		}
		seen++
		payload := vectors.DecodeHex(t, c.Payload)
		wantCEK(t, k, wrap.RSAOAEPSHA1, wraptest.Base64(t, c.Wrapped), wrap.Info{ContentAlg: string(payload[33:])}, payload[1:33])
	}
	if seen != 2 {
		t.Errorf("checked %d vectors, want 2", seen)
	}
}
