// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

// A vectorGroup is a group of a file that was not made for key wraps.
type vectorGroup struct {
	Key     string `json:"privateKeyPkcs8"`
	KeySize int
	SHA     string
	MGFSHA  string
	Tests   []struct {
		ID            int `json:"tcId"`
		Key, IV, AAD  string
		Msg, CT, Tag  string
		Label, Result string
	}
}

func isCEK(b []byte) bool { return slices.Contains([]int{16, 24, 32}, len(b)) }

// TestAESGCMWycheproof takes the vectors for AES-GCM for wrapped keys: nonce,
// ciphertext, tag. The additional data is the content algorithm.
func TestAESGCMWycheproof(t *testing.T) {
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_gcm_test.json") {
		for _, c := range g.Tests {
			iv, msg := vectors.DecodeHex(t, c.IV), vectors.DecodeHex(t, c.Msg)
			k, err := wrap.NewAESGCM(vectors.DecodeHex(t, c.Key))
			if err != nil {
				t.Fatal(err)
			}
			wrapped := slices.Concat(iv, vectors.DecodeHex(t, c.CT), vectors.DecodeHex(t, c.Tag))
			info := wrap.Info{ContentAlg: string(vectors.DecodeHex(t, c.AAD))}
			if c.Result != "valid" || len(iv) != 12 || !isCEK(msg) {
				ran["rejected"]++
				wantRejected(t, k, wrap.AESGCM, wrapped, info)
				continue
			}
			ran["unwrapped"]++
			wantCEK(t, k, wrap.AESGCM, wrapped, info, msg)
			wantRejected(t, k, wrap.AESGCM, wrapped, wrap.Info{ContentAlg: info.ContentAlg + "x"})
		}
	}
	if ran["unwrapped"] != 15 || ran["rejected"] != 301 {
		t.Errorf("vectors run: %v, want 15 unwrapped and 301 rejected", ran)
	}
}

// TestAESKeyWrapIsNotKWP: RFC 5649 is another wrap, with another first block.
// None of its wrapped keys is one of RFC 3394; among those that are none of its
// own are some, which the vectors call invalid.
func TestAESKeyWrapIsNotKWP(t *testing.T) {
	n := 0
	for _, g := range vectors.Wycheproof[wycheproofGroup](t, "aes_kwp_test.json") {
		for _, c := range g.Tests {
			if c.Result == "valid" {
				n++
				checkKWRejected(t, vectors.DecodeHex(t, c.Key), vectors.DecodeHex(t, c.CT))
			}
		}
	}
	if n != 77 {
		t.Errorf("%d vectors, want 77", n)
	}
}

// TestRSAOAEPWycheproofProfiles: of all profiles of OAEP there are vectors for,
// SHA-1 with MGF1-SHA-1 and no label is the one that is read, with keys of three
// primes as well. (Larger keys take too long to parse.)
func TestRSAOAEPWycheproofProfiles(t *testing.T) {
	fipstest.Skip(t)
	ran := map[string]int{}
	for _, name := range []string{"rsa_oaep_misc_test.json", "rsa_three_primes_oaep_2048_sha1_mgf1sha1_test.json"} {
		for _, g := range vectors.Wycheproof[vectorGroup](t, name) {
			if g.KeySize != 2048 {
				continue
			}
			key, err := x509.ParsePKCS8PrivateKey(vectors.DecodeHex(t, g.Key))
			if err != nil {
				t.Fatal(err)
			}
			priv := key.(*rsa.PrivateKey)
			k := mustRSAOAEP(t, priv)
			for _, c := range g.Tests {
				ours := g.SHA == "SHA-1" && g.MGFSHA == "SHA-1" && c.Label == "" && c.Result != "invalid"
				got, err := wrap.DecryptOAEP(priv, vectors.DecodeHex(t, c.CT))
				if ours && (err != nil || !bytes.Equal(got, vectors.DecodeHex(t, c.Msg))) || !ours && (err != wrap.ErrUnwrap || got != nil) {
					t.Errorf("%s, tc=%d: DecryptOAEP = %x, %v, want %s, ours: %t", name, c.ID, got, err, c.Msg, ours)
				}
				ran[map[bool]string{true: "decrypted", false: "rejected"}[ours]]++
				wantRejected(t, k, wrap.RSAOAEPSHA1, vectors.DecodeHex(t, c.CT), wrap.Info{}) // none is a payload
			}
		}
	}
	if ran["decrypted"] != 13 || ran["rejected"] != 98 {
		t.Errorf("vectors run: %v, want 13 decrypted and 98 rejected", ran)
	}
}
