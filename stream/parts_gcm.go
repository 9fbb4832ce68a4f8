// SPDX-License-Identifier: Apache-2.0

package stream

import "github.com/s3seal/s3seal/stream/internal/engine"

// gcmParts encrypts the parts of a GCM stream. The counter of a part follows
// from its offset and gcmSealer can start at any, so parts need nothing of
// each other; their hashes are joined at the end, as are those of pieces.
type gcmParts struct {
	s     gcmSealer // prepared; each call has its own copy, for the scratch
	aad   element   // Z of the additional data
	n     int64     // bytes of additional data
	chunk int       // size of a piece
}

// NewGCMParts returns Parts of the AES-GCM stream with this key, IV and aad.
// The key has 16, 24 or 32 bytes, the IV 12, and aad, which may be empty, any
// number. None of them is retained. The error is [ErrFIPS] or names the
// argument with the wrong length.
//
// All parts together are [GCMMaxSize] bytes at most. The trailer is the tag,
// of 16 bytes; until it is there, nothing of the object is authenticated.
//
// It may be called concurrently.
func NewGCMParts(key, iv, aad []byte) (*Parts, error) {
	s, err := newGCMSealer(key, iv, aad)
	if err != nil {
		return nil, err
	}
	c := &gcmParts{s: *s, n: int64(len(aad)), chunk: engine.ChunkSize}
	c.s.hash.h = c.s.encrypt(element{})
	c.s.prepare()
	c.hashAAD()
	p, err := newParts('G', c, key, iv, aad)
	if err != nil {
		return nil, err
	}
	p.plan.limit = GCMMaxSize
	return p, nil
}

// hashAAD hashes the additional data, which belongs to no part, as that of an
// empty message under the nonce 0^96; see ghash.go.
func (c *gcmParts) hashAAD() {
	if c.n > 0 {
		var nonce [GCMIVSize]byte
		t := c.s.aead.Seal(nil, nonce[:], nil, c.s.aad)
		hash := ghash{h: c.s.hash.h}
		hash.add(toElement(t), c.s.encrypt(element{lo: 1}), lengths(c.n, 0), blocks(int(c.n)))
		clear(t)
		c.aad = hash.acc
	}
	c.s.aad = nil
}

func (c *gcmParts) size(n int) int { return n }

// encrypt works in out, where there is room for a piece and more, and else in a
// buffer of its own: the tag of a piece needs 16 bytes behind it. They are put
// back, for they may be plaintext that is still to be encrypted.
func (c *gcmParts) encrypt(out, src []byte, _ [BlockSize]byte, p *partState) {
	s := c.s
	defer s.Wipe()
	buf := engine.NewChunk()
	defer buf.Free()
	var piece engine.Piece
	var behind [GCMTagSize]byte
	defer clear(behind[:])
	s.done = p.off
	for len(src) > 0 {
		n := min(len(src), c.chunk)
		piece.In, piece.Buf = src[:n], buf
		inside := len(out) >= len(buf)
		if inside {
			piece.Buf = (*engine.Chunk)(out)
			copy(behind[:], out[n:])
		}
		s.Begin(&piece)
		s.Work(&piece)
		s.Join(&piece)
		if inside {
			copy(out[n:], behind[:])
		} else {
			copy(out, piece.Out)
		}
		out, src = out[n:], src[n:]
	}
	s.hash.acc.put(p.sum[:])
}

func (c *gcmParts) trailer(parts []partState, size int64) []byte {
	s := c.s
	defer s.Wipe()
	s.hash.acc = c.aad
	for i := range parts {
		s.hash.join(toElement(parts[i].sum[:]), (uint64(parts[i].n)+BlockSize-1)/BlockSize)
	}
	s.hash.sum(lengths(c.n, size), s.encrypt(s.counter(1))).put(s.x[:])
	return append([]byte(nil), s.x[:]...)
}

func (c *gcmParts) wipe() {
	c.s.Wipe()
	c.aad = element{}
}

// join appends what is hashed already: z is its Z.
func (g *ghash) join(z element, blocks uint64) {
	g.add(z, element{}, element{}, blocks)
}
