// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

type keywrapVectors struct {
	AES []struct {
		KEK    string `json:"kek_hex"`
		CEK    string `json:"cek_hex"`
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

func loadKeywrap(t testing.TB) *keywrapVectors {
	t.Helper()
	data, err := os.ReadFile("../testdata/formats_keywrap.json")
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

type wycheproofGroup struct {
	PrivateKeyPKCS8 string `json:"privateKeyPkcs8"`
	Tests           []struct {
		ID     int `json:"tcId"`
		Msg    string
		CT     string
		Label  string
		Result string
	}
}

func loadWycheproof(t *testing.T, name string) []wycheproofGroup {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range f.TestGroups {
		n += len(g.Tests)
	}
	if n == 0 || n != f.NumberOfTests {
		t.Fatalf("%s: read %d tests, want %d", name, n, f.NumberOfTests)
	}
	return f.TestGroups
}

func parsePKCS8(t *testing.T, s string) *rsa.PrivateKey {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(mustHex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
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

func generateRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	priv, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return priv
}

func mustECB(t testing.TB, kek []byte) wrap.Key {
	t.Helper()
	k, err := legacy.NewAESECB(kek)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustPKCS1(t testing.TB, priv *rsa.PrivateKey) wrap.Key {
	t.Helper()
	k, err := legacy.NewRSAPKCS1Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustOAEPSHA256(t testing.TB, priv *rsa.PrivateKey) wrap.Unwrapper {
	t.Helper()
	k, err := legacy.NewRSAOAEPSHA256Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustWrap(t testing.TB, w wrap.Wrapper, cek []byte) []byte {
	t.Helper()
	wrapped, err := w.Wrap(t.Context(), cek, wrap.Info{})
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func wantCEK(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped, want []byte) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, wrap.Info{})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Unwrap(%v) = %x, %v, want %x, nil", alg, got, err, want)
	}
}

// wantRejected wants ErrUnwrap, with its own text and nothing beside it.
func wantRejected(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped []byte) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, wrap.Info{})
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Unwrap(%v, %d bytes) = %x, %v, want nil, %v", alg, len(wrapped), got, err, wrap.ErrUnwrap)
	}
}

// wantStandIn wants some CEK of 32 bytes, the same each time, and returns it.
func wantStandIn(t *testing.T, k wrap.Unwrapper, wrapped []byte) []byte {
	t.Helper()
	a, errA := k.Unwrap(t.Context(), wrap.RSAPKCS1, wrapped, wrap.Info{})
	b, errB := k.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{})
	if errA != nil || errB != nil || len(a) != 32 || !bytes.Equal(a, b) {
		t.Errorf("Unwrap twice = %x, %v and %x, %v, want one CEK of 32 bytes, nil", a, errA, b, errB)
	}
	return a
}

// skipFIPS is for tests of what FIPS 140-only mode refuses, which here is all;
// TestFIPS covers the refusal.
func skipFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("not allowed in FIPS 140-only mode")
	}
}
