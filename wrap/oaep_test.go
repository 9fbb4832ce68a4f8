// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

func mustRSAOAEP(t testing.TB, priv *rsa.PrivateKey) wrap.Key {
	t.Helper()
	k, err := wrap.NewRSAOAEPKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sealOAEP encrypts any message, as someone who has the public key can.
func sealOAEP(t testing.TB, pub *rsa.PublicKey, msg, label []byte) []byte {
	t.Helper()
	ct, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, pub, msg, label)
	if err != nil {
		t.Fatal(err)
	}
	return ct
}

func TestRSAOAEPRoundTrip(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	k := mustRSAOAEP(t, priv)
	w, err := wrap.NewRSAOAEP(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.(wrap.Unwrapper); ok {
		t.Error("the public key can unwrap")
	}
	for _, n := range []int{16, 24, 32} {
		for _, alg := range []string{gcmAlg, "115", ""} {
			cek, info := bytes.Repeat([]byte{byte(n)}, n), wrap.Info{ContentAlg: alg}
			for _, w := range []wrap.Wrapper{w, k} {
				wrapped := mustWrap(t, w, cek, info)
				wantCEK(t, k, wrap.RSAOAEPSHA1, wrapped, info, cek)
				payload, err := rsa.DecryptOAEP(sha1.New(), nil, priv, wrapped, nil)
				if want := string(rune(n)) + string(cek) + alg; err != nil || string(payload) != want {
					t.Errorf("payload = %x, %v, want %x, nil", payload, err, want)
				}
			}
		}
	}
}

func TestRSAOAEPPayload(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	k, info := mustRSAOAEP(t, priv), wrap.Info{ContentAlg: gcmAlg}
	cek := strings.Repeat("k", 64)
	for _, n := range []int{16, 24, 32} {
		wantCEK(t, k, wrap.RSAOAEPSHA1, sealOAEP(t, &priv.PublicKey, []byte(string(rune(n))+cek[:n]+gcmAlg), nil), info, []byte(cek[:n]))
	}
	for name, payload := range map[string]string{
		"empty":                "",
		"length only":          "\x20",
		"bare CEK":             cek[:32],
		"no length":            cek[:32] + gcmAlg,
		"no algorithm":         "\x20" + cek[:32],
		"other algorithm":      "\x20" + cek[:32] + "AES/CBC/PKCS5Padding",
		"same size algorithm":  "\x20" + cek[:32] + "AES/CTR/NoPadding",
		"tail":                 "\x20" + cek[:32] + gcmAlg + "x",
		"algorithm twice":      "\x20" + cek[:32] + gcmAlg + gcmAlg,
		"algorithm cut":        "\x20" + cek[:32] + gcmAlg[:16],
		"length too small":     "\x10" + cek[:32] + gcmAlg,
		"length too large":     "\x20" + cek[:16] + gcmAlg,
		"length zero":          "\x00" + cek[:32] + gcmAlg,
		"length 255":           "\xff" + cek[:32] + gcmAlg,
		"length bit":           "\xa0" + cek[:32] + gcmAlg,
		"CEK of 0":             "\x00" + gcmAlg,
		"CEK of 15":            "\x0f" + cek[:15] + gcmAlg,
		"CEK of 17":            "\x11" + cek[:17] + gcmAlg,
		"CEK of 31":            "\x1f" + cek[:31] + gcmAlg,
		"CEK of 33":            "\x21" + cek[:33] + gcmAlg,
		"CEK of 64":            "\x40" + cek[:64] + gcmAlg,
		"two bytes of length":  "\x00\x20" + cek[:32] + gcmAlg,
		"16 moved into suffix": "\x10" + cek[:16] + cek[:16] + gcmAlg,
	} {
		t.Run(name, func(t *testing.T) {
			wantRejected(t, k, wrap.RSAOAEPSHA1, sealOAEP(t, &priv.PublicKey, []byte(payload), nil), info)
		})
	}
	t.Run("label", func(t *testing.T) {
		wantRejected(t, k, wrap.RSAOAEPSHA1, sealOAEP(t, &priv.PublicKey, []byte("\x20"+cek[:32]+gcmAlg), []byte("x")), info)
	})
}

func TestRSAOAEPWrongContentAlg(t *testing.T) {
	fipstest.Skip(t)
	k := mustRSAOAEP(t, loadKeywrap(t).RSAKey(t))
	wrapped := mustWrap(t, k, make([]byte, 32), wrap.Info{ContentAlg: gcmAlg})
	for _, alg := range wrongContentAlgs {
		wantRejected(t, k, wrap.RSAOAEPSHA1, wrapped, wrap.Info{ContentAlg: alg})
	}
}

// TestRSAOAEPEveryBit takes the smallest modulus that may be read.
func TestRSAOAEPEveryBit(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k, info := mustRSAOAEP(t, priv), wrap.Info{ContentAlg: "115"}
	cek := bytes.Repeat([]byte{9}, 32)
	wrapped := sealOAEP(t, &priv.PublicKey, []byte("\x20"+string(cek)+"115"), nil)
	wantCEK(t, k, wrap.RSAOAEPSHA1, wrapped, info, cek)
	for i := range 8 * len(wrapped) {
		wrapped[i/8] ^= 1 << (i % 8)
		wantRejected(t, k, wrap.RSAOAEPSHA1, wrapped, info)
		wrapped[i/8] ^= 1 << (i % 8)
	}
	for n := range wrapped {
		wantRejected(t, k, wrap.RSAOAEPSHA1, wrapped[:n], info)
		wantRejected(t, k, wrap.RSAOAEPSHA1, wrapped[n+1:], info)
	}
	wantRejected(t, k, wrap.RSAOAEPSHA1, append([]byte{0}, wrapped...), info)
	wantRejected(t, k, wrap.RSAOAEPSHA1, append(wrapped, 0), info)
	wantRejected(t, mustRSAOAEP(t, wraptest.GenerateRSA(t, 1024)), wrap.RSAOAEPSHA1, wrapped, info)
}

// TestRSAOAEPLeadingZero finds a wrapped key that begins with a zero byte: the
// number is the same without it, the wrapped key is not.
func TestRSAOAEPLeadingZero(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k, info := mustRSAOAEP(t, priv), wrap.Info{}
	cek := bytes.Repeat([]byte{9}, 16)
	for range 100_000 {
		wrapped := sealOAEP(t, &priv.PublicKey, []byte("\x10"+string(cek)), nil)
		if wrapped[0] == 0 {
			wantCEK(t, k, wrap.RSAOAEPSHA1, wrapped, info, cek)
			wantRejected(t, k, wrap.RSAOAEPSHA1, wrapped[1:], info)
			return
		}
	}
	t.Fatal("no wrapped key with a leading zero")
}

func TestRSAOAEPWycheproof(t *testing.T) {
	fipstest.Skip(t)
	for _, g := range vectors.Wycheproof[wycheproofGroup](t, "rsa_oaep_2048_sha1_mgf1sha1_test.json") {
		key, err := x509.ParsePKCS8PrivateKey(vectors.DecodeHex(t, g.PrivateKeyPKCS8))
		if err != nil {
			t.Fatal(err)
		}
		priv := key.(*rsa.PrivateKey)
		k := mustRSAOAEP(t, priv)
		for _, c := range g.Tests {
			t.Run(fmt.Sprintf("tc=%d", c.ID), func(t *testing.T) {
				// The profile has an empty label, so any other is a mismatch.
				valid := c.Result == "valid" && c.Label == ""
				got, err := wrap.DecryptOAEP(priv, vectors.DecodeHex(t, c.CT))
				if valid && (err != nil || !bytes.Equal(got, vectors.DecodeHex(t, c.Msg))) {
					t.Errorf("DecryptOAEP = %x, %v, want %s, nil", got, err, c.Msg)
				}
				if !valid && err != wrap.ErrUnwrap {
					t.Errorf("DecryptOAEP = %x, %v, want nil, %v", got, err, wrap.ErrUnwrap)
				}
				// None of the messages is a payload of the format.
				wantRejected(t, k, wrap.RSAOAEPSHA1, vectors.DecodeHex(t, c.CT), wrap.Info{})
			})
		}
	}
}

func TestRSASizes(t *testing.T) {
	fipstest.Skip(t)
	small := wraptest.GenerateRSA(t, 1024)
	if _, err := wrap.NewRSAOAEP(&small.PublicKey); err == nil {
		t.Error("NewRSAOAEP took 1024 bits")
	}
	k := mustRSAOAEP(t, small)
	if _, err := k.Wrap(t.Context(), make([]byte, 32), wrap.Info{}); err == nil {
		t.Error("Wrap with 1024 bits succeeded")
	}
	for name, pub := range map[string]*rsa.PublicKey{
		"nil":          nil,
		"no modulus":   {E: 65537},
		"zero":         {N: new(big.Int), E: 65537},
		"1023 bits":    {N: new(big.Int).Lsh(big.NewInt(1), 1022), E: 65537},
		"16385 bits":   {N: new(big.Int).Lsh(big.NewInt(1), 16384), E: 65537},
		"exponent 0":   {N: small.N},
		"exponent 1":   {N: small.N, E: 1},
		"exponent -3":  {N: small.N, E: -3},
		"exponent 2^k": {N: small.N, E: 65536},
	} {
		if _, err := wrap.NewRSAOAEP(pub); err == nil {
			t.Errorf("%s: NewRSAOAEP succeeded", name)
		}
		if pub != nil {
			if _, err := wrap.NewRSAOAEPKey(&rsa.PrivateKey{PublicKey: *pub, D: small.D, Primes: small.Primes}); err == nil {
				t.Errorf("%s: NewRSAOAEPKey succeeded", name)
			}
		}
	}
	short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1022), E: 65537}
	_, err := wrap.NewRSAOAEPKey(&rsa.PrivateKey{PublicKey: *short, D: small.D, Primes: small.Primes})
	if want := "wrap: RSA key: want 1024 to 16384 bits, got 1023"; err == nil || err.Error() != want {
		t.Errorf("NewRSAOAEPKey with 1023 bits = %v, want %q", err, want)
	}
	// An even modulus is not an RSA key, but nobody looks until it is used.
	even, err := wrap.NewRSAOAEP(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})
	if err == nil {
		_, err = even.Wrap(t.Context(), make([]byte, 32), wrap.Info{})
	}
	if err == nil {
		t.Error("wrapped with an even modulus")
	}
}

func TestRSAPrivateKeysRefused(t *testing.T) {
	fipstest.Skip(t)
	good, other := wraptest.GenerateRSA(t, 1024), wraptest.GenerateRSA(t, 1024)
	pub, one := good.PublicKey, big.NewInt(1)
	for name, priv := range map[string]*rsa.PrivateKey{
		"nil":            nil,
		"empty":          {},
		"no D":           {PublicKey: pub, Primes: good.Primes},
		"no primes":      {PublicKey: pub, D: good.D},
		"one prime":      {PublicKey: pub, D: good.D, Primes: good.Primes[:1]},
		"nil prime":      {PublicKey: pub, D: good.D, Primes: []*big.Int{good.Primes[0], nil}},
		"prime 1":        {PublicKey: pub, D: good.D, Primes: []*big.Int{good.N, one}},
		"zero primes":    {PublicKey: pub, D: good.D, Primes: []*big.Int{new(big.Int), new(big.Int)}},
		"others' primes": {PublicKey: pub, D: good.D, Primes: other.Primes},
		"other's D":      {PublicKey: pub, D: other.D, Primes: good.Primes},
		"zero D":         {PublicKey: pub, D: new(big.Int), Primes: good.Primes},
		"huge D":         {PublicKey: pub, D: new(big.Int).Lsh(good.D, 5000), Primes: good.Primes},
		"three primes":   {PublicKey: pub, D: good.D, Primes: []*big.Int{good.Primes[0], good.Primes[1], one}},
	} {
		if k, err := wrap.NewRSAOAEPKey(priv); err == nil {
			t.Errorf("%s: NewRSAOAEPKey = %v, want an error", name, k)
		}
	}
}

func TestRSAKeyIsCopied(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 2048)
	k := mustRSAOAEP(t, priv)
	w, err := wrap.NewRSAOAEP(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	priv.D.SetInt64(0)
	priv.N.SetInt64(0)
	priv.Primes[0].SetInt64(0)
	priv.Primes[1] = nil
	cek := make([]byte, 32)
	wantCEK(t, k, wrap.RSAOAEPSHA1, mustWrap(t, w, cek, wrap.Info{}), wrap.Info{}, cek)
}

func TestRSAOAEPContentAlgTooLong(t *testing.T) {
	fipstest.Skip(t)
	k := mustRSAOAEP(t, loadKeywrap(t).RSAKey(t))
	// 2048/8 - 2*20 - 2 = 214 bytes of payload, 33 of them for a CEK of 32.
	for n, ok := range map[int]bool{181: true, 182: false} {
		_, err := k.Wrap(t.Context(), make([]byte, 32), wrap.Info{ContentAlg: strings.Repeat("a", n)})
		if ok != (err == nil) || (!ok && !errors.Is(err, rsa.ErrMessageTooLong)) {
			t.Errorf("content algorithm of %d bytes: Wrap = %v, want ok = %t", n, err, ok)
		}
	}
}
