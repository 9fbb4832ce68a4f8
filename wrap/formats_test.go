// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap"
)

type keywrapVectors struct {
	AES []struct {
		KEK     string `json:"kek_hex"`
		CEK     string `json:"cek_hex"`
		AESWrap string `json:"aeswrap_rfc3394"`
		AESGCM  []struct {
			AAD  string
			Blob string `json:"blob_hex"`
		} `json:"aes_gcm"`
	}
	PEM string `json:"rsa_pem_test_only"`
	RSA []struct {
		What    string
		Payload string `json:"payload_hex"`
		Wrapped string `json:"wrapped_b64"`
	}
}

func loadKeywrap(t testing.TB) *keywrapVectors {
	t.Helper()
	data, err := os.ReadFile("testdata/formats_keywrap.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(keywrapVectors)
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	if len(v.AES) != 3 || len(v.RSA) != 5 {
		t.Fatalf("vectors: got %d AES and %d RSA, want 3 and 5", len(v.AES), len(v.RSA))
	}
	return v
}

func (v *keywrapVectors) rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(v.PEM))
	if block == nil {
		t.Fatal("vectors: no PEM block")
	}
	priv, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return priv
}

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustBase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
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
		kek, cek := mustHex(t, v.KEK), mustHex(t, v.CEK)
		kw, err := wrap.NewAESKeyWrap(kek)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := kw.Wrap(t.Context(), cek, wrap.Info{})
		if err != nil || hex.EncodeToString(wrapped) != v.AESWrap {
			t.Errorf("AESWrap Wrap = %x, %v, want %s, nil", wrapped, err, v.AESWrap)
		}
		wantCEK(t, kw, wrap.AESKW, mustHex(t, v.AESWrap), wrap.Info{}, cek)

		g, err := wrap.NewAESGCM(kek)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range v.AESGCM {
			wantCEK(t, g, wrap.AESGCM, mustHex(t, blob.Blob), wrap.Info{ContentAlg: blob.AAD}, cek)
		}
	}
}

func TestFormatVectorsRSA(t *testing.T) {
	skipFIPS(t)
	v := loadKeywrap(t)
	k, err := wrap.NewRSAOAEPKey(v.rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range v.RSA {
		if !strings.HasPrefix(c.What, "RSA-OAEP-SHA1") {
			continue
		}
		seen++
		payload := mustHex(t, c.Payload)
		wantCEK(t, k, wrap.RSAOAEPSHA1, mustBase64(t, c.Wrapped), wrap.Info{ContentAlg: string(payload[33:])}, payload[1:33])
	}
	if seen != 2 {
		t.Errorf("checked %d vectors, want 2", seen)
	}
}
