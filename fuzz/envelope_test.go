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

// openOptions are the first bits of a reader. Where an object was made for the
// purpose, they are what differs from what that takes; else, what there is.
var openOptions = []string{testkit.Uncommitted, testkit.LegacyWraps, testkit.LegacyCBC, testkit.Unauthenticated, testkit.Ranges, testkit.RequireBound}

const (
	bitBind uint32 = 1 << (6 + iota)
	bitAAD
	bitRange
	bitFile
	bitRing // and the next
	_
	bitRelease // and the next
	_
	bitWriteTo
	bitSized  // the reader knows the size of the body
	bitLonger // or takes it for something else
	bitShorter
	bitAt   // a part is read at its offset
	bitSwap // the body is not the same the second time
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
	seeds = madeSeeds()
	for i, c := range cases(t) {
		if i%8 != 0 || len(c.Body)+len(c.Instruction) > largeSeed {
			continue // what becomes of cases is tried otherwise
		}
		var bits uint32
		for j, option := range openOptions {
			if c.Allows(option) {
				bits |= 1 << j
			}
		}
		for bit, set := range map[uint32]bool{bitBind: c.Bind != nil, bitAAD: c.ContentAAD != nil, bitRange: c.Range != nil, bitFile: c.Instruction != nil} {
			if set {
				bits |= bit
			}
		}
		ring := ringOf(c.Keys[0].Algorithms[0])
		bits |= bitRing*uint32(ring) | bitRelease*uint32(i%4) | bitSized*uint32(i/4%2) | bitWriteTo*uint32(i/8%2)
		off, n := int64(0), int64(1)
		if c.Range != nil {
			off, n = c.Range.Off, c.Range.N
		}
		seeds = append(seeds, []any{uint8(modeGiven), uint32(0), []byte{}, joinFields(c.Metadata), c.Instruction, c.Body, bits, uint16(off), uint16(n - 1)})
	}
	return seeds
}

// FuzzEnvelopeOpen: a whole object, read by all kinds of readers, ends as the
// reference reader says, and releases nothing else. The object is given; or one of
// the test kit, or one that was made, and then altered; or it is a body beside the
// header of one that was made.
func FuzzEnvelopeOpen(f *testing.F) {
	plant(f, openSeeds(f))
	keys, maker, all := openKeys(f), testkit.NewMaker(rsaKey(f)), cases(f)
	f.Fuzz(func(t *testing.T, mode uint8, recipe uint32, ops, meta, file, body []byte, bits uint32, off, n uint16) {
		var c *testkit.Case
		switch mode % 4 {
		case modeGiven:
			c = &testkit.Case{Metadata: splitFields(meta), Body: body, Keys: []testkit.Key{keys[0]}}
		case modeCase:
			c = alterCase(all, recipe, ops, meta, body)
		default:
			c = makeObject(maker, recipe, ops, meta, body, mode%4 == modeBody)
		}
		ring := (ringOf(c.Keys[0].Algorithms[0]) + int(bits/bitRing)%4) % len(keys)
		c.Keys = []testkit.Key{keys[ring]}
		for i, option := range openOptions {
			if bits>>i&1 != 0 {
				c.Toggle(option)
			}
		}
		if bits&bitBind != 0 {
			c.Bind = map[bool]*testkit.Place{true: openPlace}[c.Bind == nil]
		}
		if bits&bitAAD != 0 {
			c.ContentAAD = map[bool][]byte{true: []byte("somebody's")}[c.ContentAAD == nil]
		}
		if bits&bitRange != 0 {
			c.Range = &testkit.Span{Off: int64(off), N: int64(n) + 1}
		}
		if bits&bitFile != 0 {
			c.Instruction = map[bool][]byte{true: append([]byte{}, file...)}[c.Instruction == nil]
		}
		checkOpen(t, c, newOpening(c, bits), ring)
	})
}

// What the body and the rest of an input are.
const (
	modeGiven = iota // the object, with its metadata
	modeCase         // what the metadata and the body of a case end with
	modeMade         // plaintext, which was sealed
	modeBody         // the body of an object that was made
)

// An opening is how an object is read.
type opening struct {
	kitrun.Reading
	verifies bool // before it releases
	swapped  bool // the body was another one when it was read again
}

func newOpening(c *testkit.Case, bits uint32) *opening {
	o := &opening{Reading: kitrun.Reading{Size: -1, WriteTo: bits&bitWriteTo != 0, At: bits&bitAt != 0}}
	if bits&bitSized != 0 {
		o.Size = int64(len(c.Body))
		if bits&bitLonger != 0 {
			o.Size += 16
		}
		if bits&bitShorter != 0 {
			o.Size = max(0, o.Size-32)
		}
	}
	rule := bits / bitRelease % 4
	o.verifies = rule < 3
	o.Release = []envelope.Release{envelope.Buffered(1 << 24), envelope.Spool("", 1<<24), envelope.TwoPass(func() (io.ReadCloser, error) {
		body := c.Body
		if bits&bitSwap != 0 {
			body, o.swapped = flipped(body, bits>>24<<9|fromEnd), true
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}), envelope.UnverifiedUntilEOF()}[rule]
	return o
}

// expects corrects what the reference says, which knows the body at once: a
// reader is told that it has a size, and it may be another one later.
func (o *opening) expects(c *testkit.Case, h *envelope.Header, want testkit.Outcome) testkit.Outcome {
	if want != testkit.Success || c.Range != nil {
		return want
	}
	mistaken := o.Size >= 0 && o.Size != int64(len(c.Body))
	if mistaken && (h.Suite == envelope.V1 || h.Suite == envelope.V2CBC || h.Suite == envelope.V2CTR) {
		return testkit.Rejected // there is no tag that would tell
	}
	if mistaken {
		if _, _, err := h.PlaintextSize(o.Size); err != nil {
			return testkit.Rejected
		}
	}
	if o.swapped {
		return testkit.Rejected
	}
	return want
}

func checkOpen(t *testing.T, c *testkit.Case, how *opening, ring int) {
	t.Helper()
	h, err := kitrun.Header(c)
	if err == nil && (h.Suite == envelope.V1 || h.Suite == envelope.V2CBC) {
		how.At = false // where the end is, they tell by other blocks
	}
	got := kitrun.Read(t.Context(), c, how.Reading)
	want, released := testkit.Read(c)
	if err != nil {
		if got.Outcome != want || got.Unwraps > 0 || len(got.Plain) > 0 {
			t.Fatalf("%v with %d uses of keys, want %s", got.Err, got.Unwraps, want)
		}
		return
	}
	want = how.expects(c, h, want)
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
	checkOutcome(t, h, got, want, released, tagged && how.verifies && !how.swapped)
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
