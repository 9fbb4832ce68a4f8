// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"pgregory.net/rapid"
)

// mulSlowly is Algorithm 1 of NIST SP 800-38D, on 128 bits one by one.
func mulSlowly(a, b element) element {
	var z [128]bool
	v := bitsOf(b)
	for _, x := range bitsOf(a) {
		if x {
			for i := range z {
				z[i] = z[i] != v[i]
			}
		}
		carry := v[127]
		copy(v[1:], v[:127])
		v[0] = false
		if carry {
			for _, i := range []int{0, 1, 2, 7} {
				v[i] = !v[i]
			}
		}
	}
	return ofBits(z)
}

func bitsOf(a element) (b [128]bool) {
	for i := range 64 {
		b[i] = a.hi>>(63-i)&1 == 1
		b[64+i] = a.lo>>(63-i)&1 == 1
	}
	return b
}

func ofBits(b [128]bool) (a element) {
	for i := range 64 {
		a.hi, a.lo = a.hi<<1, a.lo<<1
		if b[i] {
			a.hi |= 1
		}
		if b[64+i] {
			a.lo |= 1
		}
	}
	return a
}

func drawElement(t *rapid.T, name string) element {
	return element{rapid.Uint64().Draw(t, name+".hi"), rapid.Uint64().Draw(t, name+".lo")}
}

func TestMul(t *testing.T) {
	// Every pair of single bits, so that every product and reduction occurs.
	for i := range 128 {
		for j := range 128 {
			var p, q [128]bool
			p[i], q[j] = true, true
			a, b := ofBits(p), ofBits(q)
			if got, want := a.mul(b), mulSlowly(a, b); got != want {
				t.Fatalf("x^%d · x^%d = %x, want %x", i, j, got, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawElement(t, "a"), drawElement(t, "b")
		if got, want := a.mul(b), mulSlowly(a, b); got != want {
			t.Errorf("mul = %x, want %x", got, want)
		}
	})
}

func TestFieldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawElement(t, "a"), drawElement(t, "b"), drawElement(t, "c")
		x64 := element{lo: 1 << 63}
		for name, pair := range map[string][2]element{
			"a·1 = a":         {a.mul(one), a},
			"a·b = b·a":       {a.mul(b), b.mul(a)},
			"(a·b)·c":         {a.mul(b).mul(c), a.mul(b.mul(c))},
			"a·(b^c)":         {a.mul(b.xor(c)), a.mul(b).xor(a.mul(c))},
			"square":          {a.square(), a.mul(a)},
			"double":          {a.double(), a.mul(element{hi: 1 << 62})},
			"shift":           {a.shift(), a.mul(x64)},
			"put":             {roundTrip(a), a},
			"a^0":             {a.pow(0), one},
			"a^1":             {a.pow(1), a},
			"a^5":             {a.pow(5), a.mul(a).mul(a).mul(a).mul(a)},
			"a^8192·a^3":      {a.pow(8192).mul(a.pow(3)), a.pow(8195)},
			"a^2^32 squared":  {a.pow(1 << 32).square(), a.pow(1 << 33)},
			"inverse inverse": {a.inverse().inverse(), a},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %x and %x", name, pair[0], pair[1])
			}
		}
		if a != (element{}) && a.mul(a.inverse()) != one {
			t.Errorf("%x · its inverse is not 1", a)
		}
	})
	if (element{}).inverse() != (element{}) {
		t.Error("the inverse of 0 is not 0")
	}
}

func roundTrip(a element) element {
	var b [16]byte
	a.put(b[:])
	return toElement(b[:])
}
