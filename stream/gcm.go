// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"crypto/fips140"
	"encoding/binary"
	"fmt"
)

// A gcm is what encrypting and decrypting a GCM stream have in common.
//
// A stream that fits in one chunk is left to the one-shot AEAD. All others
// are processed in pieces, each but the last a whole number of blocks.
type gcm struct {
	block cipher.Block
	aead  cipher.AEAD
	iv    [GCMIVSize]byte
	aad   []byte
	room  [BlockSize]byte // for a short aad
	size  int64           // plaintext bytes admitted so far
	done  int64           // of these, begun in pieces
	hash  ghash

	// Scratch. A local variable that is passed to a cipher.Block or
	// cipher.AEAD would be allocated on every call.
	x [BlockSize]byte
}

// init is for a gcm that lies in something larger: a short stream shows each
// allocation and each copy.
func (g *gcm) init(key, iv, aad []byte) error {
	block, err := newBlock(key, iv, GCMIVSize)
	if err != nil {
		return err
	}
	if fips140.Enforced() {
		// The standard library refuses GCM with an IV of the caller's then,
		// and a GCM put together by hand is not approved either.
		return ErrFIPS
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	g.block, g.aead, g.iv = block, aead, [GCMIVSize]byte(iv)
	g.aad = append(g.room[:0], aad...)
	return nil
}

// Admit accounts for n more bytes of plaintext before any of them is
// processed.
func (g *gcm) Admit(n int) error {
	if int64(n) > GCMMaxSize-g.size {
		return ErrTooLarge
	}
	g.size += int64(n)
	return nil
}

// counter returns the counter block with number n: 1 masks the tag, plaintext
// is encrypted from 2 on.
func (g *gcm) counter(n uint32) (j element) {
	copy(g.x[:], g.iv[:])
	binary.BigEndian.PutUint32(g.x[GCMIVSize:], n)
	return toElement(g.x[:])
}

// countAt returns the number of the counter block that encrypts the block at
// offset off.
func countAt(off int64) uint32 { return uint32(2 + off/BlockSize) }

// encrypt returns E_K(a).
func (g *gcm) encrypt(a element) element {
	a.put(g.x[:])
	g.block.Encrypt(g.x[:], g.x[:])
	a = toElement(g.x[:])
	clear(g.x[:])
	return a
}

// tag returns the tag of all pieces.
func (g *gcm) tag() (tag [GCMTagSize]byte) {
	l := lengths(int64(len(g.aad)), g.size)
	g.hash.sum(l, g.encrypt(g.counter(1))).put(tag[:])
	return tag
}

// Wipe clears the hash and lets go of the expanded keys.
func (g *gcm) Wipe() {
	g.hash = ghash{}
	g.block, g.aead = nil, nil
}
