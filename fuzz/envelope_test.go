// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/internal/testkit/kitrun"
	"github.com/s3seal/s3seal/wrap"
)

// The bits of a reader.
var openOptions = []string{testkit.Uncommitted, testkit.LegacyWraps, testkit.LegacyCBC, testkit.Unauthenticated, testkit.Ranges, testkit.RequireBound}

const (
	bitBind uint16 = 1 << (6 + iota)
	bitAAD
	bitRange
	bitFile
	bitRing // and the next
	_
	bitRelease // and the next
)

var openPlace = &testkit.Place{Bucket: "bucket", Key: "a/key"}

// openRings are what readers have, each with one key for all.
var openRings = [][]string{
	{testkit.AESGCM, testkit.AESKW, testkit.AESECB},
	{testkit.KMSContext, testkit.KMSPlain},
	{testkit.RSAOAEPSHA1, testkit.RSAOAEPSHA256, testkit.RSAPKCS1},
}

const rsaRing = 2

// ringOf is the ring that has an algorithm.
func ringOf(alg string) int {
	return slices.IndexFunc(openRings, func(ring []string) bool { return slices.Contains(ring, alg) })
}

// openKeys takes the keys of the rings from the test kit.
func openKeys(t testing.TB) []testkit.Key {
	all := make([]testkit.Key, len(openRings))
	for _, c := range cases(t) {
		if k := c.Keys[0]; c.Expect == testkit.Success {
			all[ringOf(k.Algorithms[0])] = testkit.Key{Algorithms: openRings[ringOf(k.Algorithms[0])], Secret: k.Secret}
		}
	}
	return all
}

func openSeeds(t testing.TB) (seeds [][]any) {
	rsa := 0
	for i, c := range cases(t) {
		if len(c.Body)+len(c.Instruction) > largeSeed {
			continue
		}
		var bits uint16
		for j, option := range openOptions {
			if c.Allows(option) {
				bits |= 1 << j
			}
		}
		for bit, set := range map[uint16]bool{bitBind: c.Bind != nil, bitAAD: c.ContentAAD != nil, bitRange: c.Range != nil, bitFile: c.Instruction != nil} {
			if set {
				bits |= bit
			}
		}
		ring := ringOf(c.Keys[0].Algorithms[0])
		if ring == rsaRing { // the reference is slow
			if rsa++; rsa%4 != 0 {
				continue
			}
		}
		bits |= bitRing*uint16(ring) | bitRelease*uint16(i%4)
		off, n := int64(0), int64(1)
		if c.Range != nil {
			off, n = c.Range.Off, c.Range.N
		}
		seeds = append(seeds, []any{joinFields(c.Metadata), c.Instruction, c.Body, bits, uint16(off), uint16(n - 1)})
	}
	return seeds
}

// FuzzEnvelopeOpen: a whole object, read by all kinds of readers, ends as the
// reference reader says, and releases nothing else.
func FuzzEnvelopeOpen(f *testing.F) {
	plant(f, openSeeds(f))
	keys := openKeys(f)
	f.Fuzz(func(t *testing.T, meta, file, body []byte, bits, off, n uint16) {
		ring := int(bits/bitRing) % 4 % len(keys)
		c := &testkit.Case{Metadata: splitFields(meta), Body: body, Keys: []testkit.Key{keys[ring]}}
		for i, option := range openOptions {
			if bits>>i&1 != 0 {
				c.Allow = append(c.Allow, option)
			}
		}
		if bits&bitBind != 0 {
			c.Bind = openPlace
		}
		if bits&bitAAD != 0 {
			c.ContentAAD = []byte("somebody's")
		}
		if bits&bitRange != 0 {
			c.Range = &testkit.Span{Off: int64(off), N: int64(n) + 1}
		}
		if bits&bitFile != 0 {
			c.Instruction = append([]byte{}, file...)
		}
		checkOpen(t, c, int(bits/bitRelease)%4, ring)
	})
}

// openReleases are the rules of release. Those before the last verify first.
func openReleases(body []byte) []envelope.Release {
	reopen := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return []envelope.Release{envelope.Buffered(1 << 24), envelope.Spool("", 1<<24), envelope.TwoPass(reopen), envelope.UnverifiedUntilEOF()}
}

func checkOpen(t *testing.T, c *testkit.Case, rule, ring int) {
	t.Helper()
	got := kitrun.Run(t.Context(), c, openReleases(c.Body)[rule], rule%2 == 0)
	want, released := testkit.Read(c)
	h, err := kitrun.Header(c)
	if err != nil {
		if got.Outcome != want || got.Unwraps > 0 || len(got.Plain) > 0 {
			t.Fatalf("%v with %d uses of keys, want %s", got.Err, got.Unwraps, want)
		}
		return
	}
	tagged := h.Suite == envelope.V3 || h.Suite == envelope.V2GCM
	own := h.Suite == envelope.Chunked || h.Suite.String() == testkit.DARE2
	verified := own || tagged && c.Range == nil
	if ring == rsaRing && h.Wrap == wrap.Unnamed && want == testkit.Rejected {
		// A CEK that the key has drawn, or a wrapped key that is too short for
		// any RSA key: what cannot be verified may open, to anything.
		if verified && got.Outcome != testkit.Rejected && got.Outcome != testkit.NoKey {
			t.Fatalf("%v: %s (%v)", h, got.Outcome, got.Err)
		}
		return
	}
	if own && c.Range != nil && want == testkit.Rejected {
		return // a part may be good that is not all of it
	}
	checkOutcome(t, h, got, want, released, tagged && rule < 3)
	if got.Err == nil && got.Authenticated != verified {
		t.Fatalf("%v: Authenticated = %t, want %t", h, got.Authenticated, verified)
	}
}

func checkOutcome(t *testing.T, h *envelope.Header, got kitrun.Result, want testkit.Outcome, released []byte, quiet bool) {
	t.Helper()
	if got.Outcome != want {
		t.Fatalf("%v: %s (%v), want %s", h, got.Outcome, got.Err, want)
	}
	switch {
	case want == testkit.Success && !bytes.Equal(got.Plain, released):
		t.Fatalf("%v: %d bytes that are not the %d of the reference", h, len(got.Plain), len(released))
	case want != testkit.Success && (!bytes.HasPrefix(released, got.Plain) || quiet && len(got.Plain) > 0):
		t.Fatalf("%v: released %d bytes, and at most %d may be", h, len(got.Plain), len(released))
	case (want == testkit.Policy || want == testkit.NoKey) && got.Unwraps > 0:
		t.Fatalf("%v: %s after %d uses of keys", h, want, got.Unwraps)
	}
}
