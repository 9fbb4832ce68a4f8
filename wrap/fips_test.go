// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/s3seal/s3seal/wrap"
)

// skipFIPS is for tests of what FIPS 140-only mode refuses; TestFIPS covers the
// refusal.
func skipFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("not allowed in FIPS 140-only mode")
	}
}

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
	v := loadKeywrap(t)
	priv := v.rsaKey(t)
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
	wrapped := mustBase64(t, v.RSA[3].Wrapped)
	for _, u := range []wrap.Unwrapper{k, wrap.NewKeyring(k)} {
		if _, err := u.Unwrap(t.Context(), wrap.RSAOAEPSHA1, wrapped, wrap.Info{ContentAlg: gcmAlg}); !errors.Is(err, wrap.ErrFIPS) {
			t.Errorf("Unwrap = %v, want %v", err, wrap.ErrFIPS)
		}
		if _, err := u.Unwrap(t.Context(), wrap.AESGCM, wrapped, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("Unwrap(AESGCM) = %v, want %v", err, wrap.ErrNoKey)
		}
	}
}
