// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/s3seal/s3seal/stream"
)

// info is what the expansion begins with: the name and version of the scheme
// and, ended by a zero byte, the registered name of the AEAD. The salt has a
// fixed size, so that nothing of it can pass for a part of the context.
const info = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

// A schedule is what the input key, the salt and the context expand to. The
// commitment is public, the rest as secret as the key.
type schedule struct {
	aead       cipher.AEAD
	base       [nonceSize]byte
	commitment [commitmentSize]byte
}

// expand makes the schedule of one stream. It retains none of its arguments.
func expand(key, salt, context []byte) (s schedule, err error) {
	// Whether FIPS 140-only mode forbids this was decided when the stream was
	// made; it may have been made where the mode is not enforced.
	fips140.WithoutEnforcement(func() {
		s, err = expandUnchecked(key, salt, context)
	})
	return s, err
}

func expandUnchecked(key, salt, context []byte) (s schedule, err error) {
	out, err := hkdf.Expand(sha512.New, key, info+string(salt)+string(context), KeySize+nonceSize+commitmentSize)
	if err != nil {
		return s, fmt.Errorf("chunked: expand key: %w", err)
	}
	defer clear(out)
	block, err := aes.NewCipher(out[:KeySize])
	if err != nil {
		return s, fmt.Errorf("chunked: key: %w", err)
	}
	s.aead, err = cipher.NewGCM(block)
	if err != nil {
		return s, fmt.Errorf("chunked: key: %w", err)
	}
	copy(s.base[:], out[KeySize:])
	copy(s.commitment[:], out[KeySize+nonceSize:])
	return s, nil
}

// unlock makes the schedule of the stream that starts with header, if that was
// made from this key and context. It is the first use of the key, and nothing
// may be decrypted unless it succeeds.
func unlock(key, header, context []byte) (schedule, error) {
	s, err := expand(key, header[:saltSize], context)
	if err != nil {
		return schedule{}, err
	}
	if subtle.ConstantTimeCompare(s.commitment[:], header[saltSize:headerSize]) != 1 {
		return schedule{}, stream.ErrDecrypt
	}
	return s, nil
}

// nonce sets n to the nonce of chunk k: the base nonce XOR k, as a number as
// long as the nonce. Of its bytes only the last eight can differ, because k is
// less than 2^38.
func (s *schedule) nonce(n *[nonceSize]byte, k int64) {
	*n = s.base
	tail := n[nonceSize-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^uint64(k))
}

// wipe clears the base nonce and lets go of the expanded key.
func (s *schedule) wipe() { *s = schedule{} }
