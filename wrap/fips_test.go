// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"fmt"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

// TestFIPS runs the tests of this package again in FIPS 140-only mode.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		testFIPSRefusals(t)
		return
	}
	fipstest.RerunAll(t)
}

// TestFIPSOnly calls every function of the package in FIPS 140-only mode: OAEP
// with SHA-1 is refused there, all else works.
func TestFIPSOnly(t *testing.T) { fipstest.Walk(t, fipsWorks, fipsRefused, wrap.ErrFIPS) }

var fipsKEK = []byte("0123456789abcdef0123456789abcdef")

var fipsRefused = fipstest.Calls{
	"NewRSAOAEP": func(t *testing.T) error {
		_, err := wrap.NewRSAOAEP(&loadKeywrap(t).RSAKey(t).PublicKey)
		return err
	},
	"NewRSAOAEPKey": func(t *testing.T) error {
		_, err := wrap.NewRSAOAEPKey(loadKeywrap(t).RSAKey(t))
		return err
	},
}

var fipsWorks = fipstest.Calls{
	"NewAESGCM":  func(t *testing.T) error { return fipsRoundTrip(t, mustAESGCM(t, fipsKEK), nil) },
	"NewKeyring": func(t *testing.T) error { k := mustAESGCM(t, fipsKEK); return fipsRoundTrip(t, k, wrap.NewKeyring(k)) },
	"Describe": func(t *testing.T) error {
		k := mustAESGCM(t, fipsKEK)
		return fipsRoundTrip(t, k, wrap.Describe(k, nil))
	},
	"NewAESKeyWrap":  fipsAESKeyWrap,
	"AESKeyWrap":     fipsAESKeyWrap,
	"AESKeyUnwrap":   fipsAESKeyWrap,
	"NewKMS":         fipsKMS,
	"ObserveKMS":     fipsKMS,
	"RequireContext": fipsKMS,
	"GenerateKEK":    fipsKMSKEK,
	"DecryptKEK":     fipsKMSKEK,
	"NewCache": func(t *testing.T) error {
		k := mustAESGCM(t, fipsKEK)
		c, err := wrap.NewCache(k, nil)
		if err != nil {
			return err
		}
		return fipsRoundTrip(t, k, c)
	},
}

func fipsAESKeyWrap(t *testing.T) error {
	k, err := wrap.NewAESKeyWrap(fipsKEK)
	if err != nil {
		return err
	}
	if err := fipsRoundTrip(t, k, nil); err != nil {
		return err
	}
	wrapped, err := wrap.AESKeyWrap(fipsKEK, fipsKEK)
	if err != nil {
		return err
	}
	_, err = wrap.AESKeyUnwrap(fipsKEK, wrapped)
	return err
}

func fipsKMS(t *testing.T) error {
	kms, err := wrap.ObserveKMS(newFakeKMS(t), func(wrap.KMSCall) {})
	if err != nil {
		return err
	}
	k, err := wrap.NewKMS(kms, ourKeyID)
	if err != nil {
		return err
	}
	u, err := wrap.RequireContext(k, nil)
	if err != nil {
		return err
	}
	return fipsRoundTrip(t, k, u)
}

func fipsKMSKEK(t *testing.T) error {
	kms := newFakeKMS(t)
	k, blob, err := wrap.GenerateKEK(t.Context(), kms, ourKeyID, nil, wrap.NewAESGCM)
	if err != nil {
		return err
	}
	u, err := wrap.DecryptKEK(t.Context(), kms, ourKeyID, blob, nil, wrap.NewAESGCM)
	if err != nil {
		return err
	}
	return fipsRoundTrip(t, k, u)
}

// fipsRoundTrip wraps by k, and unwraps by u or, if that is nil, by k.
func fipsRoundTrip(t *testing.T, k wrap.Key, u wrap.Unwrapper) error {
	if u == nil {
		u = k
	}
	cek := bytes.Repeat([]byte{7}, 32)
	info := wrap.Info{ContentAlg: gcmAlg, MatDesc: map[string]string{bindingEntry: gcmAlg}}
	wrapped, err := k.Wrap(t.Context(), cek, info)
	if err != nil {
		return err
	}
	got, err := u.Unwrap(t.Context(), k.Algorithm(), wrapped, info)
	if err == nil && !bytes.Equal(got, cek) {
		return fmt.Errorf("unwrapped %x, want %x", got, cek)
	}
	return err
}

func testFIPSRefusals(t *testing.T) {
	v := loadKeywrap(t)
	priv := v.RSAKey(t)
	if _, err := wrap.NewRSAOAEP(&priv.PublicKey); !errors.Is(err, wrap.ErrFIPS) {
		t.Errorf("NewRSAOAEP = %v, want %v", err, wrap.ErrFIPS)
	}
	if _, err := wrap.NewRSAOAEPKey(priv); !errors.Is(err, wrap.ErrFIPS) {
		t.Errorf("NewRSAOAEPKey = %v, want %v", err, wrap.ErrFIPS)
	}
	// A key that was made while the mode was lifted must not outlive that.
	var k wrap.Key
	fips140.WithoutEnforcement(func() { k = mustRSAOAEP(t, priv) })
	if _, err := k.Wrap(t.Context(), make([]byte, 32), wrap.Info{}); !errors.Is(err, wrap.ErrFIPS) {
		t.Errorf("Wrap = %v, want %v", err, wrap.ErrFIPS)
	}
	wrapped := wraptest.Base64(t, v.RSA[3].Wrapped)
	for _, u := range []wrap.Unwrapper{k, wrap.NewKeyring(k)} {
		if _, err := u.Unwrap(t.Context(), wrap.RSAOAEPSHA1, wrapped, wrap.Info{ContentAlg: gcmAlg}); !errors.Is(err, wrap.ErrFIPS) {
			t.Errorf("Unwrap = %v, want %v", err, wrap.ErrFIPS)
		}
		if _, err := u.Unwrap(t.Context(), wrap.AESGCM, wrapped, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("Unwrap(AESGCM) = %v, want %v", err, wrap.ErrNoKey)
		}
	}
}
