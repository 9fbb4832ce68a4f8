// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap"
)

// needOpenSSL skips where the command is not OpenSSL 3, which these tests know.
func needOpenSSL(t *testing.T) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "openssl", "version").Output()
	if err == nil && strings.HasPrefix(string(version), "OpenSSL 3") {
		return
	}
	if os.Getenv("S3SEAL_REQUIRE_RUBY") != "" { // set where all such clients are installed
		t.Fatalf("openssl is required: got version %q, %v, want OpenSSL 3", version, err)
	}
	t.Skipf("needs OpenSSL 3 (Debian: openssl), got version %q, %v", version, err)
}

// A pkeyutl is a key in files, for openssl pkeyutl.
type pkeyutl struct{ privFile, pubFile string }

func newPkeyutl(t *testing.T, priv *rsa.PrivateKey) pkeyutl {
	t.Helper()
	pub, err := x509.MarshalPKIXPublicKey(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return pkeyutl{write("private.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(priv)), write("public.pem", "PUBLIC KEY", pub)}
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
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, &stderr)
	}
	return out
}

// TestOpenSSLRSAOAEPSHA256 has one direction: this wrap is only read here.
func TestOpenSSLRSAOAEPSHA256(t *testing.T) {
	skipFIPS(t)
	needOpenSSL(t)
	priv := loadKeywrap(t).rsaKey(t)
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
	skipFIPS(t)
	needOpenSSL(t)
	priv := loadKeywrap(t).rsaKey(t)
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
