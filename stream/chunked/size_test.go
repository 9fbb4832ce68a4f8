// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
)

const (
	kib = int64(1) << 10
	tib = int64(1) << 40
	pib = int64(1) << 50
)

// TestSizes has sizes that were worked out by hand from "chunk k can be found
// at ciphertext offset 56 + k·16400".
func TestSizes(t *testing.T) {
	for _, c := range []struct{ plain, sealed int64 }{
		{0, 56 + 16},
		{1, 56 + 17},
		{16*kib - 1, 56 + 16399},
		{16 * kib, 56 + 16400 + 16},
		{16*kib + 1, 56 + 16400 + 17},
		{32 * kib, 56 + 2*16400 + 16},
		{64 << 30, 56 + 4194304*16400 + 16},
		{tib, 56 + 67108864*16400 + 16},
		{tib + 5, 56 + 67108864*16400 + 21},
		{4*pib - 16*kib, 56 + 274877906943*16400 + 16},
		{4*pib - 1, 56 + 274877906943*16400 + 16399},
	} {
		got, err := chunked.CiphertextSize(c.plain)
		if got != c.sealed || err != nil {
			t.Errorf("CiphertextSize(%d) = %d, %v, want %d", c.plain, got, err, c.sealed)
		}
		got, err = chunked.PlaintextSize(c.sealed)
		if got != c.plain || err != nil {
			t.Errorf("PlaintextSize(%d) = %d, %v, want %d", c.sealed, got, err, c.plain)
		}
	}
	if chunked.MaxSize != 4*pib-1 {
		t.Errorf("MaxSize = %d, want one byte less than 4 PiB", chunked.MaxSize)
	}
}

func TestSizesRefused(t *testing.T) {
	const most = 56 + 274877906944*16400 - 1
	tooLarge := map[string]func() (int64, error){
		"CiphertextSize(4 PiB)": func() (int64, error) { return chunked.CiphertextSize(4 * pib) },
		"CiphertextSize(max)":   func() (int64, error) { return chunked.CiphertextSize(math.MaxInt64) },
		"PlaintextSize(most+1)": func() (int64, error) { return chunked.PlaintextSize(most + 1) },
		"PlaintextSize(max)":    func() (int64, error) { return chunked.PlaintextSize(math.MaxInt64) },
		"CiphertextRange(max)": func() (int64, error) {
			_, n, err := chunked.CiphertextRange(0, 1, math.MaxInt64)
			return n, err
		},
	}
	for name, f := range tooLarge {
		if n, err := f(); n != 0 || !errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("%s = %d, %v, want ErrTooLarge", name, n, err)
		}
	}
	if n, err := chunked.CiphertextSize(-1); n != 0 || err == nil || errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("CiphertextSize(-1) = %d, %v, want another error", n, err)
	}
	impossible := []int64{math.MinInt64, -1, 0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15, 56 + 67108864*16400, 56 + 274877906943*16400 + 15}
	for _, n := range impossible {
		if got, err := chunked.PlaintextSize(n); got != 0 || err == nil || errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("PlaintextSize(%d) = %d, %v, want another error", n, got, err)
		}
		if _, got, err := chunked.CiphertextRange(0, 0, n); got != 0 || err == nil {
			t.Errorf("CiphertextRange(0, 0, %d) = %d, %v, want an error", n, got, err)
		}
	}
}

// TestEverySizeInverts: PlaintextSize accepts exactly what CiphertextSize
// returns, over all that a stream of a few chunks can have.
func TestEverySizeInverts(t *testing.T) {
	plain := int64(0)
	for n := range int64(56 + 3*16400) {
		want, err := chunked.CiphertextSize(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := chunked.PlaintextSize(n)
		if (err == nil) != (n == want) || err == nil && got != plain {
			t.Fatalf("PlaintextSize(%d) = %d, %v; %d bytes make %d", n, got, err, plain, want)
		}
		if err == nil {
			plain++
		}
	}
}

func TestRanges(t *testing.T) {
	const last = 274877906943 // the number of the last chunk of the largest stream
	for _, c := range []struct{ plain, off, n, coff, cn int64 }{
		{0, 0, 0, 56, 0},
		{10, 0, 10, 56, 26},
		{10, 9, 1, 56, 26},
		{10, 10, 0, 56, 0},
		{16 * kib, 16*kib - 1, 1, 56, 16400},
		{16 * kib, 16 * kib, 0, 56 + 16400, 0},
		{40000, 16383, 1, 56, 16400},
		{40000, 16384, 1, 56 + 16400, 16400},
		{40000, 16383, 2, 56, 2 * 16400},
		{40000, 32768, 7232, 56 + 2*16400, 7248},
		{40000, 0, 40000, 56, 2*16400 + 7248},
		{tib, tib - 1, 1, 56 + 67108863*16400, 16400},
		{tib + 5, tib - 1, 2, 56 + 67108863*16400, 16400 + 21},
		{4*pib - 1, tib, 64 * kib, 56 + 67108864*16400, 4 * 16400},
		{4*pib - 1, 4*pib - 2, 1, 56 + last*16400, 16399},
		{4*pib - 1, 0, 4*pib - 1, 56, last*16400 + 16399},
	} {
		t.Run(fmt.Sprintf("size=%d,off=%d,n=%d", c.plain, c.off, c.n), func(t *testing.T) {
			size := must(chunked.CiphertextSize(c.plain))
			coff, cn, err := chunked.CiphertextRange(c.off, c.n, size)
			if coff != c.coff || cn != c.cn || err != nil {
				t.Errorf("CiphertextRange = %d, %d, %v, want %d, %d", coff, cn, err, c.coff, c.cn)
			}
		})
	}
}

func TestRangesRefused(t *testing.T) {
	size := must(chunked.CiphertextSize(100))
	for _, c := range []struct{ off, n int64 }{
		{-1, 1}, {0, -1}, {0, 101}, {100, 1}, {101, 0}, {50, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}, {math.MinInt64, 0},
	} {
		if coff, cn, err := chunked.CiphertextRange(c.off, c.n, size); coff != 0 || cn != 0 || err == nil {
			t.Errorf("CiphertextRange(%d, %d, %d) = %d, %d, %v, want an error", c.off, c.n, size, coff, cn, err)
		}
	}
}

// TestRangeProperties: a range is whole chunks, covers what was asked for, and
// has no chunk too many.
func TestRangeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.OneOf(rapid.Int64Range(0, 1<<20), rapid.Int64Range(0, chunked.MaxSize)).Draw(t, "plain")
		off := rapid.Int64Range(0, plain).Draw(t, "off")
		n := rapid.Int64Range(0, plain-off).Draw(t, "n")
		size := must(chunked.CiphertextSize(plain))
		coff, cn, err := chunked.CiphertextRange(off, n, size)
		if err != nil {
			t.Fatal(err)
		}
		first := (coff - 56) / 16400
		switch {
		case (coff-56)%16400 != 0 || first != off/16384:
			t.Errorf("it begins at %d, want chunk %d", coff, off/16384)
		case coff+cn > size:
			t.Errorf("it ends at %d of %d", coff+cn, size)
		case n == 0 && cn != 0:
			t.Errorf("nothing takes %d bytes", cn)
		case n > 0 && (off+n-1)/16384 != (coff+cn-17-56)/16400:
			t.Errorf("it ends at %d, want within the chunk of %d", coff+cn, off+n-1)
		case coff+cn != size && cn%16400 != 0:
			t.Errorf("%d bytes are not whole chunks", cn)
		}
	})
}

// TestNonce compares nonces with the specification up to the last chunk, and
// has two that were XORed by hand.
func TestNonce(t *testing.T) {
	base := [12]byte{0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	for k, want := range map[int64]string{
		0:         "f00102030405060708090a0b",
		1<<38 - 1: "f0010203040506" + "38f7f6f5f4",
	} {
		if got := chunked.Nonce(base, k); hex.EncodeToString(got[:]) != want {
			t.Errorf("nonce of chunk %d = %x, want %s", k, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		base := [12]byte(rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "base"))
		k := rapid.Int64Range(0, 1<<38-1).Draw(t, "k")
		if got, want := chunked.Nonce(base, k), specNonce(base[:], k); string(got[:]) != string(want) {
			t.Errorf("nonce = %x, want %x", got, want)
		}
	})
}
