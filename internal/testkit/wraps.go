// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"
	"math/big"
	"slices"
)

// What follows wraps CEKs, with all that is random as an argument. The package
// crypto/rsa does not take it, so RSA is here from the numbers up.

// KeyWrap is RFC 3394 with any initial value, of 8 bytes.
func KeyWrap(kek, iv, key []byte) []byte {
	a, r := bytes.Clone(iv), bytes.Clone(key)
	for j := range 6 {
		for i := 0; i < len(r); i += 8 {
			b := slices.Concat(a, r[i:i+8])
			block(kek).Encrypt(b, b)
			a = b[:8]
			copy(r[i:], b[8:])
			count(a, j*len(r)/8+i/8+1)
		}
	}
	return slices.Concat(a, r)
}

// keyUnwrap returns the initial value, too.
func keyUnwrap(kek, wrapped []byte) (iv, key []byte) {
	a, r := bytes.Clone(wrapped[:8]), bytes.Clone(wrapped[8:])
	for j := 5; j >= 0; j-- {
		for i := len(r) - 8; i >= 0; i -= 8 {
			count(a, j*len(r)/8+i/8+1)
			b := slices.Concat(a, r[i:i+8])
			block(kek).Decrypt(b, b)
			a = b[:8]
			copy(r[i:], b[8:])
		}
	}
	return a, r
}

func count(a []byte, t int) {
	binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(a)^uint64(t))
}

// kwIV is the initial value of RFC 3394.
var kwIV = bytes.Repeat([]byte{0xa6}, 8)

// ecb encrypts whole blocks.
func ecb(kek, p []byte) []byte {
	out := bytes.Clone(p)
	for i := 0; i < len(out); i += 16 {
		block(kek).Encrypt(out[i:], out[i:])
	}
	return out
}

func ecbOpen(kek, c []byte) []byte {
	out := bytes.Clone(c)
	for i := 0; i < len(out); i += 16 {
		block(kek).Decrypt(out[i:], out[i:])
	}
	return out
}

// gcmWrap is nonce, ciphertext and tag.
func gcmWrap(kek, nonce, p, aad []byte) []byte {
	return gcm(kek).Seal(bytes.Clone(nonce), nonce, p, aad)
}

func gcmUnwrap(kek, wrapped, aad []byte) ([]byte, bool) {
	if len(wrapped) < 28 {
		return nil, false
	}
	p, err := gcm(kek).Open(nil, wrapped[:12], wrapped[12:], aad)
	return p, err == nil
}

// kmsAAD is how the stand-in for a KMS binds an encryption context.
func kmsAAD(context map[string]string) (aad []byte) {
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, s := range []string{name, context[name]} {
			aad = append(binary.BigEndian.AppendUint32(aad, uint32(len(s))), s...)
		}
	}
	return aad
}

// mgf1 is RFC 8017, B.2.1.
func mgf1(h hash.Hash, seed []byte, n int) (mask []byte) {
	for i := uint32(0); len(mask) < n; i++ {
		h.Reset()
		h.Write(seed)
		h.Write(binary.BigEndian.AppendUint32(nil, i))
		mask = h.Sum(mask)
	}
	return mask[:n]
}

func xor(a, b []byte) []byte {
	out := bytes.Clone(a)
	for i := range out {
		out[i] ^= b[i]
	}
	return out
}

// An oaep is a profile of RSA-OAEP.
type oaep struct {
	hash, mgf func() hash.Hash
	label     string
}

var (
	oaepSHA1   = oaep{hash: sha1.New, mgf: sha1.New}
	oaepSHA256 = oaep{hash: sha256.New, mgf: sha256.New}
	oaepJava   = oaep{hash: sha256.New, mgf: sha1.New}
)

// encrypt is RFC 8017, 7.1.1. seed is as long as a hash.
func (o oaep) encrypt(pub *rsa.PublicKey, seed, p []byte) []byte {
	h := o.hash()
	h.Write([]byte(o.label))
	size := h.Size()
	seed = bytes.Repeat(seed, 2)[:size]
	db := slices.Concat(h.Sum(nil), make([]byte, pub.Size()-len(p)-2*size-2), []byte{1}, p)
	db = xor(db, mgf1(o.mgf(), seed, len(db)))
	seed = xor(seed, mgf1(o.mgf(), db, size))
	return rsaPublic(pub, slices.Concat([]byte{0}, seed, db))
}

// decrypt is RFC 8017, 7.1.2.
func (o oaep) decrypt(priv *rsa.PrivateKey, c []byte) ([]byte, bool) {
	em, ok := rsaPrivate(priv, c)
	if !ok {
		return nil, false
	}
	h := o.hash()
	h.Write([]byte(o.label))
	size := h.Size()
	seed := xor(em[1:1+size], mgf1(o.mgf(), em[1+size:], size))
	db := xor(em[1+size:], mgf1(o.mgf(), seed, len(em)-1-size))
	rest := bytes.TrimLeft(db[size:], "\x00")
	if em[0] != 0 || !bytes.Equal(db[:size], h.Sum(nil)) || len(rest) == 0 || rest[0] != 1 {
		return nil, false
	}
	return rest[1:], true
}

// pkcs1 is RFC 8017, 7.2.1. Its filling is 01.
func pkcs1(pub *rsa.PublicKey, p []byte) []byte {
	filling := bytes.Repeat([]byte{1}, pub.Size()-len(p)-3)
	return rsaPublic(pub, slices.Concat([]byte{0, 2}, filling, []byte{0}, p))
}

// pkcs1Open returns a CEK of 32 bytes.
func pkcs1Open(priv *rsa.PrivateKey, c []byte) ([]byte, bool) {
	em, ok := rsaPrivate(priv, c)
	if !ok {
		return nil, false
	}
	at := len(em) - 33
	if em[0] != 0 || em[1] != 2 || em[at] != 0 || bytes.IndexByte(em[2:at], 0) >= 0 {
		return nil, false
	}
	return em[at+1:], true
}

func rsaPublic(pub *rsa.PublicKey, em []byte) []byte {
	m := new(big.Int).SetBytes(em)
	return m.Exp(m, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size()))
}

func rsaPrivate(priv *rsa.PrivateKey, c []byte) ([]byte, bool) {
	m := new(big.Int).SetBytes(c)
	if len(c) != priv.Size() || m.Cmp(priv.N) >= 0 {
		return nil, false
	}
	return m.Exp(m, priv.D, priv.N).FillBytes(make([]byte, priv.Size())), true
}
