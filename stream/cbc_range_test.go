// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

// cbcRange opens a range of a whole ciphertext, whose reader gets no byte that
// CBCCiphertextRange does not name.
func cbcRange(sealed []byte, off, n int64) (*stream.CBCRangeReader, error) {
	size := int64(len(sealed))
	coff, cn, err := stream.CBCCiphertextRange(off, n, size)
	if err != nil {
		return nil, err
	}
	return stream.NewCBCRangeReader(bytes.NewReader(sealed[coff:coff+cn]), testKey, testIV2, off, n, size)
}

// TestEveryCBCRange reads every range of a few streams, those that pass the end
// included, in one piece and in many.
func TestEveryCBCRange(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 47, 48, 70} {
		plain := text(size)
		sealed := cbcSeal(testKey, testIV2, plain)
		for off := range int64(size + 40) {
			for n := range int64(size + 40) {
				if err := checkCBCRange(sealed, plain, off, n); err != nil {
					t.Fatalf("size=%d,off=%d,n=%d: %v", size, off, n, err)
				}
			}
		}
	}
}

func checkCBCRange(sealed, plain []byte, off, n int64) error {
	size := int64(len(plain))
	for _, piece := range []int64{32, 48, 1 << 20} {
		r, err := cbcRange(sealed, off, n)
		if err == nil {
			var got []byte
			got, err = io.ReadAll(stream.SetPiece(r, piece))
			if want := plain[min(off, size):min(off+n, size)]; !bytes.Equal(got, want) {
				return fmt.Errorf("got %x, want %x, %w", got, want, err)
			}
			if stuck := checkStuck(r, errOrEOF(err)); stuck != nil {
				return stuck
			}
		}
		past := off >= size && n > 0
		if errors.Is(err, stream.ErrRange) != past || err != nil && !past {
			return fmt.Errorf("error %v, want one about the range: %v", err, past)
		}
	}
	return nil
}

// errOrEOF is what a reader goes on to return where io.ReadAll returned err.
func errOrEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// TestCBCRangeSources reads a range from sources that deliver in unusual ways,
// and have more than the range.
func TestCBCRangeSources(t *testing.T) {
	plain := text(300)
	sealed := cbcSeal(testKey, testIV2, plain)
	for _, off := range []int64{0, 1, 15, 16, 17, 100} {
		const n = 150
		coff, cn, _ := stream.CBCCiphertextRange(off, n, int64(len(sealed)))
		for name, src := range map[string]func() io.Reader{
			"whole":   func() io.Reader { return bytes.NewReader(sealed[coff : coff+cn]) },
			"longer":  func() io.Reader { return bytes.NewReader(sealed[coff:]) },
			"oneByte": func() io.Reader { return iotest.OneByteReader(bytes.NewReader(sealed[coff:])) },
			"dataErr": func() io.Reader { return iotest.DataErrReader(bytes.NewReader(sealed[coff : coff+cn])) },
			"stutter": func() io.Reader { return &stuttering{r: bytes.NewReader(sealed[coff:]), times: 99} },
		} {
			t.Run(fmt.Sprintf("off=%d,%s", off, name), func(t *testing.T) {
				r := must(stream.NewCBCRangeReader(src(), testKey, testIV2, off, n, int64(len(sealed))))
				if err := iotest.TestReader(stream.SetPiece(r, 48), plain[off:off+n]); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestCBCRangeReadsNoMore checks that what is read is what was named: whole
// blocks, one more before them, and nothing behind.
func TestCBCRangeReadsNoMore(t *testing.T) {
	sealed := cbcSeal(testKey, testIV2, text(300))
	for _, c := range []struct{ off, n, coff, cn int64 }{
		{0, 1, 0, 16},
		{0, 16, 0, 16},
		{0, 17, 0, 32},
		{15, 2, 0, 32},
		{16, 1, 0, 32},
		{31, 1, 0, 32},
		{32, 1, 16, 32},
		{100, 50, 80, 80},
		{0, 288, 0, 288},
		{0, 289, 0, 304},
		{288, 1, 272, 32},
		{303, 1, 272, 32},
		{287, 1, 256, 32},
		{40, math.MaxInt64, 16, 288},
		{16, 0, 0, 0},
		{1 << 40, 0, 304, 0},
	} {
		size := int64(len(sealed))
		coff, cn, err := stream.CBCCiphertextRange(c.off, c.n, size)
		if coff != c.coff || cn != c.cn || err != nil {
			t.Fatalf("CBCCiphertextRange(%d, %d) = %d, %d, %v, want %d, %d", c.off, c.n, coff, cn, err, c.coff, c.cn)
		}
		src := bytes.NewReader(append(bytes.Clone(sealed), text(1000)...)[min(coff, size):])
		before := src.Len()
		r := must(stream.NewCBCRangeReader(src, testKey, testIV2, c.off, c.n, size))
		if _, err := io.ReadAll(r); err != nil && !errors.Is(err, stream.ErrRange) {
			t.Fatal(err)
		}
		if got := int64(before - src.Len()); got != cn {
			t.Errorf("off=%d,n=%d: %d bytes were read, want %d", c.off, c.n, got, cn)
		}
	}
	r := must(stream.NewCBCRangeReader(panicking{}, testKey, testIV2, 20, 0, 32))
	if err := checkReader(r, nil); err != nil {
		t.Errorf("empty range: %v", err)
	}
}

// TestCBCCiphertextRange asks for what is not there.
func TestCBCCiphertextRange(t *testing.T) {
	for _, c := range []struct {
		off, n, size int64
		want         error // errFault: any other
	}{
		{-1, 1, 32, errFault},
		{1, -1, 32, errFault},
		{0, 1, -16, errFault},
		{math.MinInt64, math.MinInt64, math.MinInt64, errFault},
		{0, 1, 0, stream.ErrDecrypt},
		{0, 1, 31, stream.ErrDecrypt},
		{0, 0, 8, stream.ErrDecrypt},
		{32, 1, 32, stream.ErrRange},
		{math.MaxInt64, 1, 32, stream.ErrRange},
		{math.MaxInt64, math.MaxInt64, 32, stream.ErrRange},
	} {
		coff, cn, err := stream.CBCCiphertextRange(c.off, c.n, c.size)
		known := errors.Is(err, stream.ErrDecrypt) || errors.Is(err, stream.ErrRange)
		if coff != 0 || cn != 0 || err == nil || known != (c.want != errFault) || known && !errors.Is(err, c.want) {
			t.Errorf("CBCCiphertextRange(%d, %d, %d) = %d, %d, %v, want %v", c.off, c.n, c.size, coff, cn, err, c.want)
		}
		if r, again := stream.NewCBCRangeReader(panicking{}, testKey, testIV2, c.off, c.n, c.size); r != nil || again == nil || again.Error() != err.Error() {
			t.Errorf("NewCBCRangeReader(%d, %d, %d) = %v, want %v", c.off, c.n, c.size, again, err)
		}
	}
	const top = math.MaxInt64 - 15 // the largest whole number of blocks
	coff, cn, err := stream.CBCCiphertextRange(top-17, math.MaxInt64, top)
	if coff != top-48 || cn != 48 || err != nil {
		t.Errorf("the end of the largest stream: %d, %d, %v", coff, cn, err)
	}
}

// TestCBCRangePadding alters the last two bytes of a stream in every way. Only
// a range that reaches the last block may notice, and all that it may say is
// ErrDecrypt; what it then says of the end is what padding says.
func TestCBCRangePadding(t *testing.T) {
	plain := text(44)
	for x := range 256 {
		sealed := cbcSeal(testKey, testIV2, plain)
		sealed[31] ^= byte(x) // flips the same bits of the last byte of plaintext
		r := must(cbcRange(sealed, 3, 29))
		got, err := io.ReadAll(r)
		if err != nil || x == 0 && !bytes.Equal(got, plain[3:32]) {
			t.Fatalf("x=%d: range before the last block: %v", x, err)
		}
		got, err = io.ReadAll(must(cbcRange(sealed, 33, 100)))
		switch pad := 4 ^ x; pad {
		case 4:
			if err != nil || !bytes.Equal(got, plain[33:]) {
				t.Errorf("unaltered: %x, %v", got, err)
			}
		case 1:
			if err != nil || len(got) != 14 {
				t.Errorf("padding of 1: %d bytes, %v", len(got), err)
			}
		default:
			if err != stream.ErrDecrypt || len(got) > 0 {
				t.Errorf("padding of %d: %x, %v, want ErrDecrypt", pad, got, err)
			}
		}
	}
}

// TestCBCRangeCut ends the source of a range early, in every way and place.
func TestCBCRangeCut(t *testing.T) {
	plain := text(100)
	sealed := cbcSeal(testKey, testIV2, plain)
	for _, c := range []struct{ off, n int64 }{{0, 50}, {21, 60}, {40, 1000}} {
		coff, cn, _ := stream.CBCCiphertextRange(c.off, c.n, int64(len(sealed)))
		for k := range cn {
			part := sealed[coff : coff+k]
			for _, fault := range []error{io.EOF, io.ErrUnexpectedEOF, errFault} {
				want := fault
				if fault == io.EOF {
					want = io.ErrUnexpectedEOF
				}
				for _, src := range []io.Reader{failAfter(part, fault), failWith(part, fault)} {
					r := must(stream.NewCBCRangeReader(src, testKey, testIV2, c.off, c.n, int64(len(sealed))))
					got, err := io.ReadAll(stream.SetPiece(r, 32))
					if !errors.Is(err, want) || bare(err) {
						t.Fatalf("off=%d,k=%d: error %v, want a wrapped %v", c.off, k, err, want)
					}
					if !bytes.HasPrefix(plain[c.off:], got) {
						t.Fatalf("off=%d,k=%d: got %x, want a prefix", c.off, k, got)
					}
					if err := checkStuck(r, err); err != nil {
						t.Fatalf("off=%d,k=%d: %v", c.off, k, err)
					}
				}
			}
		}
	}
}

// TestCBCRangeSplit reads random ranges in random steps and pieces.
func TestCBCRangeSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		sealed := d.cbc()
		off := rapid.Int64Range(0, int64(len(d.plain))).Draw(t, "off")
		n := rapid.Int64Range(0, int64(len(d.plain))).Draw(t, "n")
		coff, cn, err := stream.CBCCiphertextRange(off, n, int64(len(sealed)))
		if err != nil {
			t.Fatal(err)
		}
		src := d.source(sealed[coff : coff+cn])
		r := must(stream.NewCBCRangeReader(src, d.key, d.iv2, off, n, int64(len(sealed))))
		got, err := d.drain(stream.SetPiece(r, int64(d.chunk)+16))
		if off == int64(len(d.plain)) && n > 0 {
			if !errors.Is(err, stream.ErrRange) {
				t.Fatalf("range at the end: %v, want ErrRange", err)
			}
		} else if err != nil || !bytes.Equal(got, d.plain[off:min(off+n, int64(len(d.plain)))]) {
			t.Errorf("%v or wrong bytes", err)
		}
	})
}

// TestCBCRangeEmptyRead: a Read of nothing does not touch the source, and one
// after a panic of the source fails.
func TestCBCRangeEmptyRead(t *testing.T) {
	r := must(stream.NewCBCRangeReader(panicking{}, testKey, testIV2, 5, 10, 32))
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(empty) = %d, %v, want 0, nil", n, err)
	}
	if !survive(func() { r.Read(make([]byte, 10)) }) {
		t.Fatal("Read swallowed the panic")
	}
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || bare(err) {
		t.Errorf("Read after a panic = %d, %v, want 0 and an error", n, err)
	}
}

// TestCBCRangeCleared looks at what is left of the plaintext in memory when a
// range has been read, or has failed.
func TestCBCRangeCleared(t *testing.T) {
	sealed := cbcSeal(testKey, testIV2, text(100))
	for name, src := range map[string][]byte{"whole": sealed, "cut": sealed[:80], "bad padding": append(bytes.Clone(sealed[:96]), make([]byte, 16)...)} {
		r := stream.SetPiece(must(stream.NewCBCRangeReader(bytes.NewReader(src), testKey, testIV2, 0, 1000, 112)), 48)
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		buf := stream.Buffer(r)
		if bytes.Equal(buf, make([]byte, 48)) {
			t.Fatal("nothing to clear: this test looks at the wrong place")
		}
		if _, err := io.ReadAll(r); (err == nil) != (name == "whole") {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(buf, make([]byte, 48)) || stream.Buffer(r) != nil {
			t.Errorf("%s: plaintext left in memory: %x", name, buf)
		}
	}
}
