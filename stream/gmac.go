// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"math/bits"
)

// This file computes GHASH, the hash inside GCM, in pieces, with nothing but
// the one-shot GCM of the standard library, whose hardware path is faster than
// anything portable and does not leak through the cache.
//
// GHASH_H(X) of blocks X1…Xm is X1·H^m ^ … ^ Xm·H. Sealing no plaintext under
// the nonce 0^96 with X as additional data gives the tag
//
//	T = (GHASH(X) ^ L)·H ^ E,    E = E_K(0^96 || 1),
//
// where L is the block with the bit length of X in its first half. H, E and L
// are known here, so Z = T ^ E ^ L·H = GHASH(X)·H. The pieces of a message
// combine by
//
//	Z(A || B) = Z(A)·H^blocks(B) ^ Z(B)
//
// if A is whole blocks, and the tag of the whole message under the counter
// block J is Z ^ (length block)·H ^ E_K(J): no inverse of H is needed.
//
// # Why this is safe
//
// Every byte that leaves the package is one that ordinary GCM would have
// produced for the same key, IV, additional data and plaintext, so its
// security is that of GCM. The probes T are inputs to our own computation and
// never leave it; that they all use one nonce, which would be fatal for tags
// that an attacker sees, therefore gives away nothing. What would give away
// everything is any one of the intermediate values: two probes reveal H, and Z
// of a piece together with its ciphertext lets its holder forge. T, E, Z, H
// and the powers of H are treated like the key: they live in the structs
// below, never in a buffer that is handed to a sink, and are cleared when the
// stream ends. Arithmetic on them takes no secret-dependent branch and no
// secret-dependent index.

// powers is how many squarings of H are kept: enough for a piece of GCMMaxSize.
const powers = 33

// A gmacKey holds what hashing under one key needs. It does not change while
// pieces are hashed.
type gmacKey struct {
	aead cipher.AEAD
	mask element         // E_K(0^96 || 1)
	h    [powers]element // h[i] = H^(2^i) for i < n
	n    int
}

func (k *gmacKey) init(block cipher.Block, aead cipher.AEAD) {
	var b [2 * BlockSize]byte
	block.Encrypt(b[:BlockSize], b[:BlockSize])
	b[2*BlockSize-1] = 1
	block.Encrypt(b[BlockSize:], b[BlockSize:])
	k.aead = aead
	k.h[0], k.n = toElement(b[:]), 1
	k.mask = toElement(b[BlockSize:])
	clear(b[:])
}

// pow returns H^n. The exponent is a number of blocks and not secret.
func (k *gmacKey) pow(n uint64) element {
	p := one
	for ; n != 0; n &= n - 1 {
		i := bits.TrailingZeros64(n)
		for ; k.n <= i; k.n++ {
			k.h[k.n] = k.h[k.n-1].mul(k.h[k.n-1])
		}
		if p == one {
			p = k.h[i]
			continue
		}
		p = p.mul(k.h[i])
	}
	return p
}

// A gmac accumulates the hash of one GCM stream.
type gmac struct {
	key gmacKey
	acc element // Z of all that was added

	// H^last and L·H for a piece of lastLen bytes. Pieces are nearly always
	// of one size, so this is one multiplication per piece.
	lastLen        int
	lastPow, lastL element

	// Scratch that the AEAD interface would otherwise force to the heap on
	// every call.
	nonce [GCMIVSize]byte
	t     [GCMTagSize]byte
}

// add appends p, zero-padded to whole blocks.
func (m *gmac) add(p []byte) {
	if len(p) == 0 {
		return
	}
	if len(p) != m.lastLen {
		m.lastLen = len(p)
		m.lastPow = m.key.pow((uint64(len(p)) + BlockSize - 1) / BlockSize)
		m.lastL = element{hi: uint64(len(p)) * 8}.mul(m.key.h[0])
	}
	m.key.aead.Seal(m.t[:0], m.nonce[:], nil, p)
	z := toElement(m.t[:]).xor(m.key.mask).xor(m.lastL)
	m.acc = m.acc.mul(m.lastPow).xor(z)
}

// sum puts the tag of a stream of aad and size bytes of additional data and
// ciphertext into tag. ej is the encrypted first counter block.
func (m *gmac) sum(tag *[GCMTagSize]byte, aad, size int64, ej []byte) {
	lengths := element{uint64(aad) * 8, uint64(size) * 8}
	m.acc.xor(lengths.mul(m.key.h[0])).xor(toElement(ej)).put(tag[:])
}

func (m *gmac) wipe() { *m = gmac{} }
