// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"math/bits"
)

// An element is a value of the field GF(2^128) of GCM (NIST SP 800-38D, 6.3).
// GCM numbers bits from the left: the top bit of hi is the coefficient of x^0,
// the lowest bit of lo that of x^127.
//
// Elements are secret. No operation takes a branch or an index that depends on
// their values; conditions are masks.
type element struct{ hi, lo uint64 }

// one is the neutral element of multiplication.
var one = element{hi: 1 << 63}

// reduction is x^128 = 1 + x + x^2 + x^7 as the high word of an element.
const reduction = 0xe1 << 56

func toElement(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a element) put(b []byte) {
	binary.BigEndian.PutUint64(b, a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
}

func (a element) xor(b element) element {
	return element{a.hi ^ b.hi, a.lo ^ b.lo}
}

// mul returns a·b.
//
// Both words of a are multiplied by b in one loop, because its pace is set by
// the chain of shifts of b, which they share.
func (a element) mul(b element) element {
	var z, y element // hi·b and lo·b
	hi, lo := a.hi, a.lo
	for range 64 {
		z = z.xor(b.mask(hi))
		y = y.xor(b.mask(lo))
		hi <<= 1
		lo <<= 1
		b = b.double()
	}
	return z.xor(y.shift())
}

// mask returns a if the coefficient of x^0 in w is 1, and 0 if not.
func (a element) mask(w uint64) element {
	m := -(w >> 63)
	return element{a.hi & m, a.lo & m}
}

// double returns a·x.
func (a element) double() element {
	carry := -(a.lo & 1)
	return element{a.hi>>1 ^ reduction&carry, a.lo>>1 | a.hi<<63}
}

// shift returns a·x^64: the second word leaves at x^128 and is folded back.
func (a element) shift() element {
	w := a.lo
	return element{
		w ^ w>>1 ^ w>>2 ^ w>>7,
		a.hi ^ w<<63 ^ w<<62 ^ w<<57,
	}
}

// square returns a·a. Squaring is linear: the coefficient of x^i becomes that
// of x^2i, and what lies at x^128 and above is folded back.
func (a element) square() element {
	w0, w1 := spread(a.hi>>32), spread(a.hi)
	w2, w3 := spread(a.lo>>32), spread(a.lo)
	return element{w0, w1}.xor(element{w2, w3}.shift().shift())
}

// spread moves bit i of the lower half of x to bit 2i+1.
func spread(x uint64) uint64 {
	x &= 0xffffffff
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	x = (x | x<<1) & 0x5555555555555555
	return x << 1
}

// pow returns a^n. The exponent is not secret.
func (a element) pow(n uint64) element {
	p := one
	for i := bits.Len64(n) - 1; i >= 0; i-- {
		p = p.square()
		if n>>i&1 == 1 {
			p = p.mul(a)
		}
	}
	return p
}

// inverse returns a^-1 = a^(2^128 - 2), and 0 for 0.
func (a element) inverse() element {
	p := a // a^(2^k - 1) for k = 1, 3, 7, 15, 31, 63, 127
	for k := 1; k < 127; k = 2*k + 1 {
		q := p
		for range k {
			q = q.square()
		}
		p = q.mul(p).square().mul(a)
	}
	return p.square()
}
