// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// TestRejectionIsNotPrinted: whoever has the key of the stand-ins can tell them
// from real CEKs. In a field that fmt cannot ask, no verb shows it.
func TestRejectionIsNotPrinted(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	mac := hmac.New(sha256.New, priv.D.Bytes())
	mac.Write([]byte("s3seal RSA PKCS#1 v1.5 implicit rejection"))
	secret := mac.Sum(nil)
	raw, err := legacy.NewInsecureRSARawKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []wrap.Unwrapper{mustPKCS1(t, priv), raw} {
		holder := &struct{ hidden wrap.Unwrapper }{key}
		for verb := byte('A'); verb <= 'z'; verb++ {
			if verb > 'Z' && verb < 'a' {
				continue
			}
			for _, flags := range []string{"", "+", "#"} {
				out := fmt.Sprintf("%"+flags+string(verb), holder)
				decimal := strings.Trim(fmt.Sprint(secret[:8]), "[]")
				for _, form := range []string{string(secret[:8]), hex.EncodeToString(secret[:8]), decimal} {
					if strings.Contains(strings.ToLower(out), strings.ToLower(form)) {
						t.Errorf("%%%s%c of a struct that holds %v prints the rejection key", flags, verb, key)
					}
				}
			}
		}
	}
}
