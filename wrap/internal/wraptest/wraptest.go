// SPDX-License-Identifier: Apache-2.0

// Package wraptest has what the tests of all packages of key wraps need: keys that
// other clients have wrapped, and a KMS that answers nonsense. It is for tests
// alone.
package wraptest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"testing"
)

// Keywrap are the vectors in testdata/formats_keywrap.json of package wrap.
type Keywrap struct {
	AES []struct {
		KEK     string `json:"kek_hex"`
		CEK     string `json:"cek_hex"`
		AESWrap string `json:"aeswrap_rfc3394"`
		AESGCM  []struct {
			AAD  string
			Blob string `json:"blob_hex"`
		} `json:"aes_gcm"`
		ECB    string `json:"aes_ecb_pkcs7"`
		ECB128 string `json:"aes_ecb_pkcs7_of_first16"`
	}
	PEM string `json:"rsa_pem_test_only"`
	RSA []struct {
		What    string
		Payload string `json:"payload_hex"`
		Wrapped string `json:"wrapped_b64"`
	}
}

// LoadKeywrap reads the vectors from the file at path.
func LoadKeywrap(t testing.TB, path string) *Keywrap {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := new(Keywrap)
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	if len(v.AES) != 3 || len(v.RSA) != 5 {
		t.Fatalf("vectors: got %d AES and %d RSA, want 3 and 5", len(v.AES), len(v.RSA))
	}
	return v
}

// RSAKey returns the RSA key of the vectors, as a copy.
func (v *Keywrap) RSAKey(t testing.TB) *rsa.PrivateKey {
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

// GenerateRSA returns a new key.
func GenerateRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	priv, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return priv
}

// Base64 decodes s.
func Base64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A BrokenKMS answers whatever its fields say.
type BrokenKMS struct{ Plain, Blob []byte }

// GenerateDataKey returns both.
func (b BrokenKMS) GenerateDataKey(context.Context, string, int, map[string]string) (plain, blob []byte, err error) {
	return b.Plain, b.Blob, nil
}

// Encrypt returns Blob.
func (b BrokenKMS) Encrypt(context.Context, string, []byte, map[string]string) ([]byte, error) {
	return b.Blob, nil
}

// Decrypt returns Plain.
func (b BrokenKMS) Decrypt(context.Context, string, []byte, map[string]string) ([]byte, error) {
	return b.Plain, nil
}
