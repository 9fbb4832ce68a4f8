// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
)

// parseRSAKey reads an RSA key: PEM or DER, PKCS#1, PKCS#8 or SPKI. One of the
// two is nil.
func parseRSAKey(data []byte) (*rsa.PrivateKey, *rsa.PublicKey, error) {
	if _, ok := cutHeader(data); ok {
		return nil, nil, usagef("this is a symmetric key file of s3seal keygen: use aes:")
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return parseRSADER(data)
	}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, nil, usagef("want a PEM block with an RSA key")
		}
		switch block.Type {
		case "RSA PRIVATE KEY", "PRIVATE KEY", "RSA PUBLIC KEY", "PUBLIC KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, nil, errPassphrase()
			}
			return parseRSADER(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, nil, errPassphrase()
		}
	}
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
