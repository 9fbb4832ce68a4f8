// SPDX-License-Identifier: Apache-2.0

package foreign

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
)

// NeedOpenSSL skips the test where the command is not OpenSSL 3: older ones and
// LibreSSL lack the key wraps.
func NeedOpenSSL(t testing.TB) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "openssl", "version").Output()
	if err == nil && !strings.HasPrefix(string(version), "OpenSSL 3") {
		err = fmt.Errorf("got version %q", version)
	}
	if err != nil {
		missing(t, "OpenSSL 3 (Debian: openssl)", err)
	}
}

// OpenSSL runs the command on in and returns what it writes.
func OpenSSL(t testing.TB, in []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("openssl %s: %w: %s", args[0], err, &stderr)
	}
	return out, err
}

// KeyFiles writes a key to files, because the command takes no key otherwise.
func KeyFiles(t testing.TB, priv *rsa.PrivateKey) (private, public string) {
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
	return write("private.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(priv)), write("public.pem", "PUBLIC KEY", pub)
}
