// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// rsaFiles returns every encoding of a key that rsa: reads.
func rsaFiles(t testing.TB, key *rsa.PrivateKey) map[string][]byte {
	t.Helper()
	pkcs1 := x509.MarshalPKCS1PrivateKey(key)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pub1 := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"private PKCS#1 DER":      pkcs1,
		"private PKCS#1 PEM":      pemOf("RSA PRIVATE KEY", pkcs1),
		"private PKCS#8 DER":      pkcs8,
		"private PKCS#8 PEM":      pemOf("PRIVATE KEY", pkcs8),
		"private PEM with a text": append([]byte("Key Attributes: <No Attributes>\n"), pemOf("PRIVATE KEY", pkcs8)...),
		"private PEM with CRLF":   []byte(strings.ReplaceAll(string(pemOf("PRIVATE KEY", pkcs8)), "\n", "\r\n")),
		"private after other PEM": append(pemOf("CERTIFICATE", []byte("x")), pemOf("PRIVATE KEY", pkcs8)...),
		"public PKCS#1 DER":       pub1,
		"public PKCS#1 PEM":       pemOf("RSA PUBLIC KEY", pub1),
		"public SPKI DER":         spki,
		"public SPKI PEM":         pemOf("PUBLIC KEY", spki),
	}
}

func TestRSAKeyReadings(t *testing.T) {
	key := testRSAKey(t)
	for name, data := range rsaFiles(t, key) {
		t.Run(name, func(t *testing.T) {
			priv, pub, err := parseRSAKey(data)
			if err != nil {
				t.Fatalf("parseRSAKey = %v", err)
			}
			if strings.HasPrefix(name, "private") {
				if pub != nil || !key.Equal(priv) {
					t.Errorf("parseRSAKey = %v, %v; want the private key", priv != nil, pub)
				}
			} else if priv != nil || !key.PublicKey.Equal(pub) {
				t.Errorf("parseRSAKey = %v, %v; want the public key", priv != nil, pub)
			}
		})
	}
}

func TestRSAKeyRefuses(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecPub, err := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	old := pem.EncodeToMemory(&pem.Block{
		Type:    "RSA PRIVATE KEY",
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
		Bytes:   []byte("x"),
	})
	for _, c := range []struct {
		name string
		data []byte
		hint string
	}{
		{"empty", nil, "want an RSA key"},
		{"noise", binary(300), "want an RSA key"},
		{"EC private", ec8, "want an RSA key, got *ecdsa.PrivateKey"},
		{"EC public", pemOf("PUBLIC KEY", ecPub), "want an RSA key, got *ecdsa.PublicKey"},
		{"certificate", pemOf("CERTIFICATE", []byte("x")), "openssl x509"},
		{"broken PEM", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n"), "PEM block"},
		{"passphrase, PKCS#8", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")), "passphrase"},
		{"passphrase, PKCS#1", old, "passphrase"},
		{"own AES key", formatKey(binary(32)), "use aes:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parseRSAKey(c.data)
			var usage *usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("parseRSAKey = %v, want a usage error with %q", err, c.hint)
			}
		})
	}
}

// TestRSAKeyOfOtherTools: what is a key for another tool comes with the command
// that makes it one for this.
func TestRSAKeyOfOtherTools(t *testing.T) {
	for want, data := range map[string]string{
		"an OpenSSH private key: convert a copy of it with ssh-keygen -p -N '' -m PEM -f FILE":   string(pemOf("OPENSSH PRIVATE KEY", []byte("x"))),
		"an OpenSSH public key: convert it with ssh-keygen -e -m PKCS8 -f FILE":                  "ssh-rsa AAAAB3NzaC1yc2E= me@here\n",
		"an OpenSSH public key of the kind ssh-ed25519: want an RSA key":                         "ssh-ed25519 AAAAC3Nz me@here\n",
		"a certificate: take the public key out of it with openssl x509 -pubkey -noout -in FILE": string(pemOf("CERTIFICATE", []byte("x"))),
		"want a PEM block with an RSA key":                                                       string(pemOf("X509 CRL", []byte("x"))),
		"want an RSA key as PKCS#1, PKCS#8 or SPKI, PEM or DER":                                  "ssh-rsa, as one says",
	} {
		_, _, err := parseRSAKey([]byte(data))
		var usage *usageError
		if !errors.As(err, &usage) || err.Error() != want {
			t.Errorf("parseRSAKey(%.30q) = %v, want %s", data, err, want)
		}
	}
}
