// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

// A Flip says which bit of a connection is altered: the one with the number Bit,
// 0 to 7, of the byte that comes Offset bytes behind the markers. Those must have
// passed one after the other, whatever lies between them; large and small letters
// are alike. So {"put /bucket/key", "\r\n\r\n"} leads to the first byte of the
// body of that request, and {"etag: "} to the first one of that field. It happens
// each time that the markers pass, so that a retry does not help, unless Once is
// set.
type Flip struct {
	Direction Direction // that the bytes go
	After     []string  // the markers, in their order
	Offset    int64     // in bytes, from the end of the last marker on
	Bit       uint      // 0 to 7, the least significant first
	Once      bool      // and never again
}

// A FlipProxy is a [Wire] that alters one bit. Use [NewFlipProxy]. It is safe for
// concurrent use.
type FlipProxy struct {
	*Wire
	flip  Flip
	flips atomic.Int64
	once  atomic.Bool // the bit of a flip that happens once is taken
}

// NewFlipProxy starts a proxy in front of the server at target that does what f
// says.
func NewFlipProxy(t testing.TB, target string, f Flip) *FlipProxy {
	t.Helper()
	if err := f.check(); err != nil {
		t.Fatalf("backendtest: %v", err)
	}
	p := &FlipProxy{flip: f}
	p.Wire = NewWire(t, target, func(d Direction) Tap {
		if d != f.Direction {
			return nil
		}
		return (&flipper{proxy: p}).pass
	})
	return p
}

// Flips returns how many bits were altered. A test in which it is 0 has proved
// nothing.
func (p *FlipProxy) Flips() int { return int(p.flips.Load()) }

func (f *Flip) check() error {
	if f.Bit > 7 || f.Offset < 0 {
		return fmt.Errorf("flip: bit %d of the byte at %d: want 0 to 7, not before 0", f.Bit, f.Offset)
	}
	if slices.Contains(f.After, "") {
		return errors.New("flip: empty marker")
	}
	return nil
}

// A flipper follows one direction of one connection.
type flipper struct {
	proxy *FlipProxy
	found int    // markers
	tail  []byte // what came since the last one, as far as a marker may begin in it
	count int64  // bytes since all of them
	over  bool   // nothing more is looked for
}

func (f *flipper) pass(p []byte) error {
	for len(p) > 0 && !f.over {
		if f.found < len(f.proxy.flip.After) {
			p = p[f.seek(p):]
			continue
		}
		rest := f.proxy.flip.Offset - f.count
		if rest >= int64(len(p)) {
			f.count += int64(len(p))
			return nil
		}
		f.alter(&p[rest])
		p = p[rest+1:]
		f.found, f.count = 0, 0
		f.over = len(f.proxy.flip.After) == 0 // a place in the connection, which comes once
	}
	return nil
}

func (f *flipper) alter(b *byte) {
	if f.proxy.flip.Once && f.proxy.once.Swap(true) {
		return
	}
	f.proxy.flips.Add(1)
	*b ^= 1 << f.proxy.flip.Bit
}

// seek looks for the next marker and returns how many bytes of p it has used up.
func (f *flipper) seek(p []byte) int {
	marker := lower([]byte(f.proxy.flip.After[f.found]))
	before := len(f.tail)
	f.tail = append(f.tail, p...)
	lower(f.tail[before:])
	if at := bytes.Index(f.tail, marker); at >= 0 {
		f.found++
		f.tail = f.tail[:0]
		return at + len(marker) - before
	}
	f.tail = append(f.tail[:0], f.tail[max(0, len(f.tail)-len(marker)+1):]...)
	return len(p)
}

// lower makes small letters of the large ones of ASCII, in place. What else is in
// p need not be text.
func lower(p []byte) []byte {
	for i, c := range p {
		if 'A' <= c && c <= 'Z' {
			p[i] = c + 'a' - 'A'
		}
	}
	return p
}
