// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// keyed makes the cipher of key outside of what is measured.
func keyed(f func(block cipher.Block, plain []byte) func() error) func(plain []byte) (func() error, error) {
	return func(plain []byte) (func() error, error) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return f(block, plain), nil
	}
}

func aeaded(f func(aead cipher.AEAD, plain []byte) func() error) func(plain []byte) (func() error, error) {
	return func(plain []byte) (func() error, error) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		return f(aead, plain), nil
	}
}

func oneShotCBC() []row {
	return []row{
		{"encrypt", "oneshot", keyed(func(block cipher.Block, plain []byte) func() error {
			dst := make([]byte, len(plain))
			return func() error { cipher.NewCBCEncrypter(block, iv16).CryptBlocks(dst, plain); return nil }
		})},
		{"decrypt", "oneshot", keyed(func(block cipher.Block, body []byte) func() error {
			dst := make([]byte, len(body))
			return func() error { cipher.NewCBCDecrypter(block, iv16).CryptBlocks(dst, body); return nil }
		})},
	}
}

func oneShotCTR() []row {
	return []row{{"decrypt", "oneshot", keyed(func(block cipher.Block, body []byte) func() error {
		dst := make([]byte, len(body))
		return func() error { cipher.NewCTR(block, iv16).XORKeyStream(dst, body); return nil }
	})}}
}

func oneShotGCM() []row {
	return []row{
		{"encrypt", "oneshot", aeaded(func(aead cipher.AEAD, plain []byte) func() error {
			dst := make([]byte, 0, len(plain)+aead.Overhead())
			return func() error { aead.Seal(dst, iv, plain, nil); return nil }
		})},
		{"decrypt", "oneshot", aeaded(func(aead cipher.AEAD, plain []byte) func() error {
			body, dst := aead.Seal(nil, iv, plain, nil), make([]byte, 0, len(plain))
			return func() error { _, err := aead.Open(dst, iv, body, nil); return err }
		})},
	}
}

// oneShotChunks seals and opens chunk by chunk, as a format does that has a tag
// for each.
func oneShotChunks(size int) []row {
	return []row{
		{"encrypt", "oneshot", aeaded(func(aead cipher.AEAD, plain []byte) func() error {
			buf, n := make([]byte, 0, size+aead.Overhead()), make(nonce, 12)
			return func() error {
				for i := 0; i*size < len(plain); i++ {
					aead.Seal(buf, n.of(i), plain[i*size:min((i+1)*size, len(plain))], nil)
				}
				return nil
			}
		})},
		{"decrypt", "oneshot", aeaded(func(aead cipher.AEAD, plain []byte) func() error {
			buf, n := make([]byte, 0, size), make(nonce, 12)
			var chunks [][]byte
			for p := range slices.Chunk(plain, size) {
				chunks = append(chunks, aead.Seal(nil, n.of(len(chunks)), p, nil))
			}
			return func() error {
				for i, c := range chunks {
					if _, err := aead.Open(buf, n.of(i), c, nil); err != nil {
						return err
					}
				}
				return nil
			}
		})},
	}
}

// A nonce is used again, so that making it is not measured.
type nonce []byte

func (n nonce) of(chunk int) []byte {
	binary.BigEndian.PutUint64(n[4:], uint64(chunk))
	return n
}
