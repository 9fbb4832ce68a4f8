// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
	"testing"
)

// What follows is DARE 2.0 with AES-256-GCM, without regard for speed, as the
// oracle of the tests. It shares nothing with the package or with sio.

// specNonce is the nonce in a header, XOR the number of the package.
func specNonce(head []byte, k int) []byte {
	n := bytes.Clone(head[4:16])
	binary.LittleEndian.PutUint32(n[8:], binary.LittleEndian.Uint32(n[8:])^uint32(k))
	return n
}

func specSeal(key []byte, nonce [8]byte, msg []byte) (out []byte) {
	aead := must(cipher.NewGCM(must(aes.NewCipher(key))))
	for k := 0; len(msg) > 0; k++ {
		n := min(len(msg), 1<<16)
		head := slices.Concat([]byte{0x20, 0, byte(n - 1), byte((n - 1) >> 8)}, nonce[:], make([]byte, 4))
		head[4] &= 0x7f
		if n == len(msg) {
			head[4] |= 0x80
		}
		out = aead.Seal(append(out, head...), specNonce(head, k), msg[:n], head[:4])
		msg = msg[n:]
	}
	return out
}

// specOpen returns the packages that are genuine, up to the first that is not,
// and whether the stream is whole.
func specOpen(key []byte, ct []byte) (msg []byte, whole bool) {
	aead := must(cipher.NewGCM(must(aes.NewCipher(key))))
	var first []byte // nonce
	for k := 0; len(ct) > 32 && !whole; k++ {
		head := ct[:16]
		n := int(head[2]) | int(head[3])<<8 + 1
		whole = head[4]&0x80 != 0
		same := slices.Concat([]byte{head[4] &^ 0x80}, head[5:16])
		if k == 0 {
			first = same
		}
		if len(ct) < n+32 || !whole && n != 1<<16 || !bytes.Equal(same, first) || !bytes.Equal(head[12:], make([]byte, 4)) {
			return msg, false
		}
		out, err := aead.Open(nil, specNonce(head, k), ct[16:n+32], head[:4])
		if err != nil {
			return msg, false
		}
		msg, ct = append(msg, out...), ct[n+32:]
	}
	return msg, whole && len(ct) == 0
}

func TestReferenceRoundTrip(t *testing.T) {
	for _, n := range []int{1, 65535, 65536, 65537, 200000} {
		plain := text(n)
		got, whole := specOpen(testKey, seal(plain))
		if !whole || !bytes.Equal(got, plain) {
			t.Errorf("len=%d: specOpen = %d bytes, whole %v", n, len(got), whole)
		}
	}
}
