// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"crypto/fips140"
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// TestFIPS runs the tests of this package again in FIPS 140-only mode.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		testFIPSRefusals(t)
		return
	}
	fipstest.RerunAll(t)
}

// TestFIPSOnly calls every function of the package in FIPS 140-only mode: all
// is refused there but what a KMS does.
func TestFIPSOnly(t *testing.T) { fipstest.Walk(t, fipsWorks, fipsRefused, wrap.ErrFIPS) }

var fipsWorks = fipstest.Calls{
	"NewKMSPlain": func(t *testing.T) error {
		const keyID = "alias/app"
		kms := localkms.New()
		if err := kms.CreateKey(keyID); err != nil {
			return err
		}
		k, err := legacy.NewKMSPlain(kms, keyID)
		if err != nil {
			return err
		}
		info := wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: map[string]string{"kms_cmk_id": keyID}}
		wrapped, err := k.Wrap(t.Context(), testKEK, info)
		if err != nil {
			return err
		}
		_, err = k.Unwrap(t.Context(), wrap.KMSPlain, wrapped, info)
		return err
	},
}

var fipsRefused = fipstest.Calls{
	"NewAESECB": func(*testing.T) error {
		_, err := legacy.NewAESECB(testKEK)
		return err
	},
	"NewRSAPKCS1": func(t *testing.T) error {
		_, err := legacy.NewRSAPKCS1(&loadKeywrap(t).RSAKey(t).PublicKey)
		return err
	},
	"NewRSAPKCS1Key":       fipsRSA(legacy.NewRSAPKCS1Key),
	"NewRSAOAEPSHA256Key":  fipsRSA(legacy.NewRSAOAEPSHA256Key),
	"NewInsecureRSARawKey": fipsRSA(legacy.NewInsecureRSARawKey),
}

// fipsRSA calls a constructor that takes a private key.
func fipsRSA[T any](newKey func(*rsa.PrivateKey) (T, error)) func(t *testing.T) error {
	return func(t *testing.T) error {
		_, err := newKey(loadKeywrap(t).RSAKey(t))
		return err
	}
}

func testFIPSRefusals(t *testing.T) {
	// A key that was made while the mode was lifted must not outlive that.
	var keys map[string]servingKey
	fips140.WithoutEnforcement(func() { keys = allKeys(t) })
	for name, k := range keys {
		if w, ok := k.Unwrapper.(wrap.Wrapper); ok {
			if _, err := w.Wrap(t.Context(), make([]byte, 32), wrap.Info{}); !errors.Is(err, wrap.ErrFIPS) {
				t.Errorf("%s: Wrap = %v, want %v", name, err, wrap.ErrFIPS)
			}
		}
		for _, u := range []wrap.Unwrapper{k, wrap.NewKeyring(k)} {
			if _, err := u.Unwrap(t.Context(), k.serves[0], make([]byte, 256), wrap.Info{}); !errors.Is(err, wrap.ErrFIPS) {
				t.Errorf("%s: Unwrap = %v, want %v", name, err, wrap.ErrFIPS)
			}
		}
	}
}
