// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"

	"github.com/s3seal/s3seal/envelope/internal/format"
)

// Sizes of V3 in bytes.
const (
	messageIDSize  = 28
	commitmentSize = 28
	cekSize        = 32 // of every CEK that is made, and of the only ones that V3 takes
)

// The labels of V3 begin with the id of the suite, 0x0073, and so does the
// additional data of its content.
const (
	labelKey        = "\x00\x73DERIVEKEY"
	labelCommitment = "\x00\x73COMMITKEY"
)

var (
	commitAAD = []byte{0x00, 0x73}

	// commitIV is the same for all objects: the message id makes every
	// content key unique, so no nonce has to.
	commitIV = bytes.Repeat([]byte{0x01}, 12)
)

// A secret holds a key behind a pointer, where fmt prints an address and not
// bytes, whatever the verb.
type secret struct{ key []byte }

// content is what the body of an object is encrypted with.
type content struct {
	mode   mode
	secret *secret
	iv     []byte
	aad    []byte // the context, where format is set

	format format.Format // of modeOwn only
	empty  bool          // the header says that the plaintext is
}

// extract begins the key derivation of V3: both outputs come from one
// pseudorandom key. The sizes of its arguments have been checked.
//
// Source: S3 Encryption Client, "Key Derivation"; RFC 5869, 2.2.
func extract(cek, messageID []byte) ([]byte, error) {
	prk, err := hkdf.Extract(sha512.New, cek, messageID)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive key: %w", err)
	}
	return prk, nil
}

func expandCommitment(prk []byte) ([]byte, error) {
	commitment, err := hkdf.Expand(sha512.New, prk, labelCommitment, commitmentSize)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive commitment: %w", err)
	}
	return commitment, nil
}

// committedContent ends the key derivation of V3.
func committedContent(prk []byte) (*content, error) {
	key, err := hkdf.Expand(sha512.New, prk, labelKey, cekSize)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive key: %w", err)
	}
	return &content{mode: modeGCM, secret: &secret{key}, iv: commitIV, aad: commitAAD}, nil
}

// plainContent is for the formats whose content key is the CEK itself.
func plainContent(h *Header, cek, aad []byte) *content {
	return &content{mode: h.Suite.info().mode, secret: &secret{bytes.Clone(cek)}, iv: h.IV, aad: bytes.Clone(aad)}
}

// openContent checks all that can be checked about a CEK and returns what the
// body was encrypted with. The commitment comes first, in constant time: a
// content key is derived only from the CEK that the writer meant. For s3seal's
// own formats it is in the body, and aad is the context.
func openContent(h *Header, cek, aad []byte) (*content, error) {
	if !validCEK(h.Suite, len(cek)) {
		return nil, ErrDecrypt
	}
	if h.Suite.info().format != nil {
		return openOwn(h, cek, aad)
	}
	if h.Suite != V3 {
		return plainContent(h, cek, aad), nil
	}
	prk, err := extract(cek, h.IV)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	commitment, err := expandCommitment(prk)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commitment, h.Commitment) != 1 {
		return nil, ErrDecrypt
	}
	return committedContent(prk)
}

// validCEK says which sizes real objects have: some old clients made 16-byte
// keys, and a few let the user choose.
func validCEK(s Suite, size int) bool {
	return size == cekSize || !s.info().salted && (size == 16 || size == 24)
}
