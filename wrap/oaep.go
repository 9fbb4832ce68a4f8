// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"cmp"
	"context"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/s3seal/s3seal/wrap/internal/rsakey"
)

type rsaOAEP struct {
	label
	pub *rsa.PublicKey
}

type rsaOAEPKey struct {
	rsaOAEP
	priv *rsa.PrivateKey
}

// NewRSAOAEP returns a wrapper for the holder of the private key: RSA-OAEP with
// SHA-1 and MGF1-SHA-1 and an empty label (RFC 8017, section 7.1), called
// RSA-OAEP-SHA1 in format V2 and 22 in format V3.
//
// The payload is the length of the CEK in one byte, the CEK, and the text of
// [Info.ContentAlg], so that a relabelled object does not unwrap. It says
// nothing about who wrapped: everyone has the public key, so the holder of the
// private key learns that the object is intact, not where it comes from. SHA-1
// is what the format prescribes; OAEP does not need its collision resistance.
//
// The modulus has 2048 to 16384 bits; the key is copied. The wrapped key is as
// long as the modulus. CEKs are 16, 24 or 32 bytes long. In FIPS 140-only mode,
// which forbids SHA-1, NewRSAOAEP and Wrap fail with [ErrFIPS].
// The wrapper is safe for concurrent use.
func NewRSAOAEP(pub *rsa.PublicKey) (Wrapper, error) {
	if err := cmp.Or(checkOAEPMode(), rsakey.CheckPublic("wrap", pub)); err != nil {
		return nil, err
	}
	return &rsaOAEP{label(fmt.Sprintf("wrap.RSAOAEP(%d-bit public)", pub.N.BitLen())), rsakey.ClonePublic(pub)}, nil
}

// NewRSAOAEPKey returns the key that unwraps what [NewRSAOAEP] wraps, and wraps
// the same way. It serves [RSAOAEPSHA1].
//
// Unwrap checks the whole payload, to its last byte, in constant time and
// answers every mismatch with [ErrUnwrap].
//
// The modulus has 1024 to 16384 bits; Wrap refuses one under 2048 bits. The key
// is copied and must have its primes. In FIPS 140-only mode, which forbids
// SHA-1, NewRSAOAEPKey, Wrap and Unwrap fail with [ErrFIPS].
// The key is safe for concurrent use.
func NewRSAOAEPKey(priv *rsa.PrivateKey) (Key, error) {
	if err := checkOAEPMode(); err != nil {
		return nil, err
	}
	priv, err := rsakey.ClonePrivate("wrap", priv)
	if err != nil {
		return nil, err
	}
	l := label(fmt.Sprintf("wrap.RSAOAEP(%d-bit)", priv.N.BitLen()))
	return &rsaOAEPKey{rsaOAEP{l, &priv.PublicKey}, priv}, nil
}

func (w *rsaOAEP) Algorithm() Algorithm { return RSAOAEPSHA1 }

func (w *rsaOAEP) Wrap(_ context.Context, cek []byte, info Info) ([]byte, error) {
	if err := cmp.Or(checkOAEPMode(), rsakey.CheckPublic("wrap", w.pub), checkCEK(cek)); err != nil {
		return nil, err
	}
	payload := oaepPayload(cek, info.ContentAlg)
	defer clear(payload)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, w.pub, payload, nil)
	if err != nil {
		return nil, fmt.Errorf("wrap: RSA-OAEP-SHA1: %w", err)
	}
	return wrapped, nil
}

func (k *rsaOAEPKey) Unwrap(_ context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if alg != RSAOAEPSHA1 {
		return nil, notServed(k.label, alg)
	}
	if err := checkOAEPMode(); err != nil {
		return nil, err
	}
	payload, err := decryptOAEP(k.priv, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(payload)
	return parseOAEPPayload(payload, info.ContentAlg)
}

// decryptOAEP returns the payload, or ErrUnwrap whatever the cause.
func decryptOAEP(priv *rsa.PrivateKey, wrapped []byte) ([]byte, error) {
	if len(wrapped) != priv.Size() {
		return nil, ErrUnwrap // crypto/rsa would take a shorter one as a number
	}
	payload, err := rsa.DecryptOAEP(sha1.New(), nil, priv, wrapped, nil)
	if err != nil {
		return nil, ErrUnwrap
	}
	return payload, nil
}

func oaepPayload(cek []byte, contentAlg string) []byte {
	p := make([]byte, 0, 1+len(cek)+len(contentAlg))
	p = append(p, byte(len(cek)))
	p = append(p, cek...)
	return append(p, contentAlg...)
}

// parseOAEPPayload finds the CEK by the length that is left beside contentAlg,
// builds the payload that it must have come from, and compares the whole. No
// byte is looked at alone, and no tail can hide behind a prefix that matches.
func parseOAEPPayload(payload []byte, contentAlg string) ([]byte, error) {
	n := len(payload) - 1 - len(contentAlg)
	if !isAESKeySize(n) {
		return nil, ErrUnwrap
	}
	cek := payload[1 : 1+n]
	want := oaepPayload(cek, contentAlg)
	defer clear(want)
	if subtle.ConstantTimeCompare(payload, want) != 1 {
		return nil, ErrUnwrap
	}
	return slices.Clone(cek), nil
}

// checkOAEPMode comes before crypto/rsa, whose own refusal has no type.
func checkOAEPMode() error {
	if fips140.Enforced() {
		return fmt.Errorf("%w: RSA-OAEP with SHA-1", ErrFIPS)
	}
	return nil
}
