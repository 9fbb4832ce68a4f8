// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

// A partState is what a part was, once it was encrypted: enough to tell
// whether another attempt at it has the same content. It is as secret as the
// key, and exists in this form only inside a [Parts].
type partState struct {
	off, n int64           // of the plaintext, in bytes
	sum    [BlockSize]byte // GCM: Z, see ghash.go; CBC: a MAC of the ciphertext
	last   [BlockSize]byte // CBC: the last block of the ciphertext
}

// end is where the part ends, and the next one may begin.
func (s *partState) end() int64 { return s.off + s.n }

// ragged says whether the part ends within a block, so that nothing can follow
// it.
func (s *partState) ragged() bool { return s.n%BlockSize != 0 }

// Format prints nothing of what is inside, whatever the verb.
func (partState) Format(f fmt.State, _ rune) { io.WriteString(f, "REDACTED") }

// LogValue returns the same text.
func (partState) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// A sealed state is
//
//	version || nonce || AES-256-GCM(kind || off || n || sum || last)
//
// with a random nonce. The key is derived from the key of the object, and the
// additional data is version, mode, IV and AAD, so that a state is worth
// nothing for any other object.
const (
	stateVersion = 1
	stateBody    = 1 + 8 + 8 + BlockSize + BlockSize

	// PartStateSize is the size in bytes of a sealed state, as [Parts.Encrypt]
	// and [Parts.Finish] return it.
	PartStateSize = 1 + GCMIVSize + stateBody + GCMTagSize
)

const (
	kindPart byte = 1 // of a part
	kindEnd  byte = 2 // of the whole: n is its size
)

const (
	labelState = "s3seal resume v1 state"
	labelSum   = "s3seal resume v1 sum"
)

// stateSealer seals and opens the states of one object.
type stateSealer struct {
	aead   cipher.AEAD
	object []byte // additional data
}

func newStateSealer(mode byte, key, iv, aad []byte) (*stateSealer, error) {
	k, err := deriveState(key, iv, labelState)
	if err != nil {
		return nil, err
	}
	defer clear(k)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("stream: part state: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("stream: part state: %w", err)
	}
	object := append([]byte{stateVersion, mode}, iv...) // of one size for each mode
	return &stateSealer{aead, append(object, aad...)}, nil
}

// deriveState derives a key of 32 bytes from that of the object (RFC 5869).
// The label keeps it apart from what else is derived from the same key.
func deriveState(key, iv []byte, label string) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, key, iv, label, 32)
	if err != nil {
		return nil, fmt.Errorf("stream: part state: derive key: %w", err)
	}
	return k, nil
}

func (s *stateSealer) seal(kind byte, p *partState) []byte {
	var body [stateBody]byte
	defer clear(body[:])
	body[0] = kind
	binary.BigEndian.PutUint64(body[1:], uint64(p.off))
	binary.BigEndian.PutUint64(body[9:], uint64(p.n))
	copy(body[17:], p.sum[:])
	copy(body[17+BlockSize:], p.last[:])
	out := append(make([]byte, 0, PartStateSize), stateVersion)
	return s.aead.Seal(out, nil, body[:], s.object)
}

// open opens one state of PartStateSize bytes.
func (s *stateSealer) open(sealed []byte) (kind byte, p partState, err error) {
	if sealed[0] != stateVersion {
		return 0, p, fmt.Errorf("%w: want version %d, got %d", ErrPartState, stateVersion, sealed[0])
	}
	body, err := s.aead.Open(nil, nil, sealed[1:], s.object)
	if err != nil {
		return 0, p, ErrDecrypt // its text is that of crypto/cipher
	}
	defer clear(body)
	p.off = int64(binary.BigEndian.Uint64(body[1:]))
	p.n = int64(binary.BigEndian.Uint64(body[9:]))
	copy(p.sum[:], body[17:])
	copy(p.last[:], body[17+BlockSize:])
	return body[0], p, nil
}
