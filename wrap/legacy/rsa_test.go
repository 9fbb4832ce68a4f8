// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
	"github.com/s3seal/s3seal/wrap/legacy"
)

func TestRSAFormatVectors(t *testing.T) {
	fipstest.Skip(t)
	v := loadKeywrap(t)
	priv := v.RSAKey(t)
	pkcs1, oaep := mustPKCS1(t, priv), mustOAEPSHA256(t, priv)
	seen := 0
	for _, c := range v.RSA {
		payload, wrapped := vectors.DecodeHex(t, c.Payload), wraptest.Base64(t, c.Wrapped)
		switch {
		case strings.HasPrefix(c.What, "RSA PKCS#1 v1.5"):
			wantCEK(t, pkcs1, wrap.RSAPKCS1, wrapped, payload)
			wantCEK(t, pkcs1, wrap.Unnamed, wrapped, payload)
			wantRejected(t, oaep, wrap.RSAOAEPSHA256, wrapped)
		case strings.HasPrefix(c.What, "RSA/ECB/OAEPWithSHA-256"):
			wantCEK(t, oaep, wrap.RSAOAEPSHA256, wrapped, payload)
			wantStandIn(t, pkcs1, wrapped)
		default:
			wantRejected(t, oaep, wrap.RSAOAEPSHA256, wrapped)
			continue
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("checked %d vectors, want 3", seen)
	}
}

func TestRSAPKCS1RoundTrip(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	k := mustPKCS1(t, priv)
	w, err := legacy.NewRSAPKCS1(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.(wrap.Unwrapper); ok {
		t.Error("the public key can unwrap")
	}
	cek := bytes.Repeat([]byte{8}, 32)
	wantCEK(t, k, wrap.RSAPKCS1, mustWrap(t, w, cek), cek)
	wantCEK(t, k, wrap.Unnamed, mustWrap(t, k, cek), cek)
	for n := range 70 {
		if _, err := w.Wrap(t.Context(), make([]byte, n), wrap.Info{}); (err == nil) != (n == 32) {
			t.Errorf("Wrap of %d bytes = %v, want ok = %t", n, err, n == 32)
		}
	}
}

// TestRSAPKCS1Wycheproof: only a message of 32 bytes is a CEK. Everything else
// that has the right size is answered alike.
func TestRSAPKCS1Wycheproof(t *testing.T) {
	fipstest.Skip(t)
	for _, name := range []string{"rsa_pkcs1_2048_test.json", "rsa_pkcs1_3072_test.json"} {
		seen := make(map[string]bool)
		for _, g := range vectors.Wycheproof[wycheproofGroup](t, name) {
			priv := parsePKCS8(t, g.PrivateKeyPKCS8)
			k := mustPKCS1(t, priv)
			for _, c := range g.Tests {
				t.Run(fmt.Sprintf("%s/tc=%d", name, c.ID), func(t *testing.T) {
					msg, ct := vectors.DecodeHex(t, c.Msg), vectors.DecodeHex(t, c.CT)
					if len(ct) != priv.Size() || new(big.Int).SetBytes(ct).Cmp(priv.N) >= 0 {
						wantRejected(t, k, wrap.RSAPKCS1, ct)
						return
					}
					if c.Result == "valid" && len(msg) == 32 {
						wantCEK(t, k, wrap.RSAPKCS1, ct, msg)
						return
					}
					cek := wantStandIn(t, k, ct)
					if len(msg) > 0 && bytes.HasSuffix(cek, msg[max(0, len(msg)-32):]) {
						t.Errorf("the CEK %x holds the message %x", cek, msg)
					}
					if seen[string(cek)] {
						t.Errorf("the CEK %x stands in for two wrapped keys", cek)
					}
					seen[string(cek)] = true
				})
			}
		}
		if len(seen) < 30 {
			t.Errorf("%s: %d stand-ins, want at least 30", name, len(seen))
		}
	}
}

// TestRSAPKCS1Oracle sends what Bleichenbacher's attack would send: messages
// with right and wrong padding and wrong lengths. No answer may differ in kind.
func TestRSAPKCS1Oracle(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k := mustPKCS1(t, priv)
	raw := func(em []byte) []byte { // textbook RSA of an encoded message
		c := new(big.Int).Exp(new(big.Int).SetBytes(em), big.NewInt(int64(priv.E)), priv.N)
		return c.FillBytes(make([]byte, priv.Size()))
	}
	em := func(head string, n int) []byte { // head, padding, 0, n bytes of message
		out := append([]byte(head), bytes.Repeat([]byte{0xff}, 128-len(head)-1-n)...)
		return append(append(out, 0), bytes.Repeat([]byte{'m'}, n)...)
	}
	wantCEK(t, k, wrap.RSAPKCS1, raw(em("\x00\x02", 32)), bytes.Repeat([]byte{'m'}, 32))
	for name, c := range map[string][]byte{
		"zeros":           make([]byte, 128),
		"one":             append(make([]byte, 127), 1),
		"31 bytes":        raw(em("\x00\x02", 31)),
		"33 bytes":        raw(em("\x00\x02", 33)),
		"16 bytes":        raw(em("\x00\x02", 16)),
		"24 bytes":        raw(em("\x00\x02", 24)),
		"no bytes":        raw(em("\x00\x02", 0)),
		"block type 1":    raw(em("\x00\x01", 32)),
		"block type 0":    raw(em("\x00\x00", 32)),
		"first byte 1":    raw(em("\x01\x02", 32)),
		"no zero":         raw(append([]byte{0, 2}, bytes.Repeat([]byte{1}, 126)...)),
		"short padding":   raw(append([]byte{0, 2, 1, 1, 1, 1, 1, 1, 1, 0}, bytes.Repeat([]byte{'m'}, 118)...)),
		"zero in padding": raw(append([]byte{0, 2, 1, 1, 0}, em("\xff", 32)[5:]...)),
	} {
		t.Run(name, func(t *testing.T) {
			cek := wantStandIn(t, k, c)
			if bytes.Contains(cek, []byte("mmmm")) {
				t.Errorf("the CEK %x holds the message", cek)
			}
		})
	}
	wantRejected(t, k, wrap.RSAPKCS1, priv.N.FillBytes(make([]byte, 128)))
	wantRejected(t, k, wrap.RSAPKCS1, bytes.Repeat([]byte{0xff}, 128))
}

// TestRSAPKCS1StandIn wants it to depend on all of the wrapped key and on the
// private key, and on nothing else.
func TestRSAPKCS1StandIn(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k, again, other := mustPKCS1(t, priv), mustPKCS1(t, priv), mustPKCS1(t, wraptest.GenerateRSA(t, 1024))
	seen := make(map[string]bool)
	wrapped := append([]byte{0}, bytes.Repeat([]byte{0x55}, 127)...)
	for i := 1; i < len(wrapped); i++ {
		wrapped[i] ^= 1 << (i % 8)
		seen[string(wantStandIn(t, k, wrapped))] = true
		wrapped[i] ^= 1 << (i % 8)
	}
	if len(seen) != 127 {
		t.Errorf("%d different stand-ins for 127 wrapped keys", len(seen))
	}
	if a, b := wantStandIn(t, k, wrapped), wantStandIn(t, again, wrapped); !bytes.Equal(a, b) {
		t.Errorf("two keys from one private key answer %x and %x", a, b)
	}
	if a, b := wantStandIn(t, k, wrapped), wantStandIn(t, other, wrapped); bytes.Equal(a, b) {
		t.Errorf("two private keys answer %x", a)
	}
}

func TestRSALengths(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	pkcs1, oaep := mustPKCS1(t, priv), mustOAEPSHA256(t, priv)
	for n := range 300 {
		if n != 128 {
			wantRejected(t, pkcs1, wrap.RSAPKCS1, make([]byte, n))
			wantRejected(t, pkcs1, wrap.Unnamed, make([]byte, n))
		}
		wantRejected(t, oaep, wrap.RSAOAEPSHA256, make([]byte, n))
	}
}

func TestRSAOAEPSHA256(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k, other := mustOAEPSHA256(t, priv), mustOAEPSHA256(t, wraptest.GenerateRSA(t, 1024))
	if _, ok := k.(wrap.Wrapper); ok {
		t.Error("the key can wrap")
	}
	for _, mgf := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
		seal := func(n int, label string) []byte {
			opts := &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: mgf, Label: []byte(label)}
			c, err := rsa.EncryptOAEPWithOptions(rand.Reader, &priv.PublicKey, bytes.Repeat([]byte{6}, n), opts)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for n := range 63 { // 128 - 2*32 - 2 = 62
			if n == 16 || n == 24 || n == 32 {
				wantCEK(t, k, wrap.RSAOAEPSHA256, seal(n, ""), bytes.Repeat([]byte{6}, n))
			} else {
				wantRejected(t, k, wrap.RSAOAEPSHA256, seal(n, ""))
			}
		}
		wantRejected(t, k, wrap.RSAOAEPSHA256, seal(32, "label"))
		wrapped := seal(32, "")
		wantRejected(t, other, wrap.RSAOAEPSHA256, wrapped)
		for i := range 8 * len(wrapped) {
			if mgf == crypto.SHA256 && i%8 != i/8%8 {
				continue // the decoding is the same code; one bit of each byte will do
			}
			wrapped[i/8] ^= 1 << (i % 8)
			wantRejected(t, k, wrap.RSAOAEPSHA256, wrapped)
			wrapped[i/8] ^= 1 << (i % 8)
		}
	}
}

// TestRSALeadingZero finds wrapped keys that begin with a zero byte: the number
// is the same without it, the wrapped key is not.
func TestRSALeadingZero(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	pkcs1, oaep := mustPKCS1(t, priv), mustOAEPSHA256(t, priv)
	cek := bytes.Repeat([]byte{9}, 32)
	find := func(wrapped []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		if wrapped[0] != 0 {
			return nil
		}
		return wrapped
	}
	var a, b []byte
	for range 100_000 {
		if a == nil {
			//lint:ignore SA1019 the format prescribes it
			a = find(rsa.EncryptPKCS1v15(rand.Reader, &priv.PublicKey, cek))
		}
		if b == nil {
			b = find(rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, &priv.PublicKey, cek, nil))
		}
		if a != nil && b != nil {
			break
		}
	}
	wantCEK(t, pkcs1, wrap.RSAPKCS1, a, cek)
	wantRejected(t, pkcs1, wrap.RSAPKCS1, a[1:])
	wantCEK(t, oaep, wrap.RSAOAEPSHA256, b, cek)
	wantRejected(t, oaep, wrap.RSAOAEPSHA256, b[1:])
}

func TestRSAOAEPSHA256Wycheproof(t *testing.T) {
	fipstest.Skip(t)
	ceks := 0
	for _, bits := range []int{2048, 3072, 4096} {
		for mgfName, mgf := range map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256} {
			name := fmt.Sprintf("rsa_oaep_%d_sha256_mgf1%s_test.json", bits, mgfName)
			for _, g := range vectors.Wycheproof[wycheproofGroup](t, name) {
				priv := parsePKCS8(t, g.PrivateKeyPKCS8)
				k := mustOAEPSHA256(t, priv)
				for _, c := range g.Tests {
					t.Run(fmt.Sprintf("%s/tc=%d", name, c.ID), func(t *testing.T) {
						msg, ct := vectors.DecodeHex(t, c.Msg), vectors.DecodeHex(t, c.CT)
						valid := c.Result == "valid" && c.Label == "" // no label in this profile
						got := legacy.DecryptOAEP(priv, ct, mgf)
						if valid != (got != nil) || valid && !bytes.Equal(got, msg) {
							t.Errorf("DecryptOAEP = %x, want %x, valid: %t", got, msg, valid)
						}
						if valid && len(msg) == 32 {
							ceks++
							wantCEK(t, k, wrap.RSAOAEPSHA256, ct, msg)
						} else {
							wantRejected(t, k, wrap.RSAOAEPSHA256, ct)
						}
					})
				}
			}
		}
	}
	if ceks != 6 {
		t.Errorf("%d messages were CEKs, want 6", ceks)
	}
}

func TestRSASizes(t *testing.T) {
	fipstest.Skip(t)
	small := wraptest.GenerateRSA(t, 1024)
	if _, err := legacy.NewRSAPKCS1(&small.PublicKey); err == nil {
		t.Error("NewRSAPKCS1 took 1024 bits")
	}
	if _, err := mustPKCS1(t, small).Wrap(t.Context(), make([]byte, 32), wrap.Info{}); err == nil {
		t.Error("Wrap with 1024 bits succeeded")
	}
	for name, pub := range map[string]*rsa.PublicKey{
		"nil":        nil,
		"no modulus": {E: 65537},
		"1023 bits":  {N: new(big.Int).Lsh(big.NewInt(1), 1022), E: 65537},
		"16385 bits": {N: new(big.Int).Lsh(big.NewInt(1), 16384), E: 65537},
		"exponent 1": {N: small.N, E: 1},
		"exponent 4": {N: small.N, E: 4},
	} {
		if _, err := legacy.NewRSAPKCS1(pub); err == nil {
			t.Errorf("%s: NewRSAPKCS1 succeeded", name)
		}
	}
	// An even modulus is not an RSA key, but nobody looks until it is used.
	even, err := legacy.NewRSAPKCS1(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})
	if err == nil {
		_, err = even.Wrap(t.Context(), make([]byte, 32), wrap.Info{})
	}
	if err == nil {
		t.Error("wrapped with an even modulus")
	}
	for name, priv := range map[string]*rsa.PrivateKey{
		"nil":        nil,
		"empty":      {},
		"no D":       {PublicKey: small.PublicKey, Primes: small.Primes},
		"no primes":  {PublicKey: small.PublicKey, D: small.D},
		"nil prime":  {PublicKey: small.PublicKey, D: small.D, Primes: []*big.Int{small.Primes[0], nil}},
		"wrong D":    {PublicKey: small.PublicKey, D: big.NewInt(3), Primes: small.Primes},
		"exponent 1": {PublicKey: rsa.PublicKey{N: small.N, E: 1}, D: small.D, Primes: small.Primes},
	} {
		if _, err := legacy.NewRSAPKCS1Key(priv); err == nil {
			t.Errorf("%s: NewRSAPKCS1Key succeeded", name)
		}
		if _, err := legacy.NewRSAOAEPSHA256Key(priv); err == nil {
			t.Errorf("%s: NewRSAOAEPSHA256Key succeeded", name)
		}
	}
}

func TestRSAKeysAreCopied(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	k := mustPKCS1(t, priv)
	w, err := legacy.NewRSAPKCS1(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	priv.D.SetInt64(0)
	priv.N.SetInt64(0)
	priv.Primes[0] = nil
	wantCEK(t, k, wrap.RSAPKCS1, mustWrap(t, w, make([]byte, 32)), make([]byte, 32))
}

// TestRSAPKCS1InKeyring uses the real keys where wrap's own tests have fakes.
func TestRSAPKCS1InKeyring(t *testing.T) {
	fipstest.Skip(t)
	other := vectors.Wycheproof[wycheproofGroup](t, "rsa_pkcs1_2048_test.json")[0].PrivateKeyPKCS8
	a, b := mustPKCS1(t, parsePKCS8(t, other)), mustPKCS1(t, loadKeywrap(t).RSAKey(t))
	cek := bytes.Repeat([]byte{4}, 32)
	wrapped := mustWrap(t, b, cek)
	ecb := mustECB(t, make([]byte, 32))
	md := func(v string) map[string]string { return map[string]string{"k": v} }

	for _, alg := range []wrap.Algorithm{wrap.RSAPKCS1, wrap.Unnamed} {
		wantCEK(t, wrap.NewKeyring(ecb, b), alg, wrapped, cek)
		if _, err := wrap.NewKeyring(a, b).Unwrap(t.Context(), alg, wrapped, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("two keys: Unwrap(%v) = %v, want %v", alg, err, wrap.ErrNoKey)
		}
		r := wrap.NewKeyring(wrap.Describe(a, md("1")), ecb, wrap.Describe(b, md("2")))
		got, err := r.Unwrap(t.Context(), alg, wrapped, wrap.Info{MatDesc: md("2")})
		if err != nil || !bytes.Equal(got, cek) {
			t.Errorf("described keys: Unwrap(%v) = %x, %v, want %x, nil", alg, got, err, cek)
		}
	}
	wantCEK(t, wrap.NewKeyring(a, ecb, b), wrap.Unnamed, mustWrap(t, ecb, cek), cek)
}
