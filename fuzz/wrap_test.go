// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

func unwrapSeeds(t testing.TB) [][]any {
	wrapped := must[[]byte](t)(wrap.AESKeyWrap(testKey, testKey))
	seeds := [][]any{{testKey, wrapped, "AES/GCM/NoPadding"}, {testKey[:16], wrapped[:24], ""}, {testKey[:24], wrapped, "115"}}
	for _, c := range cases(t) {
		if len(c.Keys) > 0 && len(c.Keys[0].Secret) == 32 && c.Get("x-amz-key-v2") != "" {
			seeds = append(seeds, []any{c.Keys[0].Secret, unbase64(c.Get("x-amz-key-v2")), c.Get("x-amz-cek-alg")})
		}
	}
	var file any
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile("../wrap/testdata/formats_keywrap.json")), &file); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts(file) {
		if b := unbase64(text); len(b) >= 24 {
			seeds = append(seeds, []any{testKey, b, "AES/GCM/NoPadding"})
		}
	}
	return seeds
}

func unbase64(s string) []byte {
	var b []byte
	if json.Unmarshal([]byte(`"`+s+`"`), &b) != nil {
		return nil
	}
	return b
}

// FuzzKeyUnwrap: what unwraps is what wraps to the same bytes, where the wrap is
// a function, and what wraps unwraps.
func FuzzKeyUnwrap(f *testing.F) {
	plant(f, unwrapSeeds(f))
	f.Fuzz(func(t *testing.T, kek, data []byte, alg string) {
		cek, err := wrap.AESKeyUnwrap(kek, data)
		if err == nil {
			if again, err := wrap.AESKeyWrap(kek, cek); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("AESKeyWrap = %x, %v; want %x", again, err, data)
			}
		}
		if wrapped, err := wrap.AESKeyWrap(kek, data); err == nil {
			if again, err := wrap.AESKeyUnwrap(kek, wrapped); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("AESKeyUnwrap = %x, %v; want %x", again, err, data)
			}
		}
		if len(kek) != 16 && len(kek) != 24 && len(kek) != 32 {
			return
		}
		checkAlmostRight(t, kek, data)
		checkGCMWrap(t, kek, data, alg)
		checkECB(t, kek, data)
	})
}

// checkAlmostRight wraps data with initial values that are right but for one bit,
// in either half.
func checkAlmostRight(t *testing.T, kek, data []byte) {
	t.Helper()
	data = data[:min(len(data), 64)] // the reference is slow
	key := slices.Concat(data, testKey)[:max(16, len(data)-len(data)%8)]
	right := bytes.Repeat([]byte{0xa6}, 8)
	if got, err := wrap.AESKeyUnwrap(kek, testkit.KeyWrap(kek, right, key)); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("AESKeyUnwrap = %x, %v; want %x", got, err, key)
	}
	for half := range 2 {
		iv, bit := bytes.Clone(right), int(key[0])%32+32*half
		iv[bit/8] ^= 1 << (bit % 8)
		if got, err := wrap.AESKeyUnwrap(kek, testkit.KeyWrap(kek, iv, key)); !errors.Is(err, wrap.ErrUnwrap) || len(got) > 0 {
			t.Fatalf("AESKeyUnwrap with %x for an initial value = %x, %v", iv, got, err)
		}
	}
}

// checkGCMWrap compares with the one-shot AEAD.
func checkGCMWrap(t *testing.T, kek, data []byte, alg string) {
	t.Helper()
	key := must[wrap.Key](t)(wrap.NewAESGCM(kek))
	got, err := key.Unwrap(t.Context(), wrap.AESGCM, data, wrap.Info{ContentAlg: alg})
	var want []byte
	opens := false
	if len(data) >= 28 {
		p, err := newAEAD(t, kek).Open(nil, data[:12], data[12:], []byte(alg))
		want, opens = p, err == nil && slices.Contains([]int{16, 24, 32}, len(p))
	}
	if (err == nil) != opens || opens && !bytes.Equal(got, want) || err != nil && !errors.Is(err, wrap.ErrUnwrap) {
		t.Fatalf("AES/GCM: Unwrap = %x, %v; want %x, %t", got, err, want, opens)
	}
}

// checkECB encrypts again, with padding or without.
func checkECB(t *testing.T, kek, data []byte) {
	t.Helper()
	key := must[wrap.Key](t)(legacy.NewAESECB(kek))
	cek, err := key.Unwrap(t.Context(), wrap.AESECB, data, wrap.Info{})
	if err != nil {
		if !errors.Is(err, wrap.ErrUnwrap) || len(data) == 16 || len(data) == 32 {
			t.Fatalf("AES-ECB: Unwrap of %d bytes = %v", len(data), err)
		}
		return
	}
	plain := bytes.Clone(cek)
	if len(cek) < len(data) {
		pad := len(data) - len(cek)
		plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	}
	block := newBlock(t, kek)
	for b := plain; len(b) > 0; b = b[16:] {
		block.Encrypt(b, b)
	}
	checkSame(t, "AES-ECB", plain, data)
}

func oaepSeeds(t testing.TB) (seeds [][]any) {
	for _, alg := range []string{"AES/GCM/NoPadding", "115", "", "S3SEAL/CHUNKED1"} {
		for _, n := range []int{0, 15, 16, 24, 31, 32, 33} {
			seeds = append(seeds, []any{slices.Concat([]byte{byte(n)}, testKey, testKey)[:n+1], alg, alg}, []any{append([]byte{32}, testKey[:min(n, 32)]...), alg, alg + "x"})
		}
	}
	return append(seeds, []any{[]byte{}, "115", ""}, []any{[]byte{255}, "115", "115"})
}

// rsaKey is that of the fixtures and of the test kit.
func rsaKey(t testing.TB) *rsa.PrivateKey {
	block, _ := pem.Decode(must[[]byte](t)(os.ReadFile("../envelope/testdata/fixtures/rsa2048.pem")))
	return must[any](t)(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)
}

// FuzzOAEPPayload: a payload that crypto/rsa has encrypted is accepted if and
// only if it is a length, a CEK of that length, and the algorithm, to its end.
func FuzzOAEPPayload(f *testing.F) {
	plant(f, oaepSeeds(f))
	priv := rsaKey(f)
	key := must[wrap.Key](f)(wrap.NewRSAOAEPKey(priv))
	f.Fuzz(func(t *testing.T, payload []byte, alg, tail string) {
		payload = append(bytes.Clone(payload), tail...)
		payload = payload[:min(len(payload), priv.Size()-2*sha1.Size-2)]
		wrapped := must[[]byte](t)(rsa.EncryptOAEP(sha1.New(), rand.Reader, &priv.PublicKey, payload, nil))
		got, err := key.Unwrap(t.Context(), wrap.RSAOAEPSHA1, wrapped, wrap.Info{ContentAlg: alg})
		var want []byte
		if len(payload) > 0 && slices.Contains([]byte{16, 24, 32}, payload[0]) {
			if rest, n := payload[1:], int(payload[0]); len(rest) >= n && string(rest[n:]) == alg {
				want = rest[:n]
			}
		}
		if (err == nil) != (want != nil) || !bytes.Equal(got, want) || err != nil && !errors.Is(err, wrap.ErrUnwrap) {
			t.Fatalf("Unwrap of %x with %q = %x, %v; want %x", payload, alg, got, err, want)
		}
	})
}
