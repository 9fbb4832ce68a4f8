// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// parseRSAKey reads an RSA key: PEM or DER, PKCS#1, PKCS#8 or SPKI. One of the
// two is nil.
func parseRSAKey(data []byte) (*rsa.PrivateKey, *rsa.PublicKey, error) {
	if _, ok := cutHeader(data); ok {
		return nil, nil, usagef("this is a symmetric key file of s3seal keygen: use aes:")
	}
	if err := openSSHPublic(data); err != nil {
		return nil, nil, err
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return parseRSADER(data)
	}
	other := ""
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, nil, errOtherPEM(other)
		}
		switch block.Type {
		case "RSA PRIVATE KEY", "PRIVATE KEY", "RSA PUBLIC KEY", "PUBLIC KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, nil, errPassphrase()
			}
			return parseRSADER(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, nil, errPassphrase()
		default:
			other = block.Type // a key may follow
		}
	}
}

// errOtherPEM is for a file without a key that can be read, and says how to get one
// out of what is there.
func errOtherPEM(kind string) error {
	switch kind {
	case "OPENSSH PRIVATE KEY":
		return usagef("an OpenSSH private key: convert a copy of it with ssh-keygen -p -N '' -m PEM -f FILE")
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return usagef("a certificate: take the public key out of it with openssl x509 -pubkey -noout -in FILE")
	}
	return usagef("want a PEM block with an RSA key")
}

// openSSHPublic is an error for the line that ssh-keygen writes to a .pub file.
func openSSHPublic(data []byte) error {
	first, rest, _ := bytes.Cut(bytes.TrimSpace(data), []byte(" "))
	kind := string(first[:min(len(first), 40)])
	switch {
	case !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("AAAA")):
		return nil
	case kind == "ssh-rsa":
		return usagef("an OpenSSH public key: convert it with ssh-keygen -e -m PKCS8 -f FILE")
	case strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-"):
		return usagef("an OpenSSH public key of the kind %s: want an RSA key", kind)
	}
	return nil
}

func errPassphrase() error {
	return usagef("protected by a passphrase, which is not supported: convert it with openssl pkey")
}

// parseRSADER tries the four encodings. They cannot be confused: their
// outer structures differ.
func parseRSADER(der []byte) (*rsa.PrivateKey, *rsa.PublicKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil, nil
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return nil, key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil, nil
		}
		return nil, nil, usagef("want an RSA key, got %T", key)
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if key, ok := key.(*rsa.PublicKey); ok {
			return nil, key, nil
		}
		return nil, nil, usagef("want an RSA key, got %T", key)
	}
	return nil, nil, usagef("want an RSA key as PKCS#1, PKCS#8 or SPKI, PEM or DER")
}
