// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/foreign"
	"github.com/s3seal/s3seal/wrap"
)

// opensslKW wraps (or with -d, unwraps) in one go. The command has no default
// IV; this is the one of RFC 3394, section 2.2.3.1.
func opensslKW(t *testing.T, kek, in []byte, more ...string) ([]byte, error) {
	t.Helper()
	args := []string{"enc", fmt.Sprintf("-id-aes%d-wrap", 8*len(kek)), "-K", hex.EncodeToString(kek), "-iv", "A6A6A6A6A6A6A6A6"}
	return foreign.OpenSSL(t, in, append(args, more...)...)
}

func TestOpenSSLKeyWrap(t *testing.T) {
	foreign.NeedOpenSSL(t)
	long := bytes.Repeat([]byte("0123456789abcdef"), 4)
	for _, n := range []int{16, 24, 32} {
		kek := bytes.Repeat([]byte{byte(n)}, n)
		for _, size := range []int{16, 24, 32, 40, 64} {
			key := long[:size]
			wrapped, err := wrap.AESKeyWrap(kek, key)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := opensslKW(t, kek, key)
			if err != nil || !bytes.Equal(theirs, wrapped) {
				t.Errorf("KEK of %d, key of %d bytes: openssl wraps to %x, %v, want %x, nil", n, size, theirs, err, wrapped)
			}
			if got, err := opensslKW(t, kek, wrapped, "-d"); err != nil || !bytes.Equal(got, key) {
				t.Errorf("KEK of %d, key of %d bytes: openssl unwraps to %x, %v, want %x, nil", n, size, got, err, key)
			}
			if got, err := wrap.AESKeyUnwrap(kek, theirs); err != nil || !bytes.Equal(got, key) {
				t.Errorf("KEK of %d, key of %d bytes: AESKeyUnwrap = %x, %v, want %x, nil", n, size, got, err, key)
			}
			if size <= 32 {
				wantCEK(t, mustAESKeyWrap(t, kek), wrap.AESKW, theirs, wrap.Info{}, key)
			}
		}
	}
}

// TestOpenSSLKeyWrapRefuses wants both sides to refuse the same alterations.
func TestOpenSSLKeyWrapRefuses(t *testing.T) {
	foreign.NeedOpenSSL(t)
	kek := []byte("0123456789abcdef")
	k := mustAESKeyWrap(t, kek)
	wrapped := mustWrap(t, k, make([]byte, 32), wrap.Info{})
	for i := 0; i < len(wrapped); i += 8 {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 1
		wantRejected(t, k, wrap.AESKW, bad, wrap.Info{})
		if got, err := opensslKW(t, kek, bad, "-d"); err == nil {
			t.Errorf("byte %d: openssl unwraps to %x, nil, want an error", i, got)
		}
	}
}

// opensslOAEP names the hashes, and not the defaults, so that it cannot follow
// a change of those.
func opensslOAEP(t *testing.T, in []byte, hash, mgf string, args ...string) ([]byte, error) {
	t.Helper()
	args = append([]string{"pkeyutl"}, args...)
	return foreign.OpenSSL(t, in, append(args, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:"+hash, "-pkeyopt", "rsa_mgf1_md:"+mgf)...)
}

func TestOpenSSLRSAOAEP(t *testing.T) {
	fipstest.Skip(t)
	foreign.NeedOpenSSL(t)
	priv := loadKeywrap(t).RSAKey(t)
	k := mustRSAOAEP(t, priv)
	privFile, pubFile := foreign.KeyFiles(t, priv)
	for _, alg := range []string{gcmAlg, "AES/CBC/PKCS5Padding", "115"} {
		for _, n := range []int{16, 24, 32} {
			cek, info := bytes.Repeat([]byte{byte(3 * n)}, n), wrap.Info{ContentAlg: alg}
			payload := append(append([]byte{byte(n)}, cek...), alg...)
			wrapped, err := opensslOAEP(t, payload, "sha1", "sha1", "-encrypt", "-pubin", "-inkey", pubFile)
			if err != nil {
				t.Fatal(err)
			}
			wantCEK(t, k, wrap.RSAOAEPSHA1, wrapped, info, cek)
			got, err := opensslOAEP(t, mustWrap(t, k, cek, info), "sha1", "sha1", "-decrypt", "-inkey", privFile)
			if err != nil || !bytes.Equal(got, payload) {
				t.Errorf("%s, CEK of %d bytes: openssl decrypts to %x, %v, want %x, nil", alg, n, got, err, payload)
			}
		}
	}
}

// TestOpenSSLRSAOAEPOtherHashes wants the right payload refused under any other
// hash: the profile is SHA-1 twice, and no other is tried.
func TestOpenSSLRSAOAEPOtherHashes(t *testing.T) {
	fipstest.Skip(t)
	foreign.NeedOpenSSL(t)
	priv := loadKeywrap(t).RSAKey(t)
	_, pubFile := foreign.KeyFiles(t, priv)
	payload := append(append([]byte{32}, make([]byte, 32)...), gcmAlg...)
	for _, hashes := range [][2]string{{"sha256", "sha256"}, {"sha256", "sha1"}, {"sha1", "sha256"}} {
		wrapped, err := opensslOAEP(t, payload, hashes[0], hashes[1], "-encrypt", "-pubin", "-inkey", pubFile)
		if err != nil {
			t.Fatal(err)
		}
		wantRejected(t, mustRSAOAEP(t, priv), wrap.RSAOAEPSHA1, wrapped, wrap.Info{ContentAlg: gcmAlg})
	}
}
