// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"crypto/cipher"
	"fmt"
)

type aesGCM struct {
	label
	aead cipher.AEAD
}

// NewAESGCM returns a key that wraps with AES-GCM. It serves [AESGCM], the
// default of formats V2 and V3 for a symmetric KEK.
//
// The wrapped key is nonce (12 bytes) || ciphertext || tag (16 bytes), 28 bytes
// longer than the CEK. The additional data is the text of [Info.ContentAlg], so
// that a relabelled object does not unwrap; an empty text binds nothing.
//
// The nonce is random: NIST SP 800-38D, section 8.3, allows one KEK at most
// 2^32 wraps over its whole life, in all processes that share it. This package
// cannot count them; take a new KEK in time and keep the old one in a [Keyring].
//
// The KEK is 16, 24 or 32 bytes long and is copied. CEKs are 16, 24 or 32 bytes
// long; Unwrap rejects any other, as every mismatch, with [ErrUnwrap]. The key
// works in FIPS 140-only mode. It is safe for concurrent use.
func NewAESGCM(kek []byte) (Key, error) {
	block, err := newKEK(kek)
	if err != nil {
		return nil, err
	}
	// The AEAD that makes its own nonces writes exactly the layout of the
	// format, and it is the one GCM that FIPS 140-only mode allows.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("wrap: AES/GCM: %w", err)
	}
	return &aesGCM{label(fmt.Sprintf("wrap.AESGCM(%d-bit)", 8*len(kek))), aead}, nil
}

func (k *aesGCM) Algorithm() Algorithm { return AESGCM }

func (k *aesGCM) Wrap(_ context.Context, cek []byte, info Info) ([]byte, error) {
	if err := checkCEK(cek); err != nil {
		return nil, err
	}
	return k.aead.Seal(nil, nil, cek, []byte(info.ContentAlg)), nil
}

func (k *aesGCM) Unwrap(_ context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if alg != AESGCM {
		return nil, notServed(k.label, alg)
	}
	if !isAESKeySize(len(wrapped) - k.aead.Overhead()) {
		return nil, ErrUnwrap
	}
	cek, err := k.aead.Open(nil, nil, wrapped, []byte(info.ContentAlg))
	if err != nil {
		return nil, ErrUnwrap // without the cause: one text for every rejection
	}
	return cek, nil
}
