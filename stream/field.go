// SPDX-License-Identifier: Apache-2.0

package stream

import "encoding/binary"

// An element is a value of the field GF(2^128) of GCM (NIST SP 800-38D, 6.3).
// GCM numbers bits from the left: the top bit of hi is the coefficient of x^0.
type element struct{ hi, lo uint64 }

// one is the neutral element of multiplication.
var one = element{hi: 1 << 63}

// reduction is x^128 = 1 + x + x^2 + x^7 in the numbering of element.
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

// mul returns a·b. Both operands are secret, so it takes the same steps for
// all values: no branch and no table index depends on them, conditions are
// masks.
func (a element) mul(b element) element {
	var z element
	z, b = mulWord(z, a.hi, b)
	z, _ = mulWord(z, a.lo, b)
	return z
}

// mulWord adds w·b to z, where w holds 64 coefficients, and returns it with
// b·x^64.
func mulWord(z element, w uint64, b element) (element, element) {
	for range 64 {
		take := -(w >> 63) // all ones if the coefficient is 1
		z.hi ^= b.hi & take
		z.lo ^= b.lo & take
		w <<= 1

		carry := -(b.lo & 1)
		b.lo = b.lo>>1 | b.hi<<63
		b.hi = b.hi>>1 ^ reduction&carry
	}
	return z, b
}
