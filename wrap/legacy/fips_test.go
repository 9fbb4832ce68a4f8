// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// TestFIPS runs the tests of this package again in FIPS 140-only mode.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		testFIPSRefusals(t)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^Test", "-test.count=1", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("tests with GODEBUG=fips140=only: %v\n%s", err, out)
	}
}

func testFIPSRefusals(t *testing.T) {
	priv := loadKeywrap(t).rsaKey(t)
	_, errECB := legacy.NewAESECB(make([]byte, 32))
	_, errPublic := legacy.NewRSAPKCS1(&priv.PublicKey)
	_, errPKCS1 := legacy.NewRSAPKCS1Key(priv)
	_, errOAEP := legacy.NewRSAOAEPSHA256Key(priv)
	for name, err := range map[string]error{
		"NewAESECB": errECB, "NewRSAPKCS1": errPublic, "NewRSAPKCS1Key": errPKCS1, "NewRSAOAEPSHA256Key": errOAEP,
	} {
		if !errors.Is(err, wrap.ErrFIPS) {
			t.Errorf("%s = %v, want %v", name, err, wrap.ErrFIPS)
		}
	}
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
