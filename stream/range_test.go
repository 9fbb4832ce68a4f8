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

	"github.com/s3seal/s3seal/stream"
)

// TestEveryRange reads every range of a body.
func TestEveryRange(t *testing.T) {
	plain := text(100)
	body := gcmMode().seal(plain)[:100]
	for off := range int64(101) {
		for n := range 101 - off {
			coff, cn, err := stream.GCMCiphertextRange(off, n)
			if err != nil || coff+cn > 100 {
				t.Fatalf("GCMCiphertextRange(%d, %d) = %d, %d, %v", off, n, coff, cn, err)
			}
			src := bytes.NewReader(body[coff : coff+cn])
			r := must(stream.NewCTRRangeReader(src, testKey, testIV, off, n))
			if err := checkReader(r, plain[off:off+n]); err != nil {
				t.Fatalf("off=%d,n=%d: %v", off, n, err)
			}
		}
	}
}

// TestRangeSources reads a range from sources that deliver in unusual ways.
func TestRangeSources(t *testing.T) {
	plain := text(300)
	body := gcmMode().seal(plain)
	for _, off := range []int64{0, 1, 15, 16, 17, 100} {
		coff, _, _ := stream.GCMCiphertextRange(off, 200)
		for name, src := range map[string]io.Reader{
			"whole":   bytes.NewReader(body[coff : off+200]),
			"oneByte": iotest.OneByteReader(bytes.NewReader(body[coff : off+200])),
			"dataErr": iotest.DataErrReader(bytes.NewReader(body[coff : off+200])),
			"stutter": &stuttering{r: bytes.NewReader(body[coff : off+200]), times: 99},
			"longer":  bytes.NewReader(body[coff:]),
		} {
			t.Run(fmt.Sprintf("off=%d,%s", off, name), func(t *testing.T) {
				r := must(stream.NewCTRRangeReader(src, testKey, testIV, off, 200))
				if err := iotest.TestReader(r, plain[off:off+200]); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestRangeReadsNoMore checks that nothing behind the range is taken from the
// source, which may be a connection that has more to say.
func TestRangeReadsNoMore(t *testing.T) {
	body := gcmMode().seal(text(300))
	src := bytes.NewReader(body[16:])
	r := must(stream.NewCTRRangeReader(src, testKey, testIV, 20, 50))
	if err := checkReader(r, text(300)[20:70]); err != nil {
		t.Fatal(err)
	}
	if left := len(body) - 16 - src.Len(); left != 54 {
		t.Errorf("%d bytes were read, want 54", left)
	}
	r = must(stream.NewCTRRangeReader(panicking{}, testKey, testIV, 20, 0))
	if err := checkReader(r, nil); err != nil {
		t.Errorf("empty range: %v", err)
	}
}

// TestRangeCut ends the source of a range early, in every way and place.
func TestRangeCut(t *testing.T) {
	plain := text(100)
	body := gcmMode().seal(plain)
	const off, n = 21, 60
	for k := range 5 + n {
		for _, fault := range []error{io.EOF, io.ErrUnexpectedEOF, errFault} {
			want := fault
			if fault == io.EOF {
				want = io.ErrUnexpectedEOF
			}
			for _, src := range []io.Reader{failAfter(body[16:16+k], fault), failWith(body[16:16+k], fault)} {
				r := must(stream.NewCTRRangeReader(src, testKey, testIV, off, n))
				got, err := io.ReadAll(r)
				if !errors.Is(err, want) || bare(err) {
					t.Fatalf("k=%d: error %v, want a wrapped %v", k, err, want)
				}
				if !bytes.Equal(got, plain[off:off+max(0, k-5)]) {
					t.Fatalf("k=%d: got %d bytes, want %d", k, len(got), max(0, k-5))
				}
				if err := checkStuck(r, err); err != nil {
					t.Fatalf("k=%d: %v", k, err)
				}
			}
		}
	}
}

// TestRangeMalleable documents what a range does not promise: a flipped bit
// comes out as a flipped bit.
func TestRangeMalleable(t *testing.T) {
	plain := text(64)
	body := gcmMode().seal(plain)[:64]
	body[20] ^= 0x40
	r := must(stream.NewCTRRangeReader(bytes.NewReader(body[16:]), testKey, testIV, 18, 30))
	want := bytes.Clone(plain[18:48])
	want[2] ^= 0x40
	if err := checkReader(r, want); err != nil {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	const top = stream.GCMMaxSize
	type result struct {
		n   int64
		err error // nil, ErrTooLarge, or errFault for any other
	}
	for _, c := range []struct {
		name string
		f    func(int64) (int64, error)
		want map[int64]result
	}{
		{"CBCCiphertextSize", stream.CBCCiphertextSize, map[int64]result{
			0: {16, nil}, 1: {16, nil}, 15: {16, nil}, 16: {32, nil}, 17: {32, nil},
			math.MaxInt64 - 16: {math.MaxInt64 - 15, nil}, math.MaxInt64 - 15: {0, stream.ErrTooLarge},
			math.MaxInt64: {0, stream.ErrTooLarge}, -1: {0, errFault}, math.MinInt64: {0, errFault},
		}},
		{"GCMCiphertextSize", stream.GCMCiphertextSize, map[int64]result{
			0: {16, nil}, 1: {17, nil}, top: {top + 16, nil}, top + 1: {0, stream.ErrTooLarge},
			math.MaxInt64: {0, stream.ErrTooLarge}, -1: {0, errFault}, math.MinInt64: {0, errFault},
		}},
		{"GCMPlaintextSize", stream.GCMPlaintextSize, map[int64]result{
			16: {0, nil}, 17: {1, nil}, top + 16: {top, nil}, top + 17: {0, stream.ErrTooLarge},
			math.MaxInt64: {0, stream.ErrTooLarge}, 15: {0, errFault}, 0: {0, errFault}, math.MinInt64: {0, errFault},
		}},
	} {
		for in, want := range c.want {
			n, err := c.f(in)
			ok := err == want.err
			if want.err != nil {
				ok = err != nil && errors.Is(err, stream.ErrTooLarge) == (want.err == stream.ErrTooLarge)
			}
			if n != want.n || !ok {
				t.Errorf("%s(%d) = %d, %v, want %d, %v", c.name, in, n, err, want.n, want.err)
			}
		}
	}
}

func TestGCMCiphertextRange(t *testing.T) {
	for _, c := range []struct{ off, n, coff, cn int64 }{
		{0, 0, 0, 0},
		{0, 1, 0, 1},
		{15, 1, 0, 16},
		{16, 1, 16, 1},
		{17, 0, 16, 0},
		{31, 2, 16, 17},
		{100, 200, 96, 204},
		{stream.GCMMaxSize, 0, stream.GCMMaxSize, 0},
	} {
		coff, cn, err := stream.GCMCiphertextRange(c.off, c.n)
		if coff != c.coff || cn != c.cn || err != nil {
			t.Errorf("GCMCiphertextRange(%d, %d) = %d, %d, %v, want %d, %d", c.off, c.n, coff, cn, err, c.coff, c.cn)
		}
	}
}

// TestArguments gives every constructor keys and IVs of wrong lengths.
func TestArguments(t *testing.T) {
	type try struct {
		iv int // right length
		f  func(key, iv []byte) error
	}
	for name, c := range map[string]try{
		"NewGCMEncryptWriter":    {12, func(k, iv []byte) error { _, err := stream.NewGCMEncryptWriter(nil, k, iv, nil); return err }},
		"NewGCMEncryptReader":    {12, func(k, iv []byte) error { _, err := stream.NewGCMEncryptReader(nil, k, iv, nil); return err }},
		"NewGCMDecryptReader":    {12, func(k, iv []byte) error { _, err := stream.NewGCMDecryptReader(nil, k, iv, nil, 1); return err }},
		"NewGCMUnverifiedReader": {12, func(k, iv []byte) error { _, err := stream.NewGCMUnverifiedReader(nil, k, iv, nil); return err }},
		"NewCTRRangeReader":      {12, func(k, iv []byte) error { _, err := stream.NewCTRRangeReader(nil, k, iv, 0, 1); return err }},
		"NewCTRReader":           {16, func(k, iv []byte) error { _, err := stream.NewCTRReader(nil, k, iv); return err }},
		"NewCBCEncryptWriter":    {16, func(k, iv []byte) error { _, err := stream.NewCBCEncryptWriter(nil, k, iv); return err }},
		"NewCBCEncryptReader":    {16, func(k, iv []byte) error { _, err := stream.NewCBCEncryptReader(nil, k, iv); return err }},
		"NewCBCDecryptReader":    {16, func(k, iv []byte) error { _, err := stream.NewCBCDecryptReader(nil, k, iv); return err }},
	} {
		for n := range 40 {
			want := n == 16 || n == 24 || n == 32
			if err := c.f(make([]byte, n), make([]byte, c.iv)); (err == nil) != want {
				t.Errorf("%s: key of %d bytes: %v", name, n, err)
			}
			if err := c.f(make([]byte, 32), make([]byte, n)); (err == nil) != (n == c.iv) {
				t.Errorf("%s: IV of %d bytes: %v", name, n, err)
			}
		}
	}
}

// TestArgumentsCopied changes keys, IVs and additional data after the
// constructor has returned.
func TestArgumentsCopied(t *testing.T) {
	plain := text(100)
	var buf bytes.Buffer
	key, iv, aad := bytes.Clone(testKey), bytes.Clone(testIV), bytes.Clone(testAAD)
	w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, key, iv, aad)), 48)
	clear(key)
	clear(iv)
	clear(aad)
	if err := writeAll(w, plain); err != nil {
		t.Fatal(err)
	}
	sealed := gcmMode().seal(plain)
	if !bytes.Equal(buf.Bytes(), sealed) {
		t.Error("the writer retained an argument")
	}
	key, iv, aad = bytes.Clone(testKey), bytes.Clone(testIV), bytes.Clone(testAAD)
	r := stream.SetChunkSize(must(stream.NewGCMDecryptReader(&buf, key, iv, aad, 1000)), 48)
	clear(key)
	clear(iv)
	clear(aad)
	if err := checkReader(r, plain); err != nil {
		t.Errorf("the reader retained an argument: %v", err)
	}
}

// TestPlainCTRCounter reads across the points where parts of the counter
// overflow.
func TestPlainCTRCounter(t *testing.T) {
	for _, iv := range []string{
		"000000000000000000000000fffffffe", "0000000000000000fffffffffffffffe",
		"fffffffffffffffffffffffffffffffe", "00000000ffffffffffffffffffffffff",
	} {
		iv, plain := unhex(iv), text(100)
		sealed := ctrSeal(testKey, iv, plain)
		r := must(stream.NewCTRReaderAt(bytes.NewReader(sealed), 100, testKey, iv))
		for off := range int64(100) {
			if err := checkReadAt(r, plain, off, 100); err != nil {
				t.Errorf("iv=%x,off=%d: %v", iv, off, err)
			}
			coff, cn, err := stream.CTRCiphertextRange(off, 100-off)
			if err != nil {
				t.Fatal(err)
			}
			part := bytes.NewReader(sealed[coff : coff+cn])
			if err := checkReader(must(stream.NewPlainCTRRangeReader(part, testKey, iv, off, 100-off)), plain[off:]); err != nil {
				t.Errorf("iv=%x,off=%d: range: %v", iv, off, err)
			}
		}
	}
	if _, _, err := stream.CTRCiphertextRange(1, math.MaxInt64); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("CTRCiphertextRange past the largest offset: %v, want ErrTooLarge", err)
	}
}
