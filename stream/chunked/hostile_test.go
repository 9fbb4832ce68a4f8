// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
)

// stride is how far the tests of every byte step. The race detector has nothing
// to find in them and makes them slow; it gets some of the bytes.
func stride() int {
	if race.Enabled || testing.Short() {
		return 61
	}
	return 1
}

// TestEveryTruncation cuts streams at every byte.
func TestEveryTruncation(t *testing.T) {
	for _, n := range []int{0, 1, 100, chunk + 5} {
		plain := text(n)
		ct := seal(plain)
		t.Run(fmt.Sprintf("len=%d", n), func(t *testing.T) {
			t.Parallel()
			eachDecrypter(t, func(t *testing.T, open decrypter) {
				for cut := 0; cut < len(ct); cut += stride() {
					if err := rejected(open, ct[:cut:cut], plain); err != nil {
						t.Fatalf("cut after byte %d of %d: %v", cut, len(ct), err)
					}
				}
			})
		})
	}
}

// TestEveryBit flips every bit of short streams, and one bit in every byte of
// one that has three chunks.
func TestEveryBit(t *testing.T) {
	for _, c := range []struct{ n, bits int }{{0, 8}, {100, 8}, {2*chunk + 100, 1}} {
		plain := text(c.n)
		sound := seal(plain)
		t.Run(fmt.Sprintf("len=%d", c.n), func(t *testing.T) {
			t.Parallel()
			eachDecrypter(t, func(t *testing.T, open decrypter) {
				ct := bytes.Clone(sound)
				for i := 0; i < c.bits*len(ct); i += stride() {
					at, bit := i/c.bits, (i+i/c.bits)%8
					ct[at] ^= 1 << bit
					if err := rejected(open, ct, plain); err != nil {
						t.Fatalf("bit %d of byte %d: %v", bit, at, err)
					}
					ct[at] ^= 1 << bit
				}
			})
		})
	}
}

// pieces returns the header and the chunks of a stream.
func pieces(ct []byte) (head []byte, list [][]byte) {
	return ct[:header], slices.Collect(slices.Chunk(ct[header:], sealed))
}

// join is the reverse of pieces.
func join(head []byte, list ...[]byte) []byte {
	return slices.Concat(head, slices.Concat(list...))
}

// TestChunksMoved changes the order and number of chunks.
func TestChunksMoved(t *testing.T) {
	plain := text(10*chunk + 77)
	ct := seal(plain)
	head, list := pieces(ct)
	eachDecrypter(t, func(t *testing.T, open decrypter) {
		try := func(what string, i, j int, list [][]byte) {
			t.Helper()
			if err := rejected(open, join(head, list...), plain); err != nil {
				t.Errorf("%s %d, %d: %v", what, i, j, err)
			}
		}
		for i := range list {
			try("dropped", i, i, slices.Delete(slices.Clone(list), i, i+1))
			for j := range list {
				if i == j {
					continue
				}
				swapped := slices.Clone(list)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				try("swapped", i, j, swapped)
				put := slices.Clone(list)
				put[i] = list[j]
				try("one in place of the other", i, j, put)
			}
			for j := range len(list) + 1 {
				try("doubled", i, j, slices.Insert(slices.Clone(list), j, list[i]))
			}
		}
	})
}

// TestSplice puts together pieces of streams under one input key: of another
// salt, of another context, and of another plaintext of the same length.
func TestSplice(t *testing.T) {
	plain := text(3*chunk + 50)
	ct := seal(plain)
	head, list := pieces(ct)
	salt := bytes.Repeat([]byte{7}, 24)
	others := map[string][]byte{
		"salt":      specSeal(testKey, salt, testContext, plain),
		"context":   specSeal(testKey, testSalt, []byte("bucket/kez"), plain),
		"plaintext": specSeal(testKey, salt, testContext, bytes.Repeat([]byte{1}, len(plain))),
		"longer":    specSeal(testKey, salt, testContext, text(9*chunk)),
	}
	eachDecrypter(t, func(t *testing.T, open decrypter) {
		for name, other := range others {
			foreignHead, foreign := pieces(other)
			for i := range list {
				mixed := slices.Clone(list)
				mixed[i] = foreign[i]
				if err := rejected(open, join(head, mixed...), plain); err != nil {
					t.Errorf("%s: chunk %d: %v", name, i, err)
				}
				if err := rejected(open, join(head, slices.Concat(list[:i], foreign[i:])...), plain); err != nil {
					t.Errorf("%s: chunks from %d on: %v", name, i, err)
				}
			}
			if err := rejected(open, join(foreignHead, list...), nil); err != nil {
				t.Errorf("%s: header: %v", name, err)
			}
			if err := rejected(open, join(slices.Concat(salt, head[24:]), list...), nil); err != nil {
				t.Errorf("%s: salt: %v", name, err)
			}
		}
	})
}

// TestWrongKeyOrContext changes what the reader knows instead of the stream.
func TestWrongKeyOrContext(t *testing.T) {
	ct := seal(text(100))
	eachDecrypter(t, func(t *testing.T, open decrypter) {
		for name, c := range map[string]struct{ key, context []byte }{
			"key":            {bytes.Repeat([]byte{1}, 32), testContext},
			"context":        {testKey, []byte("bucket/other")},
			"no context":     {testKey, nil},
			"longer context": {testKey, append(bytes.Clone(testContext), 0)},
			// The salt has a fixed size, so that its end cannot become a part of
			// the context.
			"context with some salt": {testKey, append(bytes.Clone(testSalt[23:]), testContext...)},
		} {
			if got, err := open(c.key, c.context, ct); !isDecrypt(err) || len(got) != 0 {
				t.Errorf("%s: %d bytes, %v, want ErrDecrypt and none", name, len(got), err)
			}
		}
	})
}

// TestExtended adds what an attacker has: bytes, tags, chunks of the stream.
func TestExtended(t *testing.T) {
	for _, n := range []int{0, 10, chunk, chunk + 10} {
		plain := text(n)
		ct := seal(plain)
		_, list := pieces(ct)
		tails := [][]byte{{0}, make([]byte, 16), make([]byte, sealed), ct, list[0], list[len(list)-1], ct[len(ct)-16:]}
		eachDecrypter(t, func(t *testing.T, open decrypter) {
			for i, tail := range tails {
				if err := rejected(open, slices.Concat(ct, tail), plain); err != nil {
					t.Errorf("len=%d, tail %d: %v", n, i, err)
				}
			}
		})
	}
}
