// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"crypto/fips140"

	"github.com/s3seal/s3seal/stream/internal/engine"
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
	wide cipher.AEAD // nil until the second piece
	base element     // the nonce that gives the counter block IV || 0^32
	step element     // H^-2·x^96, by which the count is multiplied
}

func newGCMSealer(key, iv, aad []byte) (*gcmSealer, error) {
	s := new(gcmSealer)
	return s, s.init(key, iv, aad)
}

// Begin implements engine.Encrypter.
func (s *gcmSealer) Begin(p *engine.Piece) {
	p.Off = s.done
	if s.done == 0 {
		s.hash.h = s.encrypt(element{})
	} else {
		s.solve(p.Block[:], s.done)
	}
	s.done += int64(len(p.In))
}

// Work implements engine.Encrypter. It takes the tag of the piece from behind
// the ciphertext into p.Sum.
func (s *gcmSealer) Work(p *engine.Piece) {
	n := len(p.In)
	if p.Off == 0 {
		s.aead.Seal(p.Buf[:0], s.iv[:], p.In, s.aad)
	} else {
		s.wide.Seal(p.Buf[:0], p.Block[:], p.In, nil)
	}
	p.Out = p.Buf[:n]
	tag := p.Buf[n : n+GCMTagSize]
	copy(p.Sum[:], tag)
	clear(tag)
	p.Public = true
}

// Join implements engine.Encrypter.
func (s *gcmSealer) Join(p *engine.Piece) {
	a := 0
	if p.Off == 0 {
		a = len(s.aad)
	}
	n := len(p.Out)
	mask := s.encrypt(s.counter(countAt(p.Off) - 1))
	s.hash.add(toElement(p.Sum[:]), mask, lengths(int64(a), int64(n)), blocks(n))
	p.Sum, p.Block = [GCMTagSize]byte{}, [wideNonceSize]byte{}
}

// Parallel implements engine.Encrypter.
func (*gcmSealer) Parallel() bool { return true }

// solve sets nonce to one under which the piece at offset off is encrypted.
func (s *gcmSealer) solve(nonce []byte, off int64) {
	if s.wide == nil {
		s.prepare()
	}
	n, b := s.base, s.step
	for c := uint64(countAt(off)-1) << 32; c != 0; c <<= 1 {
		n = n.xor(b.mask(c))
		b = b.double()
	}
	n.put(nonce)
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

// Final implements engine.Encrypter.
func (s *gcmSealer) Final(p *engine.Piece) {
	n := len(p.In)
	if s.done == 0 {
		p.Out = s.aead.Seal(p.Buf[:0], s.iv[:], p.In, s.aad)
		return
	}
	if n > 0 {
		s.Begin(p)
		s.Work(p)
		s.Join(p)
	}
	tag := s.tag()
	p.Out = append(p.Buf[:n], tag[:]...)
}

// Wipe implements engine.Encrypter.
func (s *gcmSealer) Wipe() {
	s.gcm.Wipe()
	s.wide = nil
	s.base, s.step = element{}, element{}
}
