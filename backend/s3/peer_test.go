// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// What the tests of all peers have in common.
type (
	peer        = s3test.Peer
	peerRequest = s3test.PeerRequest
)

// localKey is a key without a KMS as a peer takes it, and as our modern and V1
// wraps.
type localKey struct {
	name       string
	aes, pem   string
	modern, v1 wrap.Key
}

func localKeys(t *testing.T) []localKey {
	t.Helper()
	return []localKey{aesKey(t, "AES", 32), aesKey(t, "AES-192", 24), aesKey(t, "AES-128", 16), rsaKey(t)}
}

func aesKey(t *testing.T, name string, size int) localKey {
	t.Helper()
	kek := make([]byte, size)
	rand.Read(kek)
	gcm, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	ecb, err := legacy.NewAESECB(kek)
	if err != nil {
		t.Fatal(err)
	}
	return localKey{name: name, aes: base64.StdEncoding.EncodeToString(kek), modern: gcm, v1: ecb}
}

func rsaKey(t *testing.T) localKey {
	t.Helper()
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	oaep, err := wrap.NewRSAOAEPKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1, err := legacy.NewRSAPKCS1Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(priv)})
	return localKey{name: "RSA", pem: string(block), modern: oaep, v1: pkcs1}
}
