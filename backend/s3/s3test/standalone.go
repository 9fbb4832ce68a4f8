// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// StartMinIO is MinIO for programs that are not tests: the one that is given by
// the environment, or one from PATH, which stop ends. With secure, it is one from
// PATH that speaks TLS; clients must use [Server.Transport], which trusts it.
func StartMinIO(secure bool) (srv *Server, stop func(), err error) {
	start := startMinIO
	if secure {
		start = func() (*Server, *process, error) { return launchMinIO(true) }
	}
	srv, p, err := start()
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		return srv, func() {}, nil
	}
	return srv, p.stop, nil
}

// A certificate is for loopback and one run.
type certificate struct {
	roots     *x509.CertPool
	cert, key []byte // PEM
}

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	c := &certificate{
		roots: x509.NewCertPool(),
		cert:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
	c.roots.AppendCertsFromPEM(c.cert)
	return c, nil
}

// write puts the certificate where MinIO looks for it.
func (c *certificate) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "public.crt"), c.cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "private.key"), c.key, 0o600)
}
