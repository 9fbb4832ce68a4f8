// SPDX-License-Identifier: Apache-2.0

package stream

// This file joins the hashes of the pieces of a GCM stream. The pieces
// themselves are hashed by the one-shot GCM of the standard library, whose
// hardware path is faster than anything portable and does not leak through the
// cache; see gcm_seal.go and gcm_open.go for how.
//
// GHASH_H(X) of blocks X1…Xm is X1·H^m ^ … ^ Xm·H (NIST SP 800-38D, 6.4). A
// call of the one-shot GCM under a nonce that gives the counter block J, with
// additional data A and ciphertext C, gives the tag
//
//	T = (GHASH(A || C) ^ L)·H ^ E_K(J),
//
// A and C zero-padded to blocks and L the block of their lengths in bits. H,
// L and E_K(J) are known here, so
//
//	Z = T ^ E_K(J) ^ L·H = GHASH(A || C)·H.
//
// Pieces combine by Z(X || Y) = Z(X)·H^blocks(Y) ^ Z(Y) if X is whole blocks,
// and the tag of a whole stream is Z ^ L·H ^ E_K(J) with its own L and J.
//
// # Why this is safe
//
// Every byte that leaves this package is one that ordinary GCM would have
// produced for the same key, IV, additional data and plaintext, so its
// security is that of GCM. The tags T of pieces are inputs to a computation of
// our own and never leave it. Hence it does no harm that they are made under
// few nonces, or under one, or under counter blocks that mask ciphertext
// elsewhere in the stream; the rule that a nonce is used once protects tags
// and ciphertexts that an attacker sees.
//
// What would give everything away is one of the values in between: two tags
// under one nonce reveal H, the nonces of gcm_seal.go do so with one, and Z of
// a piece together with its ciphertext lets its holder forge. T, Z, H, its
// powers and inverse, and the nonces made from them are treated like the key:
// they stay in the structs of this package, T is cleared behind the ciphertext
// before the buffer goes anywhere, and all of them are cleared when the stream
// ends. Arithmetic on them takes no secret-dependent branch and no
// secret-dependent index.

// A ghash accumulates Z over the pieces of one stream. It is as secret as the
// key.
type ghash struct {
	h   element
	acc element // Z of the pieces so far

	// What depends on the size of a piece only. All pieces of a stream but
	// the last have one size, so this saves all but one multiplication.
	lengths element // L
	lh      element // L·H
	blocks  uint64
	pow     element // H^blocks
}

// add appends a piece of the given number of blocks that was hashed under the
// tag t, with the block of lengths l and the mask e = E_K(J).
func (g *ghash) add(t, e, l element, blocks uint64) {
	if l != g.lengths {
		g.lengths, g.lh = l, l.mul(g.h)
	}
	if blocks != g.blocks {
		g.blocks, g.pow = blocks, g.h.pow(blocks)
	}
	z := t.xor(e).xor(g.lh)
	g.acc = g.acc.mul(g.pow).xor(z)
}

// sum returns the tag of all that was added, for the lengths l of the whole
// stream and the mask e = E_K(J).
func (g *ghash) sum(l, e element) element {
	return g.acc.xor(l.mul(g.h)).xor(e)
}

// lengths returns the block of lengths for a and c bytes of additional data
// and ciphertext.
func lengths(a, c int64) element {
	return element{uint64(a) * 8, uint64(c) * 8}
}

func blocks(n int) uint64 {
	return (uint64(n) + BlockSize - 1) / BlockSize
}
