// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// What follows is content, in the plainest form. Errors are those of keys of a
// wrong size, which is a mistake of the kit.

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func block(key []byte) cipher.Block { return must(aes.NewCipher(key)) }

func gcm(key []byte) cipher.AEAD { return must(cipher.NewGCM(block(key))) }

// pad adds PKCS #7.
func pad(p []byte) []byte {
	n := 16 - len(p)%16
	return slices.Concat(p, bytes.Repeat([]byte{byte(n)}, n))
}

// cbcBlocks encrypts whole blocks.
func cbcBlocks(key, iv, p []byte) []byte {
	out := bytes.Clone(p)
	cipher.NewCBCEncrypter(block(key), iv).CryptBlocks(out, out)
	return out
}

// cbcOpenBlocks decrypts whole blocks.
func cbcOpenBlocks(key, iv, c []byte) []byte {
	out := bytes.Clone(c)
	cipher.NewCBCDecrypter(block(key), iv).CryptBlocks(out, out)
	return out
}

// unpad returns the size without the padding, or -1.
func unpad(p []byte) int {
	if len(p) == 0 {
		return -1
	}
	n := int(p[len(p)-1])
	if n < 1 || n > 16 || !bytes.Equal(p[len(p)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return -1
	}
	return len(p) - n
}

// ctr encrypts, or decrypts, from a counter block on.
func ctr(key, counter, p []byte) []byte {
	out := bytes.Clone(p)
	cipher.NewCTR(block(key), counter).XORKeyStream(out, out)
	return out
}

// gcmCTR is what GCM does to plaintext, without its tag.
func gcmCTR(key, iv, p []byte) []byte { return ctr(key, slices.Concat(iv, []byte{0, 0, 0, 2}), p) }

// commitIV and commitAAD are the same for all content of V3.
var (
	commitIV  = bytes.Repeat([]byte{1}, 12)
	commitAAD = []byte{0, 0x73}
)

// v3Keys derives both outputs from a CEK and a message id.
func v3Keys(cek, id []byte) (key, commitment []byte) {
	key = must(hkdf.Key(sha512.New, cek, id, "\x00\x73DERIVEKEY", 32))
	return key, must(hkdf.Key(sha512.New, cek, id, "\x00\x73COMMITKEY", 28))
}

const chunk = 16384

// chunkedKeys derives what a chunked body is made with.
func chunkedKeys(cek, salt, context []byte) (aead cipher.AEAD, base, commitment []byte) {
	info := "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + string(salt) + string(context)
	okm := must(hkdf.Expand(sha512.New, cek, info, 76))
	return gcm(okm[:32]), okm[32:44], okm[44:]
}

func chunkNonce(base []byte, k uint64) []byte {
	n := bytes.Clone(base)
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^k)
	return n
}

// ChunkedSeal is C2SP chunked encryption. The salt has 24 bytes.
func ChunkedSeal(cek, salt, context, p []byte) []byte {
	aead, base, commitment := chunkedKeys(cek, salt, context)
	out := slices.Concat(salt, commitment)
	for k := uint64(0); ; k++ {
		n := min(len(p), chunk)
		out = aead.Seal(out, chunkNonce(base, k), p[:n], nil)
		if n < chunk {
			return out
		}
		p = p[n:]
	}
}

// ChunkedOpen returns what may be released of such a body, and whether it is
// everything.
func ChunkedOpen(cek, context, body []byte) (p []byte, whole bool) {
	if len(body) < 56 {
		return nil, false
	}
	aead, base, commitment := chunkedKeys(cek, body[:24], context)
	if !bytes.Equal(commitment, body[24:56]) {
		return nil, false
	}
	body = body[56:]
	for k := uint64(0); ; k++ {
		n := min(len(body), chunk+16)
		out, err := aead.Open(p, chunkNonce(base, k), body[:n], nil)
		if err != nil {
			return p, false
		}
		p, body = out, body[n:]
		if n < chunk+16 {
			return p, true
		}
	}
}

// dareKey derives the key of a body, or the salt of an empty object.
func dareKey(cek, salt []byte, flag byte, context []byte) []byte {
	return must(hkdf.Key(sha512.New, cek, salt, "s3seal dare2 v1"+string(flag)+string(context), 32))
}

func dareNonce(head []byte, k uint32) []byte {
	n := bytes.Clone(head[4:16])
	binary.LittleEndian.PutUint32(n[8:], binary.LittleEndian.Uint32(n[8:])^k)
	return n
}

// DARESeal makes the packages of DARE 2.0. random, of 8 bytes, begins the nonce.
func DARESeal(key, random, p []byte) (out []byte) {
	for k := uint32(0); len(p) > 0; k++ {
		n := min(len(p), 1<<16)
		head := slices.Concat([]byte{0x20, 0, byte(n - 1), byte((n - 1) >> 8)}, random, make([]byte, 4))
		head[4] &= 0x7f
		if n == len(p) {
			head[4] |= 0x80
		}
		out = gcm(key).Seal(append(out, head...), dareNonce(head, k), p[:n], head[:4])
		p = p[n:]
	}
	return out
}

// DAREOpen returns what may be released of packages, and whether they are
// everything.
func DAREOpen(key, body []byte) (p []byte, whole bool) {
	var first []byte
	for k := uint32(0); len(body) > 32 && !whole; k++ {
		head := body[:16]
		n := int(binary.LittleEndian.Uint16(head[2:])) + 1
		whole = head[4]&0x80 != 0
		nonce := bytes.Clone(head[4:])
		nonce[0] &= 0x7f
		if k == 0 {
			first = slices.Concat(nonce[:8], make([]byte, 4)) // what is free of it, and no place
		}
		if head[0] != 0x20 || head[1] != 0 || len(body) < n+32 || !whole && n != 1<<16 || !bytes.Equal(nonce, first) {
			return p, false
		}
		out, err := gcm(key).Open(p, dareNonce(head, k), body[16:n+32], head[:4])
		if err != nil {
			return p, false
		}
		p, body = out, body[n+32:]
	}
	return p, whole && len(body) == 0
}

// placeContext is what content is bound to.
func placeContext(place *Place) []byte {
	if place == nil {
		return []byte{0}
	}
	c := []byte{1}
	for _, s := range []string{place.Bucket, place.Key} {
		c = append(binary.BigEndian.AppendUint16(c, uint16(len(s))), s...)
	}
	return c
}
