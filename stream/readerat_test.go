// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

// An atMode is one way to read at any offset.
type atMode struct {
	name  string
	seal  func(plain []byte) []byte
	open  func(src io.ReaderAt, size int64) (io.ReaderAt, error)
	size  func(r io.ReaderAt) (int64, error)
	extra int64 // bytes that a range may take from the source beyond its own
}

func ctrSeal(key, iv, plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCTR(newBlock(key), iv).XORKeyStream(out, plain)
	return out
}

func atModes() []atMode {
	sized := func(r io.ReaderAt) (int64, error) { return r.(interface{ Size() int64 }).Size(), nil }
	return []atMode{{
		name: "CBC",
		seal: func(plain []byte) []byte { return cbcSeal(testKey, testIV2, plain) },
		open: func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewCBCReaderAt(src, size, testKey, testIV2)
		},
		size:  func(r io.ReaderAt) (int64, error) { return r.(*stream.CBCReaderAt).Size() },
		extra: 46, // the block before the range, and what fills its first and its last
	}, {
		name: "GCM",
		seal: func(plain []byte) []byte { return newAEAD(testKey).Seal(nil, testIV, plain, testAAD) },
		open: func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewGCMUnauthenticatedReaderAt(src, size, testKey, testIV)
		},
		size: sized,
	}, {
		name: "CTR",
		seal: func(plain []byte) []byte { return ctrSeal(testKey, testIV2, plain) },
		open: func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewCTRReaderAt(src, size, testKey, testIV2)
		},
		size: sized,
	}}
}

func eachAtMode(t *testing.T, f func(t *testing.T, m atMode)) {
	for _, m := range atModes() {
		t.Run(m.name, func(t *testing.T) { f(t, m) })
	}
}

// checkReadAt reads n bytes at off, and holds the result to io.ReaderAt.
func checkReadAt(r io.ReaderAt, plain []byte, off int64, n int) error {
	p := bytes.Repeat([]byte{0xa5}, n+32)
	got, err := r.ReadAt(p[:n:n], off)
	want := plain[min(off, int64(len(plain))):min(off+int64(n), int64(len(plain)))]
	switch {
	case got != len(want) || !bytes.Equal(p[:got], want):
		return fmt.Errorf("ReadAt = %d, %v, want %d bytes, or others", got, err, len(want))
	case got < n && err != io.EOF || got == n && err != nil:
		return fmt.Errorf("ReadAt(%d bytes) = %d, %w", n, got, err)
	case !bytes.Equal(p[n:], bytes.Repeat([]byte{0xa5}, 32)):
		return errors.New("ReadAt wrote behind its buffer")
	}
	return nil
}

// TestReadAtEveryRange reads every range of short streams.
func TestReadAtEveryRange(t *testing.T) {
	eachAtMode(t, func(t *testing.T, m atMode) {
		for _, size := range []int{0, 1, 15, 16, 17, 48, 67} {
			plain := text(size)
			sealed := m.seal(plain)
			r := must(m.open(bytes.NewReader(sealed), int64(len(sealed))))
			for off := range int64(size + 35) {
				for n := range size + 35 {
					if err := checkReadAt(r, plain, off, n); err != nil {
						t.Fatalf("size=%d,off=%d,n=%d: %v", size, off, n, err)
					}
				}
			}
			if n, err := m.size(r); n != int64(size) || err != nil {
				t.Errorf("Size = %d, %v, want %d", n, err, size)
			}
		}
	})
}

// TestReadAtConcurrent reads random ranges of a long stream, some of them
// longer than a piece, from 16 goroutines.
func TestReadAtConcurrent(t *testing.T) {
	plain := text(stream.PieceAt + 12345)
	eachAtMode(t, func(t *testing.T, m atMode) {
		sealed := m.seal(plain)
		kept := bytes.Clone(sealed)
		r := must(m.open(bytes.NewReader(sealed), int64(len(sealed))))
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				dice := rand.New(rand.NewPCG(uint64(i), 1))
				for j := range 40 {
					off, n := dice.Int64N(int64(len(plain))+20), dice.IntN(5000)
					if j == 0 {
						n = dice.IntN(len(plain) + 20)
					}
					if err := checkReadAt(r, plain, off, n); err != nil {
						t.Errorf("off=%d,n=%d: %v", off, n, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if !bytes.Equal(sealed, kept) {
			t.Error("the source was written to")
		}
	})
}

// TestReadAtRandom compares random ranges of random streams with slices, over
// sources that deliver in random steps.
func TestReadAtRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		cbc, gcm, ctr := d.cbc(), d.gcm(), ctrSeal(d.key, d.iv2, d.plain)
		readers := []io.ReaderAt{
			must(stream.NewCBCReaderAt(&stepsAt{data: cbc, steps: d.steps}, int64(len(cbc)), d.key, d.iv2)),
			must(stream.NewGCMUnauthenticatedReaderAt(&stepsAt{data: gcm, steps: d.steps}, int64(len(gcm)), d.key, d.iv)),
			must(stream.NewCTRReaderAt(&stepsAt{data: ctr, steps: d.steps}, int64(len(ctr)), d.key, d.iv2)),
		}
		off := rapid.Int64Range(0, int64(len(d.plain))+40).Draw(t, "off")
		n := rapid.IntRange(0, len(d.plain)+40).Draw(t, "n")
		for _, r := range readers {
			if err := checkReadAt(r, d.plain, off, n); err != nil {
				t.Errorf("%v: %v", r, err)
			}
		}
	})
}

// A stepsAt yields less than it was asked for, without the error that
// io.ReaderAt demands then.
type stepsAt struct {
	data  []byte
	steps []int
	i     int
}

func (s *stepsAt) ReadAt(p []byte, off int64) (int, error) {
	s.i++
	step := max(1, s.steps[s.i%len(s.steps)])
	n := copy(p[:min(step, len(p))], s.data[off:])
	if off+int64(n) == int64(len(s.data)) {
		return n, io.EOF // with the last bytes
	}
	return n, nil
}

// TestReadAtThrift counts what is taken from the source: one read for a short
// range, and hardly more than the range.
func TestReadAtThrift(t *testing.T) {
	eachAtMode(t, func(t *testing.T, m atMode) {
		plain := text(5000)
		sealed := m.seal(plain)
		for off := int64(0); off < 5000; off += 37 {
			for _, n := range []int{1, 16, 100, 1000, 6000} {
				src := &countingAt{ReaderAt: bytes.NewReader(sealed)}
				r := must(m.open(src, int64(len(sealed))))
				if err := checkReadAt(r, plain, off, n); err != nil {
					t.Fatal(err)
				}
				if src.calls != 1 || src.bytes > int64(n)+m.extra {
					t.Fatalf("off=%d,n=%d: %d reads of %d bytes", off, n, src.calls, src.bytes)
				}
			}
		}
		long := text(stream.PieceAt + 1000)
		sealed = m.seal(long)
		src := &countingAt{ReaderAt: bytes.NewReader(sealed)}
		r := must(m.open(src, int64(len(sealed))))
		if err := checkReadAt(r, long, 20, stream.PieceAt-100); err != nil || src.calls != 1 {
			t.Errorf("a long range took %d reads, want 1; %v", src.calls, err)
		}
		src.calls = 0
		for _, off := range []int64{0, 5000, math.MaxInt64} {
			if n, err := r.ReadAt(nil, off); n != 0 || err != nil {
				t.Errorf("ReadAt of nothing at %d = %d, %v, want 0, nil", off, n, err)
			}
		}
		for _, off := range []int64{-1, math.MinInt64} {
			if n, err := r.ReadAt(make([]byte, 1), off); n != 0 || err == nil || bare(err) {
				t.Errorf("ReadAt at %d = %d, %v, want an error", off, n, err)
			}
		}
		if src.calls != 0 {
			t.Errorf("%d reads of the source for nothing", src.calls)
		}
	})
}

type countingAt struct {
	io.ReaderAt
	calls int
	bytes int64
}

func (c *countingAt) ReadAt(p []byte, off int64) (int, error) {
	c.calls++
	c.bytes += int64(len(p))
	return c.ReaderAt.ReadAt(p, off)
}

// TestReadAtFaults reads from sources that are shorter than they should be,
// fail, or lie. No error lasts: the same reader must then read from a source
// that works again.
func TestReadAtFaults(t *testing.T) {
	plain := text(200)
	eachAtMode(t, func(t *testing.T, m atMode) {
		sealed := m.seal(plain)
		for name, c := range map[string]struct {
			fault func(p []byte, off int64) (int, error)
			want  error
		}{
			"short": {func(p []byte, off int64) (int, error) {
				return bytes.NewReader(sealed[:150]).ReadAt(p, off)
			}, io.ErrUnexpectedEOF},
			"empty":          {func(p []byte, off int64) (int, error) { return 0, io.EOF }, io.ErrUnexpectedEOF},
			"bare early end": {func(p []byte, off int64) (int, error) { return 0, io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
			"fails":          {func(p []byte, off int64) (int, error) { return copy(p, sealed[off:off+5]), errFault }, errFault},
			"never delivers": {func(p []byte, off int64) (int, error) { return 0, nil }, io.ErrNoProgress},
			"negative count": {func(p []byte, off int64) (int, error) { return -1, nil }, nil},
			"large count":    {func(p []byte, off int64) (int, error) { return len(p) + 1, nil }, nil},
			"huge count":     {func(p []byte, off int64) (int, error) { return math.MaxInt, io.EOF }, nil},
		} {
			t.Run(name, func(t *testing.T) {
				src := &switchAt{fault: c.fault, good: bytes.NewReader(sealed)}
				r := must(m.open(src, int64(len(sealed))))
				p := make([]byte, 100)
				n, err := r.ReadAt(p, 90)
				if n == len(p) || err == nil || bare(err) || c.want != nil && !errors.Is(err, c.want) || errors.Is(err, stream.ErrDecrypt) {
					t.Errorf("ReadAt = %d, %v, want a wrapped %v", n, err, c.want)
				}
				if !bytes.HasPrefix(plain[90:], p[:n]) {
					t.Errorf("released %x, want a prefix", p[:n])
				}
				src.fault = nil
				if err := checkReadAt(r, plain, 90, 100); err != nil {
					t.Errorf("after the failure: %v", err)
				}
			})
		}
	})
}

type switchAt struct {
	fault func(p []byte, off int64) (int, error)
	good  io.ReaderAt
}

func (s *switchAt) ReadAt(p []byte, off int64) (int, error) {
	if s.fault != nil {
		return s.fault(p, off)
	}
	return s.good.ReadAt(p, off)
}

// TestReadAtPadding: bad padding is an error wherever the end is touched, and
// nowhere else.
func TestReadAtPadding(t *testing.T) {
	plain := text(100)
	sealed := cbcSeal(testKey, testIV2, plain)
	sealed[len(sealed)-17] ^= 0x80
	r := must(stream.NewCBCReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testIV2))
	if err := checkReadAt(r, plain, 10, 70); err != nil {
		t.Errorf("before the last block: %v", err)
	}
	for _, off := range []int64{50, 96, 99, 100, 111, 112, 113, math.MaxInt64} {
		if n, err := r.ReadAt(make([]byte, 50), off); err != stream.ErrDecrypt || n != 0 {
			t.Errorf("ReadAt at %d = %d, %v, want 0, ErrDecrypt", off, n, err)
		}
	}
	if n, err := r.Size(); n != 0 || err != stream.ErrDecrypt {
		t.Errorf("Size = %d, %v, want 0, ErrDecrypt", n, err)
	}
}

// TestReadAtMalleable documents what is not promised: a flipped bit comes out
// as a flipped bit.
func TestReadAtMalleable(t *testing.T) {
	plain := text(100)
	for _, m := range atModes()[1:] {
		sealed := m.seal(plain)
		sealed[50] ^= 0x40
		want := bytes.Clone(plain)
		want[50] ^= 0x40
		r := must(m.open(bytes.NewReader(sealed), int64(len(sealed))))
		if err := checkReadAt(r, want, 0, 200); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// TestReaderAtSizes gives the constructors sizes that cannot be.
func TestReaderAtSizes(t *testing.T) {
	for _, c := range []struct {
		mode int
		size int64
		want error // nil, or errFault for any that is not known
	}{
		{0, 0, stream.ErrDecrypt},
		{0, 15, stream.ErrDecrypt},
		{0, 17, stream.ErrDecrypt},
		{0, 16, nil},
		{0, -16, errFault},
		{1, 0, stream.ErrDecrypt},
		{1, 15, stream.ErrDecrypt},
		{1, 16, nil},
		{1, 17, nil},
		{1, -1, errFault},
		{1, stream.GCMMaxSize + 16, nil},
		{1, stream.GCMMaxSize + 17, stream.ErrTooLarge},
		{2, 0, nil},
		{2, math.MaxInt64, nil},
		{2, -1, errFault},
	} {
		m := atModes()[c.mode]
		_, err := m.open(nil, c.size)
		known := errors.Is(err, stream.ErrDecrypt) || errors.Is(err, stream.ErrTooLarge)
		if (err == nil) != (c.want == nil) || known != (c.want != nil && c.want != errFault) || known && !errors.Is(err, c.want) {
			t.Errorf("%s of %d bytes: %v, want %v", m.name, c.size, err, c.want)
		}
	}
}

// TestReaderAtArguments gives keys and IVs of wrong lengths, and changes those
// that were right.
func TestReaderAtArguments(t *testing.T) {
	for name, c := range map[string]struct {
		iv int
		f  func(key, iv []byte) error
	}{
		"NewCBCRangeReader":      {16, func(k, iv []byte) error { _, err := stream.NewCBCRangeReader(nil, k, iv, 0, 1, 16); return err }},
		"NewPlainCTRRangeReader": {16, func(k, iv []byte) error { _, err := stream.NewPlainCTRRangeReader(nil, k, iv, 0, 1); return err }},
		"NewCBCReaderAt":         {16, func(k, iv []byte) error { _, err := stream.NewCBCReaderAt(nil, 16, k, iv); return err }},
		"NewCTRReaderAt":         {16, func(k, iv []byte) error { _, err := stream.NewCTRReaderAt(nil, 16, k, iv); return err }},
		"NewGCMUnauthenticatedReaderAt": {12, func(k, iv []byte) error {
			_, err := stream.NewGCMUnauthenticatedReaderAt(nil, 16, k, iv)
			return err
		}},
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
	plain := text(100)
	sealed := cbcSeal(testKey, testIV2, plain)
	key, iv := bytes.Clone(testKey), bytes.Clone(testIV2)
	at := must(stream.NewCBCReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, iv))
	part := must(stream.NewCBCRangeReader(bytes.NewReader(sealed), key, iv, 0, 100, int64(len(sealed))))
	clear(key)
	clear(iv)
	if err := checkReadAt(at, plain, 0, 100); err != nil {
		t.Errorf("the ReaderAt retained an argument: %v", err)
	}
	if err := checkReader(part, plain); err != nil {
		t.Errorf("the range reader retained an argument: %v", err)
	}
}

// TestGCMReaderAtFar reads at the far end of the largest stream, whose counter
// is about to overflow.
func TestGCMReaderAtFar(t *testing.T) {
	const off = stream.GCMMaxSize - 50
	want := blocksAt(off-off%16, make([]byte, 64))[off%16:][:50]
	r := must(stream.NewGCMUnauthenticatedReaderAt(zerosAt{}, stream.GCMMaxSize+16, testKey, testIV))
	p := make([]byte, 100)
	n, err := r.ReadAt(p, off)
	if n != 50 || err != io.EOF || !bytes.Equal(p[:50], want) {
		t.Errorf("ReadAt = %d, %v, %x, want %x", n, err, p[:n], want)
	}
}

// zerosAt holds any number of zeros.
type zerosAt struct{}

func (zerosAt) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// checkRandomAccessFIPS says that random access needs nothing that a program
// in FIPS 140-only mode is refused.
func checkRandomAccessFIPS(t *testing.T) {
	plain := text(100)
	for _, m := range []int{0, 2} {
		mode := atModes()[m]
		sealed := mode.seal(plain)
		r := must(mode.open(bytes.NewReader(sealed), int64(len(sealed))))
		if err := checkReadAt(r, plain, 10, 80); err != nil {
			t.Errorf("%s at an offset: %v", mode.name, err)
		}
	}
	body := append(blocksAt(0, plain), make([]byte, 16)...)
	r := must(stream.NewGCMUnauthenticatedReaderAt(bytes.NewReader(body), int64(len(body)), testKey, testIV))
	if err := checkReadAt(r, plain, 10, 80); err != nil {
		t.Errorf("GCM at an offset, unauthenticated: %v", err)
	}
	if err := checkCBCRange(cbcSeal(testKey, testIV2, plain), plain, 20, 100); err != nil {
		t.Errorf("CBC range: %v", err)
	}
}
