// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/foreign"
	"github.com/s3seal/s3seal/wrap"
)

// A pkeyutl is a key in files, for openssl pkeyutl.
type pkeyutl struct{ privFile, pubFile string }

func newPkeyutl(t *testing.T, priv *rsa.PrivateKey) pkeyutl {
	t.Helper()
	private, public := foreign.KeyFiles(t, priv)
	return pkeyutl{private, public}
}

func (p pkeyutl) encrypt(t *testing.T, in []byte, opts ...string) []byte {
	t.Helper()
	return p.run(t, in, []string{"-encrypt", "-pubin", "-inkey", p.pubFile}, opts)
}

func (p pkeyutl) decrypt(t *testing.T, in []byte, opts ...string) []byte {
	t.Helper()
	return p.run(t, in, []string{"-decrypt", "-inkey", p.privFile}, opts)
}

// run fails the test if the command fails.
func (p pkeyutl) run(t *testing.T, in []byte, args, opts []string) []byte {
	t.Helper()
	args = append([]string{"pkeyutl"}, args...)
	for _, o := range opts {
		args = append(args, "-pkeyopt", o)
	}
	out, err := foreign.OpenSSL(t, in, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOpenSSLRSAOAEPSHA256 has one direction: this wrap is only read here.
func TestOpenSSLRSAOAEPSHA256(t *testing.T) {
	fipstest.Skip(t)
	foreign.NeedOpenSSL(t)
	priv := loadKeywrap(t).RSAKey(t)
	k, theirs := mustOAEPSHA256(t, priv), newPkeyutl(t, priv)
	for _, mgf := range []string{"sha1", "sha256"} {
		for _, n := range []int{16, 24, 32} {
			t.Run(fmt.Sprintf("mgf1=%s,len=%d", mgf, n), func(t *testing.T) {
				cek := bytes.Repeat([]byte{byte(5 * n)}, n)
				wrapped := theirs.encrypt(t, cek, "rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:"+mgf)
				wantCEK(t, k, wrap.RSAOAEPSHA256, wrapped, cek)
			})
		}
	}
	for _, hashes := range [][2]string{{"sha1", "sha1"}, {"sha1", "sha256"}, {"sha256", "sha512"}, {"sha512", "sha256"}} {
		wrapped := theirs.encrypt(t, make([]byte, 32), "rsa_padding_mode:oaep", "rsa_oaep_md:"+hashes[0], "rsa_mgf1_md:"+hashes[1])
		wantRejected(t, k, wrap.RSAOAEPSHA256, wrapped)
	}
}

// TestOpenSSLRSAPKCS1 has CEKs of 32 bytes only, as this wrap does.
func TestOpenSSLRSAPKCS1(t *testing.T) {
	fipstest.Skip(t)
	foreign.NeedOpenSSL(t)
	priv := loadKeywrap(t).RSAKey(t)
	k, theirs := mustPKCS1(t, priv), newPkeyutl(t, priv)
	for _, fill := range []byte{0, 1, 0x7f, 0xff} { // zeros end the padding too
		cek := bytes.Repeat([]byte{fill}, 32)
		wrapped := theirs.encrypt(t, cek, "rsa_padding_mode:pkcs1")
		wantCEK(t, k, wrap.RSAPKCS1, wrapped, cek)
		wantCEK(t, k, wrap.Unnamed, wrapped, cek)
		if got := theirs.decrypt(t, mustWrap(t, k, cek), "rsa_padding_mode:pkcs1"); !bytes.Equal(got, cek) {
			t.Errorf("openssl decrypts to %x, want %x", got, cek)
		}
	}
	for _, n := range []int{16, 24, 31, 33} { // a stand-in, never an error: an error would be an oracle
		other := bytes.Repeat([]byte{0xee}, n)
		if got := wantStandIn(t, k, theirs.encrypt(t, other, "rsa_padding_mode:pkcs1")); bytes.HasPrefix(got, other[:16]) {
			t.Errorf("message of %d bytes: Unwrap = %x, want a stand-in", n, got)
		}
	}
}
