// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"

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

func loadGroups(t *testing.T, name string) []vectorGroup {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ TestGroups []vectorGroup }
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f.TestGroups
}

func isCEK(b []byte) bool { return slices.Contains([]int{16, 24, 32}, len(b)) }

// TestAESGCMWycheproof takes the vectors for AES-GCM for wrapped keys: nonce,
// ciphertext, tag. The additional data is the content algorithm.
func TestAESGCMWycheproof(t *testing.T) {
	ran := map[string]int{}
	for _, g := range loadGroups(t, "aes_gcm_test.json") {
		for _, c := range g.Tests {
			iv, msg := mustHex(t, c.IV), mustHex(t, c.Msg)
			k, err := wrap.NewAESGCM(mustHex(t, c.Key))
			if err != nil {
				t.Fatal(err)
			}
			wrapped := slices.Concat(iv, mustHex(t, c.CT), mustHex(t, c.Tag))
			info := wrap.Info{ContentAlg: string(mustHex(t, c.AAD))}
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
	for _, g := range loadWycheproof(t, "aes_kwp_test.json") {
		for _, c := range g.Tests {
			if c.Result == "valid" {
				n++
				checkKWRejected(t, mustHex(t, c.Key), mustHex(t, c.CT))
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
	skipFIPS(t)
	ran := map[string]int{}
	for _, name := range []string{"rsa_oaep_misc_test.json", "rsa_three_primes_oaep_2048_sha1_mgf1sha1_test.json"} {
		for _, g := range loadGroups(t, name) {
			if g.KeySize != 2048 {
				continue
			}
			key, err := x509.ParsePKCS8PrivateKey(mustHex(t, g.Key))
			if err != nil {
				t.Fatal(err)
			}
			priv := key.(*rsa.PrivateKey)
			k := mustRSAOAEP(t, priv)
			for _, c := range g.Tests {
				ours := g.SHA == "SHA-1" && g.MGFSHA == "SHA-1" && c.Label == "" && c.Result != "invalid"
				got, err := wrap.DecryptOAEP(priv, mustHex(t, c.CT))
				if ours && (err != nil || !bytes.Equal(got, mustHex(t, c.Msg))) || !ours && (err != wrap.ErrUnwrap || got != nil) {
					t.Errorf("%s, tc=%d: DecryptOAEP = %x, %v, want %s, ours: %t", name, c.ID, got, err, c.Msg, ours)
				}
				ran[map[bool]string{true: "decrypted", false: "rejected"}[ours]]++
				wantRejected(t, k, wrap.RSAOAEPSHA1, mustHex(t, c.CT), wrap.Info{}) // none is a payload
			}
		}
	}
	if ran["decrypted"] != 13 || ran["rejected"] != 98 {
		t.Errorf("vectors run: %v, want 13 decrypted and 98 rejected", ran)
	}
}
