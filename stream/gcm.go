// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// A gcm encrypts or decrypts one GCM stream piece by piece.
//
// A stream that fits in one piece is left to the one-shot AEAD. All others
// call update for every piece but the last, each a whole number of blocks,
// with the ciphertext before or after the CTR mode.
type gcm struct {
	block cipher.Block
	aead  cipher.AEAD
	iv    [GCMIVSize]byte
	aad   []byte
	size  int64 // plaintext bytes accepted so far

	ctr cipher.Stream // nil until the stream outgrows the one-shot AEAD
	mac gmac
}

func newGCM(key, iv, aad []byte) (*gcm, error) {
	block, err := newBlock(key, iv, GCMIVSize)
	if err != nil {
		return nil, err
	}
	if fips140.Enforced() {
		// The standard library refuses GCM with an IV of the caller's then,
		// and a GCM put together by hand is not approved either.
		return nil, ErrFIPS
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	g := &gcm{block: block, aead: aead, aad: bytes.Clone(aad)}
	copy(g.iv[:], iv)
	return g, nil
}

// admit accounts for n more bytes of plaintext before any of them is
// processed.
func (g *gcm) admit(n int) error {
	if int64(n) > GCMMaxSize-g.size {
		return ErrTooLarge
	}
	g.size += int64(n)
	return nil
}

// start leaves the one-shot path.
func (g *gcm) start() {
	if g.ctr != nil {
		return
	}
	g.ctr = gcmCTR(g.block, g.iv[:], 0)
	g.mac.key.init(g.block, g.aead)
	g.mac.add(g.aad)
}

// gcmCTR returns the key stream of a GCM body from block number n on. GCM
// counts in 32 bits and encrypts from 2 on, 1 masks the tag; the counter of
// crypto/cipher has 128 bits, but GCMMaxSize keeps us below the difference.
func gcmCTR(block cipher.Block, iv []byte, n uint32) cipher.Stream {
	var j [BlockSize]byte
	copy(j[:], iv)
	binary.BigEndian.PutUint32(j[GCMIVSize:], 2+n)
	return cipher.NewCTR(block, j[:])
}

// update encrypts a piece that is not the last.
func (g *gcm) update(dst, src []byte) {
	g.start()
	g.ctr.XORKeyStream(dst, src)
	g.mac.add(dst[:len(src)])
}

// final encrypts the last piece in place and appends the tag, for which buf
// has capacity.
func (g *gcm) final(buf []byte) []byte {
	if g.ctr == nil {
		return g.aead.Seal(buf[:0], g.iv[:], buf, g.aad)
	}
	g.update(buf, buf)
	var tag [GCMTagSize]byte
	g.tag(&tag)
	return append(buf, tag[:]...)
}

func (g *gcm) tag(tag *[GCMTagSize]byte) {
	var j [BlockSize]byte
	copy(j[:], g.iv[:])
	j[BlockSize-1] = 1
	g.block.Encrypt(j[:], j[:])
	g.mac.sum(tag, int64(len(g.aad)), g.size, j[:])
	clear(j[:])
}

// verify says whether tag belongs to all that was added.
func (g *gcm) verify(tag []byte) error {
	var want [GCMTagSize]byte
	g.tag(&want)
	ok := subtle.ConstantTimeCompare(want[:], tag)
	clear(want[:]) // for altered ciphertext this is the tag of a forgery
	if ok != 1 {
		return ErrDecrypt
	}
	return nil
}

func (g *gcm) wipe() {
	g.mac.wipe()
	g.ctr = nil
}
