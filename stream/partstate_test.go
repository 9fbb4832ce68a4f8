// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// sealedStates returns what Parts of d left, the end included.
func sealedStates(t *testing.T, m partMode, d drawn) []byte {
	t.Helper()
	p, j := m.open(d), &journal{body: make(map[int][]byte)}
	if err := encryptBatch(m, p, j, d.plain, []cut{{0, 64}, {64, len(d.plain)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.finish(p, len(d.plain)); err != nil {
		t.Fatal(err)
	}
	return j.states
}

// checkRestore wants new Parts to refuse states and to be none the worse.
func checkRestore(t *testing.T, m partMode, d drawn, states []byte, want error) {
	t.Helper()
	p := m.open(d)
	if err := p.Restore(states); !errors.Is(err, want) || err == nil {
		t.Errorf("Restore of %d bytes = %v, want %v", len(states), err, want)
	}
	got, _, err := p.Encrypt(nil, d.plain, 0)
	if err != nil || !bytes.Equal(got[:64], m.whole(d)[:64]) {
		t.Errorf("Encrypt after that: %v, or wrong bytes", err)
	}
}

// TestPartStateAltered changes and cuts states at every place.
func TestPartStateAltered(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		states := sealedStates(t, m, d)
		for i := range stream.PartStateSize * 8 {
			bad := bytes.Clone(states)
			bad[stream.PartStateSize+i/8] ^= 1 << (i % 8)
			want := stream.ErrDecrypt
			if i < 8 {
				want = stream.ErrPartState // the version
			}
			checkRestore(t, m, d, bad, want)
		}
		for n := range len(states) {
			if n%stream.PartStateSize != 0 {
				checkRestore(t, m, d, states[:n], stream.ErrPartState)
			}
		}
		checkRestore(t, m, d, nil, stream.ErrPartState)
		checkRestore(t, m, d, states[stream.PartStateSize:], stream.ErrPartState) // all but the first
	})
}

// TestPartStateForeign gives states to the Parts of other objects.
func TestPartStateForeign(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		mine := someParts()
		states := sealedStates(t, m, mine)
		for name, change := range map[string]func(d *drawn){
			"key": func(d *drawn) { d.key = bytes.Repeat([]byte{1}, 32) },
			"IV":  func(d *drawn) { d.iv, d.iv2 = make([]byte, 12), make([]byte, 16) },
			"AAD": func(d *drawn) { d.aad = nil },
		} {
			if name == "AAD" && m.name == "CBC" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				d := mine
				change(&d)
				checkRestore(t, m, d, states, stream.ErrDecrypt)
			})
		}
	})
	// The same key and an IV that only differs in size, as no one should do. HKDF
	// pads it with zeros, so that the key of the states is the same; nor is there AAD
	// that could tell.
	d := someParts()
	d.iv2, d.aad = append(bytes.Clone(d.iv), 0, 0, 0, 0), nil
	checkRestore(t, partModes[1], d, sealedStates(t, partModes[0], d), stream.ErrDecrypt)
	checkRestore(t, partModes[0], d, sealedStates(t, partModes[1], d), stream.ErrDecrypt)
}

// TestPartStateContradicts joins the states of two objects under one key, which
// is what must never be.
func TestPartStateContradicts(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		states := sealedStates(t, m, d)
		other := d
		other.plain = text(99)
		checkRestore(t, m, d, append(bytes.Clone(states), sealedStates(t, m, other)...), stream.ErrPartState)
		p := m.open(d)
		if err := p.Restore(append(bytes.Clone(states), states...)); err != nil {
			t.Errorf("every state twice: %v, want nil", err)
		}
		if err := p.Restore(states); err == nil {
			t.Error("Restore twice: no error")
		}
	})
}

// TestPartStateSealed: two states of one part have nothing in common but the
// version, and nothing of the ciphertext.
func TestPartStateSealed(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		p := m.open(d)
		ct, a, err := p.Encrypt(nil, d.plain, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := p.Encrypt(nil, d.plain, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i+4 <= len(a); i++ {
			if bytes.Contains(b, a[i:i+4]) || bytes.Contains(ct, a[i:i+4]) {
				t.Errorf("states %x and %x of %x have four bytes in common", a, b, ct)
			}
		}
	})
}

// TestPartsPrintNothing: no verb of fmt, and no log, shows what Parts hold.
func TestPartsPrintNothing(t *testing.T) {
	eachPartMode(t, func(t *testing.T, m partMode) {
		d := someParts()
		p := m.open(d)
		if _, _, err := p.Encrypt(nil, d.plain, 0); err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "20s"} {
			if got := fmt.Sprintf("%"+verb, p); got != "stream.Parts" {
				t.Errorf("%%%s prints %.100q, want stream.Parts", verb, got)
			}
		}
		if got := slog.AnyValue(p).Resolve().String(); got != "stream.Parts" {
			t.Errorf("LogValue = %q, want stream.Parts", got)
		}
	})
}
