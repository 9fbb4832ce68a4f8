// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"
	"testing"
)

// TestPartsCleared looks at what Parts leave behind: in the list of parts as
// it grows, and everywhere after Wipe.
func TestPartsCleared(t *testing.T) {
	p, err := NewGCMParts(zeroBlock[:], zeroBlock[:GCMIVSize], []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	var lists [][]partState
	for i := range int64(40) {
		if _, _, err := p.Encrypt(nil, zeroBlock[:], i*BlockSize); err != nil {
			t.Fatal(err)
		}
		if n := len(lists); n == 0 || &lists[n-1][0] != &p.plan.parts[0] {
			lists = append(lists, p.plan.parts[:1])
		}
	}
	c := p.cipher.(*gcmParts)
	if len(lists) < 3 || c.s.hash == (ghash{}) || c.aad == (element{}) || lists[len(lists)-1][0] == (partState{}) {
		t.Fatal("nothing to clear: this test looks at the wrong place")
	}
	for i, l := range lists[:len(lists)-1] {
		if l[0] != (partState{}) {
			t.Errorf("list %d of %d: parts left behind as it grew", i, len(lists))
		}
	}
	p.Wipe()
	if lists[len(lists)-1][0] != (partState{}) || p.plan.parts != nil {
		t.Error("parts left behind")
	}
	if c.s.hash != (ghash{}) || c.s.base != (element{}) || c.s.wide != nil || c.s.block != nil || c.aad != (element{}) || p.states != nil {
		t.Error("keys left behind")
	}
}

func TestCBCPartsCleared(t *testing.T) {
	p, err := NewCBCParts(zeroBlock[:], zeroBlock[:])
	if err != nil {
		t.Fatal(err)
	}
	c := p.cipher.(*cbcParts)
	key := c.key
	if [32]byte(key) == [32]byte{} {
		t.Fatal("nothing to clear: this test looks at the wrong place")
	}
	p.Wipe()
	if [32]byte(key) != [32]byte{} || c.block != nil {
		t.Error("keys left behind")
	}
}

// TestPartStateRedacted: not even inside the package does a state print.
func TestPartStateRedacted(t *testing.T) {
	s := partState{off: 16, n: 16, sum: [16]byte{1, 2, 3}}
	for _, v := range []any{s, &s, []partState{s}, struct{ S partState }{s}} {
		for _, verb := range []string{"v", "+v", "s", "q", "x", "X", "d"} {
			want := map[bool]string{true: "REDACTED", false: "[REDACTED]"}[v == any(s) || v == any(&s)]
			if _, ok := v.(struct{ S partState }); ok {
				want = "{REDACTED}"
				if verb == "+v" {
					want = "{S:REDACTED}"
				}
			}
			if got := fmt.Sprintf("%"+verb, v); got != want {
				t.Errorf("%%%s of %T prints %q, want %q", verb, v, got, want)
			}
		}
	}
	if got := slog.AnyValue(s).Resolve().String(); got != "REDACTED" {
		t.Errorf("LogValue = %q, want REDACTED", got)
	}
}
