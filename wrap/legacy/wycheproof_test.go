// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// A profileGroup is a group of vectors for one profile of OAEP.
type profileGroup struct {
	wycheproofGroup
	KeySize int
	SHA     string
	MGFSHA  string
}

// TestRSAOAEPSHA256Profiles: of all profiles of OAEP there are vectors for, the
// two that share one name are read, whichever hash the mask generation has, and
// no others. (Larger keys take too long to parse.)
func TestRSAOAEPSHA256Profiles(t *testing.T) {
	fipstest.Skip(t)
	hashes := map[string]crypto.Hash{"SHA-1": crypto.SHA1, "SHA-256": crypto.SHA256}
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[profileGroup](t, "rsa_oaep_misc_test.json") {
		if g.KeySize != 2048 {
			continue
		}
		priv := parsePKCS8(t, g.PrivateKeyPKCS8)
		k := mustOAEPSHA256(t, priv)
		for _, c := range g.Tests {
			msg, ct := vectors.DecodeHex(t, c.Msg), vectors.DecodeHex(t, c.CT)
			for mgf, hash := range hashes {
				ours := g.SHA == "SHA-256" && g.MGFSHA == mgf && c.Label == "" && c.Result != "invalid"
				if got := legacy.DecryptOAEP(priv, ct, hash); ours != (got != nil) || ours && !bytes.Equal(got, msg) {
					t.Errorf("tc=%d, MGF1-%s: DecryptOAEP = %x, want %x, ours: %t", c.ID, mgf, got, msg, ours)
				}
				if ours {
					ran[mgf]++
				}
			}
			ran["rejected"]++
			wantRejected(t, k, wrap.RSAOAEPSHA256, ct) // no message has the size of a CEK
		}
	}
	if ran["SHA-1"] != 3 || ran["SHA-256"] != 3 || ran["rejected"] != 75 {
		t.Errorf("vectors run: %v, want 3 decrypted by each profile, and 75 as a CEK rejected", ran)
	}
}
