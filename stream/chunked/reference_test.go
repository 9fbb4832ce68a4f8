// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"crypto/subtle"
	"math/big"
	"slices"
)

// What follows is c2sp.org/chunked-encryption, section by section and without
// regard for speed or memory, as the oracle of the tests.

// specKeys is "Key derivation", with HKDF-Expand as in RFC 5869, 2.3.
func specKeys(key, salt, context []byte) (aead cipher.AEAD, base, commitment []byte) {
	info := slices.Concat([]byte("c2sp.org/chunked-encryption@v1+"), []byte("AEAD_AES_256_GCM"), []byte{0}, salt, context)
	var okm, t []byte
	for i := byte(1); len(okm) < 32+12+32; i++ {
		mac := hmac.New(sha512.New, key)
		mac.Write(slices.Concat(t, info, []byte{i}))
		t = mac.Sum(nil)
		okm = append(okm, t...)
	}
	return must(cipher.NewGCM(must(aes.NewCipher(okm[:32])))), okm[32:44], okm[44:76]
}

// specNonce is the first paragraph of "AEAD usage".
func specNonce(base []byte, k int64) []byte {
	n := new(big.Int).SetBytes(base)
	return n.Xor(n, big.NewInt(k)).FillBytes(make([]byte, 12))
}

// specSeal is "Message chunking" for encryption.
func specSeal(key, salt, context, msg []byte) []byte {
	aead, base, commitment := specKeys(key, salt, context)
	out := slices.Concat(salt, commitment)
	out = slices.Grow(out, len(msg)+(len(msg)>>14+1)*16) // Seal grows by what it needs, no more
	for k := int64(0); ; k++ {
		n := min(len(msg), 16<<10)
		out = aead.Seal(out, specNonce(base, k), msg[:n], nil)
		if n < 16<<10 {
			return out
		}
		msg = msg[n:]
	}
}

// specOpen is the same for decryption. It returns the chunks that are genuine
// up to the first that is not, and whether the message is complete.
func specOpen(key, context, ct []byte) (msg []byte, whole bool) {
	if len(key) != 32 || len(ct) < 56 {
		return nil, false
	}
	aead, base, commitment := specKeys(key, ct[:24], context)
	if subtle.ConstantTimeCompare(commitment, ct[24:56]) != 1 {
		return nil, false
	}
	ct = ct[56:]
	msg = make([]byte, 0, len(ct))
	for k := int64(0); ; k++ {
		n := min(len(ct), 16<<10+16)
		out, err := aead.Open(msg, specNonce(base, k), ct[:n], nil)
		if err != nil {
			return msg, false
		}
		msg, ct = out, ct[n:]
		if n < 16<<10+16 {
			return msg, len(ct) == 0
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
