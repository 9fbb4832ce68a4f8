// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"crypto/fips140"
)

// wideNonceSize is a nonce size of GCM whose nonces can be solved for.
const wideNonceSize = 16

// A gcmSealer encrypts a GCM stream piece by piece, in one pass: the one-shot
// AEAD encrypts and hashes each piece under a nonce that makes it start where
// the piece before ended.
//
// The first piece is easy: it is sealed under the IV of the stream. For the
// others, GCM turns a nonce N of 16 bytes into the counter block
//
//	J = GHASH(N || 0^64 || [128]_64) = N·H^2 ^ [128]·H,
//
// where [128] is the length of N as a block, so N = J·H^-2 ^ [128]·H^-1 gives
// any counter block that we want. Encryption then starts at J + 1. (H has no
// inverse if it is 0, which for a random key happens once in 2^128 times; such
// a key would break any GCM, for all of its tags would be forgeable.)
//
// For security see ghash.go.
type gcmSealer struct {
	gcm
	wide  cipher.AEAD // nil until the second piece
	base  element     // the nonce that gives the counter block IV || 0^32
	step  element     // H^-2·x^96, by which the count is multiplied
	nonce [wideNonceSize]byte
}

func newGCMSealer(key, iv, aad []byte) (*gcmSealer, error) {
	g, err := newGCM(key, iv, aad)
	if err != nil {
		return nil, err
	}
	return &gcmSealer{gcm: g}, nil
}

// update encrypts a piece that is not the last. dst has room for the tag of
// the piece.
func (s *gcmSealer) Update(dst, src []byte) {
	n := len(src)
	if n == 0 {
		return
	}
	count := uint32(1 + s.done/BlockSize)
	l := lengths(0, int64(n))
	if s.done == 0 {
		s.hash.h = s.encrypt(element{})
		s.aead.Seal(dst[:0], s.iv[:], src, s.aad)
		l = lengths(int64(len(s.aad)), int64(n))
	} else {
		s.solve(count)
		s.wide.Seal(dst[:0], s.nonce[:], src, nil)
	}
	t := toElement(dst[n : n+GCMTagSize])
	clear(dst[n : n+GCMTagSize])
	s.hash.add(t, s.encrypt(s.counter(count)), l, blocks(n))
	s.done += int64(n)
}

// solve sets the nonce that gives the counter block IV || count.
func (s *gcmSealer) solve(count uint32) {
	if s.wide == nil {
		s.prepare()
	}
	n, b := s.base, s.step
	for c := uint64(count) << 32; c != 0; c <<= 1 {
		n = n.xor(b.mask(c))
		b = b.double()
	}
	n.put(s.nonce[:])
}

// prepare computes what nonces are made of. It costs about as much as
// encrypting 16 KiB, which is why the first piece does without.
func (s *gcmSealer) prepare() {
	var err error
	// Whether FIPS 140-only mode forbids this was decided when the stream was
	// made; it may have been made where the mode is not enforced.
	fips140.WithoutEnforcement(func() {
		s.wide, err = cipher.NewGCMWithNonceSize(s.block, wideNonceSize)
	})
	if err != nil {
		panic("stream: internal error: " + err.Error())
	}
	inv := s.hash.h.inverse()
	inv2 := inv.square()
	s.base = s.counter(0).mul(inv2).xor(lengths(0, wideNonceSize).mul(inv))
	s.step = inv2.shift()
	for range 32 {
		s.step = s.step.double()
	}
}

// final encrypts the last piece in place and appends the tag, for which buf
// has capacity.
func (s *gcmSealer) Final(buf []byte) []byte {
	if s.done == 0 {
		return s.aead.Seal(buf[:0], s.iv[:], buf, s.aad)
	}
	n := len(buf)
	s.Update(buf[:n+GCMTagSize], buf)
	tag := s.tag()
	return append(buf, tag[:]...)
}

func (s *gcmSealer) Wipe() {
	s.gcm.Wipe()
	s.wide = nil
	s.base, s.step = element{}, element{}
	clear(s.nonce[:])
}
