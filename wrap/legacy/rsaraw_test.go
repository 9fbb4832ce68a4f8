// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/foreign"
	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// rawRSA is the other direction, which the package does not offer.
func rawRSA(pub *rsa.PublicKey, m []byte) []byte {
	c := new(big.Int).Exp(new(big.Int).SetBytes(m), big.NewInt(int64(pub.E)), pub.N)
	return c.FillBytes(make([]byte, pub.Size()))
}

func mustRaw(t testing.TB, priv *rsa.PrivateKey) wrap.Unwrapper {
	t.Helper()
	k, err := legacy.NewInsecureRSARawKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wantRawStandIn wants a CEK of 32 bytes, the same each time, and returns it.
func wantRawStandIn(t *testing.T, k wrap.Unwrapper, wrapped []byte) []byte {
	t.Helper()
	a, errA := k.Unwrap(t.Context(), wrap.RSARaw, wrapped, wrap.Info{})
	b, errB := k.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{})
	if errA != nil || errB != nil || len(a) != 32 || !bytes.Equal(a, b) {
		t.Errorf("Unwrap twice = %x, %v and %x, %v, want one CEK of 32 bytes, nil", a, errA, b, errB)
	}
	return a
}

func TestRSARaw(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	k := mustRaw(t, priv)
	for _, zeros := range []int{0, 1, 2, 16, 31, 32} {
		cek := append(make([]byte, zeros), bytes.Repeat([]byte{0xa5}, 32-zeros)...)
		wrapped := rawRSA(&priv.PublicKey, cek)
		wantCEK(t, k, wrap.RSARaw, wrapped, cek)
		wantCEK(t, k, wrap.Unnamed, wrapped, cek)
	}
	all := bytes.Repeat([]byte{0xff}, 32) // 2^256 - 1 is the last CEK
	wantCEK(t, k, wrap.RSARaw, rawRSA(&priv.PublicKey, all), all)
}

// TestAttackRSARawOracle: a number that is no CEK is not told from one that is.
func TestAttackRSARawOracle(t *testing.T) {
	fipstest.Skip(t)
	priv := wraptest.GenerateRSA(t, 1024)
	k, pkcs1 := mustRaw(t, priv), mustPKCS1(t, priv)
	seen := make(map[string]bool)
	for name, m := range map[string][]byte{
		"2^256":            append([]byte{1}, make([]byte, 32)...),
		"N-1":              new(big.Int).Sub(priv.N, big.NewInt(1)).Bytes(),
		"low bits zero":    append([]byte{1}, make([]byte, 100)...),
		"high bit only":    append([]byte{0x40}, make([]byte, 127)...),
		"33 bytes of ones": bytes.Repeat([]byte{1}, 33),
	} {
		cek := wantRawStandIn(t, k, rawRSA(&priv.PublicKey, m))
		if seen[string(cek)] || bytes.HasSuffix(m, cek) || bytes.Equal(cek, make([]byte, 32)) {
			t.Errorf("%s: the CEK is %x, want one of its own", name, cek)
		}
		seen[string(cek)] = true
	}
	wrapped := mustWrapOld(t, priv, []byte("0123456789abcdef0123456789abcdef"))
	if got := wantRawStandIn(t, k, wrapped); strings.Contains(string(got), "0123") {
		t.Errorf("raw RSA read PKCS#1 v1.5 as %x", got)
	}
	wantCEK(t, pkcs1, wrap.Unnamed, wrapped, []byte("0123456789abcdef0123456789abcdef"))

	// What everyone can see is an error.
	over := priv.N.FillBytes(make([]byte, priv.Size()))
	for _, bad := range [][]byte{nil, make([]byte, 127), make([]byte, 129), over, bytes.Repeat([]byte{0xff}, 128)} {
		wantRejected(t, k, wrap.RSARaw, bad)
		wantRejected(t, k, wrap.Unnamed, bad)
	}
}

// mustWrapOld makes a PKCS#1 v1.5 message by hand: the wrapper refuses short keys.
func mustWrapOld(t testing.TB, priv *rsa.PrivateKey, cek []byte) []byte {
	t.Helper()
	em := append([]byte{0, 2}, bytes.Repeat([]byte{0xff}, priv.Size()-3-len(cek))...)
	return rawRSA(&priv.PublicKey, append(append(em, 0), cek...))
}

func TestRSARawServes(t *testing.T) {
	fipstest.Skip(t)
	k := mustRaw(t, loadKeywrap(t).RSAKey(t))
	if _, ok := k.(wrap.Wrapper); ok {
		t.Error("raw RSA can wrap")
	}
	for alg := wrap.Unnamed; alg <= wrap.RSARaw+1; alg++ {
		_, err := k.Unwrap(t.Context(), alg, make([]byte, 256), wrap.Info{})
		switch alg {
		case wrap.Unnamed, wrap.RSARaw:
			if err != nil {
				t.Errorf("Unwrap(%v) = %v, want nil", alg, err)
			}
		case wrap.RSAPKCS1:
			if !errors.Is(err, wrap.ErrUnwrap) {
				t.Errorf("Unwrap(%v) = %v, want %v", alg, err, wrap.ErrUnwrap)
			}
		default:
			if !errors.Is(err, wrap.ErrNoKey) {
				t.Errorf("Unwrap(%v) = %v, want %v", alg, err, wrap.ErrNoKey)
			}
		}
	}
}

// TestRSARawInKeyring: a keyring does not guess between raw RSA and PKCS#1 v1.5.
func TestRSARawInKeyring(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	raw, pkcs1 := mustRaw(t, priv), mustPKCS1(t, priv)
	cek := bytes.Repeat([]byte{6}, 32)
	wrapped := rawRSA(&priv.PublicKey, cek)
	wantCEK(t, wrap.NewKeyring(raw, mustECB(t, testKEK)), wrap.Unnamed, wrapped, cek)
	for _, ring := range []*wrap.Keyring{wrap.NewKeyring(raw, pkcs1), wrap.NewKeyring(pkcs1, raw)} {
		if _, err := ring.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("%v: Unwrap = %v, want %v", ring, err, wrap.ErrNoKey)
		}
	}
	told := wrap.NewKeyring(pkcs1, wrap.Describe(raw, map[string]string{"from": "android"}))
	got, err := told.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{MatDesc: map[string]string{"from": "android"}})
	if err != nil || !bytes.Equal(got, cek) {
		t.Errorf("Unwrap with a description = %x, %v, want %x, nil", got, err, cek)
	}
}

func TestRSARawArguments(t *testing.T) {
	fipstest.Skip(t)
	if k, err := legacy.NewInsecureRSARawKey(nil); err == nil || k != nil {
		t.Errorf("NewInsecureRSARawKey(nil) = %v, %v, want nil and an error", k, err)
	}
	priv := wraptest.GenerateRSA(t, 1024)
	k := mustRaw(t, priv)
	wrapped := rawRSA(&priv.PublicKey, bytes.Repeat([]byte{6}, 32))
	priv.D.SetInt64(1) // the key is a copy
	wantCEK(t, k, wrap.RSARaw, wrapped, bytes.Repeat([]byte{6}, 32))
	text := printtest.Hides(t, k, priv.Primes[0].Bytes(), priv.Primes[1].Bytes())
	if want := "legacy.InsecureRSARaw(1024-bit)"; !strings.Contains(text, want) {
		t.Errorf("printed without %q", want)
	}
}

func TestRSARawFIPS(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("TestFIPS runs it in FIPS 140-only mode")
	}
	priv := loadKeywrap(t).RSAKey(t)
	if _, err := legacy.NewInsecureRSARawKey(priv); !errors.Is(err, wrap.ErrFIPS) {
		t.Errorf("NewInsecureRSARawKey = %v, want %v", err, wrap.ErrFIPS)
	}
	var k wrap.Unwrapper
	fips140.WithoutEnforcement(func() { k = mustRaw(t, priv) })
	if _, err := k.Unwrap(t.Context(), wrap.RSARaw, make([]byte, 256), wrap.Info{}); !errors.Is(err, wrap.ErrFIPS) {
		t.Errorf("Unwrap = %v, want %v", err, wrap.ErrFIPS)
	}
}

// TestRSARawOpenSSL lets openssl wrap.
func TestRSARawOpenSSL(t *testing.T) {
	fipstest.Skip(t)
	foreign.NeedOpenSSL(t)
	priv := loadKeywrap(t).RSAKey(t)
	cek := bytes.Repeat([]byte{0x5a}, 32)
	wrapped := newPkeyutl(t, priv).encrypt(t, append(make([]byte, priv.Size()-len(cek)), cek...), "rsa_padding_mode:none")
	wantCEK(t, mustRaw(t, priv), wrap.RSARaw, wrapped, cek)
}
