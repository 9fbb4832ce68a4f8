// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

const gcmAlg = "AES/GCM/NoPadding"

func mustAESGCM(t testing.TB, kek []byte) wrap.Key {
	t.Helper()
	k, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustWrap(t testing.TB, w wrap.Wrapper, cek []byte, info wrap.Info) []byte {
	t.Helper()
	wrapped, err := w.Wrap(t.Context(), cek, info)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// TestAESGCMLayout is an oracle: the standard AEAD, with nonce and tag cut by
// hand.
func TestAESGCMLayout(t *testing.T) {
	fipstest.Skip(t)
	rapid.Check(t, func(t *rapid.T) {
		kek, cek := genKEK(t), genCEK(t)
		info := wrap.Info{ContentAlg: rapid.String().Draw(t, "content algorithm")}
		k, err := wrap.NewAESGCM(kek)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(kek)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := k.Wrap(t.Context(), cek, info)
		if err != nil || len(wrapped) != len(cek)+28 {
			t.Fatalf("Wrap = %d bytes, %v, want %d, nil", len(wrapped), err, len(cek)+28)
		}
		got, err := aead.Open(nil, wrapped[:12], wrapped[12:], []byte(info.ContentAlg))
		if err != nil || !bytes.Equal(got, cek) {
			t.Fatalf("standard Open = %x, %v, want %x, nil", got, err, cek)
		}
		nonce := rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "nonce")
		theirs := aead.Seal(bytes.Clone(nonce), nonce, cek, []byte(info.ContentAlg))
		got, err = k.Unwrap(t.Context(), wrap.AESGCM, theirs, info)
		if err != nil || !bytes.Equal(got, cek) {
			t.Fatalf("Unwrap of standard Seal = %x, %v, want %x, nil", got, err, cek)
		}
	})
}

func TestAESGCMEveryBit(t *testing.T) {
	for _, size := range []int{16, 24, 32} {
		kek := bytes.Repeat([]byte{0x42}, size)
		k, info := mustAESGCM(t, kek), wrap.Info{ContentAlg: gcmAlg}
		cek := bytes.Repeat([]byte{7}, size)
		wrapped := mustWrap(t, k, cek, info)
		for i := range 8 * len(wrapped) {
			wrapped[i/8] ^= 1 << (i % 8)
			wantRejected(t, k, wrap.AESGCM, wrapped, info)
			wrapped[i/8] ^= 1 << (i % 8)
		}
		for i := range 8 * len(kek) {
			kek[i/8] ^= 1 << (i % 8)
			wantRejected(t, mustAESGCM(t, kek), wrap.AESGCM, wrapped, info)
			kek[i/8] ^= 1 << (i % 8)
		}
		wantCEK(t, k, wrap.AESGCM, wrapped, info, cek)
	}
}

func TestAESGCMEveryCut(t *testing.T) {
	k, info := mustAESGCM(t, make([]byte, 32)), wrap.Info{ContentAlg: gcmAlg}
	wrapped := mustWrap(t, k, make([]byte, 32), info)
	for n := range wrapped {
		wantRejected(t, k, wrap.AESGCM, wrapped[:n], info)
		wantRejected(t, k, wrap.AESGCM, wrapped[n+1:], info)
	}
	for n := range 40 {
		wantRejected(t, k, wrap.AESGCM, append(bytes.Clone(wrapped), make([]byte, n+1)...), info)
	}
}

// TestAESGCMOtherLengths seals what is no CEK: the tag holds, the length does not.
func TestAESGCMOtherLengths(t *testing.T) {
	kek := make([]byte, 32)
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	k := mustAESGCM(t, kek)
	for n := range 70 {
		wrapped := aead.Seal(nil, nil, make([]byte, n), nil)
		if n == 16 || n == 24 || n == 32 {
			wantCEK(t, k, wrap.AESGCM, wrapped, wrap.Info{}, make([]byte, n))
		} else {
			wantRejected(t, k, wrap.AESGCM, wrapped, wrap.Info{})
		}
	}
}

// wrongContentAlgs are neighbours of gcmAlg that a careless comparison takes.
var wrongContentAlgs = []string{
	"", "A", "AES/GCM/NoPaddin", "AES/GCM/NoPadding ", "AES/GCM/NoPadding\x00", "aes/gcm/nopadding",
	"AES/CBC/PKCS5Padding", "AES/CTR/NoPadding", "115", "AES/GCM/NoPaddingAES/GCM/NoPadding",
}

func TestAESGCMWrongContentAlg(t *testing.T) {
	k := mustAESGCM(t, make([]byte, 32))
	wrapped := mustWrap(t, k, make([]byte, 32), wrap.Info{ContentAlg: gcmAlg})
	for _, alg := range wrongContentAlgs {
		wantRejected(t, k, wrap.AESGCM, wrapped, wrap.Info{ContentAlg: alg})
	}
	// The description is a hint for the choice of key; this wrap does not bind it.
	wantCEK(t, k, wrap.AESGCM, wrapped, wrap.Info{ContentAlg: gcmAlg, MatDesc: map[string]string{"a": "b"}}, make([]byte, 32))
}

func TestAESGCMNonces(t *testing.T) {
	k := mustAESGCM(t, make([]byte, 16))
	seen := make(map[string]bool)
	for range 10_000 {
		nonce := string(mustWrap(t, k, make([]byte, 16), wrap.Info{})[:12])
		if seen[nonce] {
			t.Fatalf("nonce %x came twice", nonce)
		}
		seen[nonce] = true
	}
}
