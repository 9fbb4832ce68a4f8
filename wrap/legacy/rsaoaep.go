// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"context"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1"   // MGF1-SHA-1
	_ "crypto/sha256" // OAEP hash, MGF1-SHA-256
	"fmt"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/rsakey"
)

const oaepName = "RSA-OAEP with SHA-256 or MGF1-SHA-1"

type rsaOAEPSHA256Key struct {
	label
	priv *rsa.PrivateKey
}

// NewRSAOAEPSHA256Key returns a key that unwraps RSA-OAEP with SHA-256 and an
// empty label (RFC 8017, section 7.1) of the bare CEK, the wrap of older clients
// for format V2. It serves [wrap.RSAOAEPSHA256].
//
// It binds the CEK to nothing. The name that format V2 has for this wrap leaves
// the hash of the mask generation function open, and writers took SHA-1 or
// SHA-256; Unwrap tries both, always and in the same order, so neither the
// result nor the time of a rejection tells which failed how. Every rejection is
// [wrap.ErrUnwrap].
//
// CEKs are 16, 24 or 32 bytes long. The modulus has 1024 to 16384 bits; the key
// is copied and must have its primes. There is no way to wrap: new objects use
// [wrap.NewRSAOAEP]. In FIPS 140-only mode NewRSAOAEPSHA256Key and Unwrap fail
// with [wrap.ErrFIPS]. The key is safe for concurrent use.
func NewRSAOAEPSHA256Key(priv *rsa.PrivateKey) (wrap.Unwrapper, error) {
	if err := checkMode(oaepName); err != nil {
		return nil, err
	}
	priv, err := rsakey.ClonePrivate("wrap/legacy", priv)
	if err != nil {
		return nil, err
	}
	return &rsaOAEPSHA256Key{label(fmt.Sprintf("legacy.RSAOAEPSHA256(%d-bit)", priv.N.BitLen())), priv}, nil
}

func (k *rsaOAEPSHA256Key) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, _ wrap.Info) ([]byte, error) {
	if alg != wrap.RSAOAEPSHA256 {
		return nil, notServed(k.label, alg)
	}
	if err := checkMode(oaepName); err != nil {
		return nil, err
	}
	// Both before either result is looked at. A payload that one MGF accepts,
	// the other rejects, but for a chance of 2^-256.
	a := decryptOAEP(k.priv, wrapped, crypto.SHA1)
	b := decryptOAEP(k.priv, wrapped, crypto.SHA256)
	switch {
	case isAESKeySize(len(a)):
		return a, nil
	case isAESKeySize(len(b)):
		return b, nil
	}
	return nil, wrap.ErrUnwrap
}

// decryptOAEP returns the payload, or nil whatever the cause.
func decryptOAEP(priv *rsa.PrivateKey, wrapped []byte, mgf crypto.Hash) []byte {
	if len(wrapped) != priv.Size() {
		return nil // crypto/rsa would take a shorter one as a number
	}
	opts := &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: mgf}
	payload, err := priv.Decrypt(nil, wrapped, opts)
	if err != nil {
		return nil
	}
	return payload
}
