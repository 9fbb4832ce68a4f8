// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

func openAt(t *testing.T, src io.ReaderAt, size int) *chunked.ReaderAt {
	t.Helper()
	r, err := chunked.NewReaderAt(src, int64(size), testKey, testContext)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReaderAtConcurrently reads random ranges from 16 goroutines.
func TestReaderAtConcurrently(t *testing.T) {
	plain := text(2<<20 + 12345)
	ct := seal(plain)
	r := openAt(t, bytes.NewReader(ct), len(ct))
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(g), 1))
			p := make([]byte, 3*chunk)
			for range 60 {
				off, n := dice.IntN(len(plain)), dice.IntN(len(p))
				got, err := r.ReadAt(p[:n], int64(off))
				want := plain[off:min(off+n, len(plain))]
				if err != nil && (err != io.EOF || off+n <= len(plain)) || !bytes.Equal(p[:got], want) {
					t.Errorf("%d bytes at %d: %d, %v, or wrong bytes", n, off, got, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestReaderAtProperties compares ranges of streams around the edges of chunks
// with slices, and what io.ReaderAt says about the end.
func TestReaderAtProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near := func(most int, name string) int {
			edge := rapid.IntRange(0, most/chunk).Draw(t, name+" chunk") * chunk
			return min(max(edge+rapid.IntRange(-20, 20).Draw(t, name+" byte"), 0), most)
		}
		plain := text(near(4*chunk, "size"))
		ct := seal(plain)
		r := must(chunked.NewReaderAt(bytes.NewReader(ct), int64(len(ct)), testKey, testContext))
		off, n := near(len(plain)+40, "offset"), near(5*chunk, "length")
		p := make([]byte, n)
		got, err := r.ReadAt(p, int64(off))
		want := plain[min(off, len(plain)):min(off+n, len(plain))]
		if !bytes.Equal(p[:got], want) {
			t.Fatalf("%d bytes at %d of %d: got %d, or wrong ones", n, off, len(plain), got)
		}
		if (err == nil) != (got == n) || err != nil && err != io.EOF {
			t.Fatalf("%d bytes at %d of %d: %d, %v", n, off, len(plain), got, err)
		}
	})
}

// A call is what a source was asked for.
type call struct{ off, n int64 }

// A countingSource notes what is read.
type countingSource struct {
	io.ReaderAt
	calls []call
}

func (s *countingSource) ReadAt(p []byte, off int64) (int, error) {
	s.calls = append(s.calls, call{off, int64(len(p))})
	return s.ReaderAt.ReadAt(p, off)
}

// TestReaderAtFetches: one call for each read, of no more than the chunks that
// it needs, up to a limit.
func TestReaderAtFetches(t *testing.T) {
	plain := text(3*chunked.MaxRead*chunk/2 + 10)
	ct := seal(plain)
	src := &countingSource{ReaderAt: bytes.NewReader(ct)}
	r := openAt(t, src, len(ct))
	last := int64(header + 3*chunked.MaxRead/2*sealed)
	at := func(k int64) int64 { return header + k*sealed }
	for _, c := range []struct {
		name   string
		off, n int64
		want   []call
	}{
		{"opened", 0, 0, []call{{0, header}, {last, 26}}},
		{"one byte", chunk, 1, []call{{at(1), sealed}}},
		{"one chunk", chunk, chunk, []call{{at(1), sealed}}},
		{"64 KiB", 5, 64 << 10, []call{{at(0), 5 * sealed}}},
		{"the end", int64(len(plain)) - 11, 20, []call{{at(3*chunked.MaxRead/2 - 1), sealed + 26}}},
		{"as much as goes", 0, chunked.MaxRead * chunk, []call{{at(0), chunked.MaxRead * sealed}}},
		{"more", chunk - 1, chunked.MaxRead * chunk, []call{{at(0), chunked.MaxRead * sealed}, {at(chunked.MaxRead), sealed}}},
		{"past the end", int64(len(plain)), 20, nil},
		{"nothing", 5, 0, nil},
	} {
		if c.name != "opened" {
			p := make([]byte, c.n)
			if n, err := r.ReadAt(p, c.off); err != nil && err != io.EOF || !bytes.Equal(p[:n], plain[c.off:][:n]) {
				t.Errorf("%s: %d, %v, or wrong bytes", c.name, n, err)
			}
		}
		if len(src.calls) != len(c.want) {
			t.Errorf("%s: calls %v, want %v", c.name, src.calls, c.want)
		} else {
			for i := range c.want {
				if src.calls[i] != c.want[i] {
					t.Errorf("%s: calls %v, want %v", c.name, src.calls, c.want)
				}
			}
		}
		src.calls = nil
	}
}

// TestReaderAtOneFetch: a stream of one chunk is opened by one call.
func TestReaderAtOneFetch(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1} {
		ct := seal(text(n))
		src := &countingSource{ReaderAt: bytes.NewReader(ct)}
		if r := openAt(t, src, len(ct)); r.Size() != int64(n) {
			t.Errorf("Size = %d, want %d", r.Size(), n)
		}
		if len(src.calls) != 1 || src.calls[0] != (call{0, int64(len(ct))}) {
			t.Errorf("len=%d: calls %v, want one for everything", n, src.calls)
		}
	}
}

// TestReaderAtDamage: what lies before a damaged chunk is returned with the
// error, what lies elsewhere can be read, and mending helps.
func TestReaderAtDamage(t *testing.T) {
	plain := text(5*chunk + 9)
	ct := seal(plain)
	r := openAt(t, bytes.NewReader(ct), len(ct))
	ct[header+2*sealed+500] ^= 4
	p := bytes.Repeat([]byte{0xcc}, len(plain))
	n, err := r.ReadAt(p, 0)
	if n != 2*chunk || err != stream.ErrDecrypt || !bytes.Equal(p[:n], plain[:n]) {
		t.Errorf("ReadAt over the damage = %d, %v, want %d, ErrDecrypt", n, err, 2*chunk)
	}
	if !bytes.Equal(p[n:], bytes.Repeat([]byte{0xcc}, len(p)-n)) {
		t.Error("ReadAt wrote behind the bytes that it accounts for")
	}
	if n, err := r.ReadAt(p[:1], 3*chunk-1); n != 0 || err != stream.ErrDecrypt {
		t.Errorf("ReadAt in the damage = %d, %v, want 0, ErrDecrypt", n, err)
	}
	if n, err := r.ReadAt(p, 3*chunk); n != 2*chunk+9 || err != io.EOF || !bytes.Equal(p[:n], plain[3*chunk:]) {
		t.Errorf("ReadAt behind the damage = %d, %v", n, err)
	}
	ct[header+2*sealed+500] ^= 4
	if n, err := r.ReadAt(p, 0); n != len(plain) || err != nil || !bytes.Equal(p, plain) {
		t.Errorf("ReadAt after mending = %d, %v", n, err)
	}
}

// A faultySource returns what it is told to.
type faultySource struct {
	n   func(n int) int
	err error
}

func (s faultySource) ReadAt(p []byte, off int64) (int, error) { return s.n(len(p)), s.err }

// TestReaderAtFaults: a source that goes wrong is neither an end nor a forgery.
func TestReaderAtFaults(t *testing.T) {
	cause := errors.New("cable cut")
	all := func(n int) int { return n }
	less := func(n int) int { return n - 1 }
	for name, c := range map[string]struct {
		src  faultySource
		want error
	}{
		"error":             {faultySource{less, cause}, cause},
		"early end":         {faultySource{less, io.EOF}, io.ErrUnexpectedEOF},
		"nothing":           {faultySource{func(int) int { return 0 }, nil}, io.ErrUnexpectedEOF},
		"short without why": {faultySource{less, nil}, io.ErrUnexpectedEOF},
		"too much":          {faultySource{func(n int) int { return n + 1 }, nil}, engine.ErrCount},
		"negative":          {faultySource{func(int) int { return -1 }, nil}, engine.ErrCount},
	} {
		check := func(err error) {
			t.Helper()
			if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF || isDecrypt(err) || !errors.Is(err, c.want) {
				t.Errorf("%s: error %v, want a wrapped %v", name, err, c.want)
			}
		}
		_, err := chunked.NewReaderAt(c.src, 1000, testKey, testContext)
		check(err)
		ct := seal(text(100))
		sw := &switchSource{ReaderAt: bytes.NewReader(ct)}
		r := openAt(t, sw, len(ct))
		sw.ReaderAt = c.src
		n, err := r.ReadAt(make([]byte, 10), 0)
		if n != 0 {
			t.Errorf("%s: %d bytes", name, n)
		}
		check(err)
	}
	// A whole answer is one, whatever comes with it; this one is not genuine.
	if _, err := chunked.NewReaderAt(faultySource{all, io.EOF}, 1000, testKey, testContext); err != stream.ErrDecrypt {
		t.Errorf("zeros with io.EOF: %v, want ErrDecrypt", err)
	}
}

type switchSource struct{ io.ReaderAt }

// TestReaderAtArguments: what is refused without a look at the source.
func TestReaderAtArguments(t *testing.T) {
	for name, c := range map[string]struct {
		size    int64
		key     int
		want    error
		decrypt bool
	}{
		"negative size":  {-1, 32, nil, false},
		"short key":      {72, 31, nil, false},
		"long key":       {72, 33, nil, false},
		"no key":         {72, 0, nil, false},
		"AES-128 key":    {72, 16, nil, false},
		"too large":      {56 + 1<<38*16400, 32, stream.ErrTooLarge, false},
		"much too large": {1<<63 - 1, 32, stream.ErrTooLarge, false},
		"empty":          {0, 32, stream.ErrDecrypt, true},
		"header only":    {56, 32, stream.ErrDecrypt, true},
		"half a tag":     {64, 32, stream.ErrDecrypt, true},
		"full chunk":     {56 + 16400, 32, stream.ErrDecrypt, true},
	} {
		r, err := chunked.NewReaderAt(panicking{}, c.size, make([]byte, c.key), nil)
		if r != nil || err == nil || c.want != nil && !errors.Is(err, c.want) || isDecrypt(err) != c.decrypt {
			t.Errorf("%s: %v, %v, want another error", name, r, err)
		}
	}
	ct := seal(text(10))
	r := openAt(t, bytes.NewReader(ct), len(ct))
	for _, off := range []int64{-1, -1 << 63} {
		for _, n := range []int{0, 1} {
			if n, err := r.ReadAt(make([]byte, n), off); n != 0 || err == nil || err == io.EOF {
				t.Errorf("ReadAt at %d = %d, %v, want an error", off, n, err)
			}
		}
	}
	for _, off := range []int64{0, 10, 11, 1<<63 - 1} {
		if n, err := r.ReadAt(nil, off); n != 0 || err != nil {
			t.Errorf("ReadAt of nothing at %d = %d, %v, want 0, nil", off, n, err)
		}
	}
}

type panicking struct{}

func (panicking) ReadAt([]byte, int64) (int, error) { panic("the source was read") }
func (panicking) Read([]byte) (int, error)          { panic("the source was read") }
func (panicking) Write([]byte) (int, error)         { panic("the sink was written to") }

// TestReaderAtRetainsNothing changes the arguments after the constructor.
func TestReaderAtRetainsNothing(t *testing.T) {
	key, context := bytes.Clone(testKey), bytes.Clone(testContext)
	ct := seal(text(100))
	r, err := chunked.NewReaderAt(bytes.NewReader(ct), int64(len(ct)), key, context)
	if err != nil {
		t.Fatal(err)
	}
	clear(key)
	clear(context)
	p := make([]byte, 100)
	if n, err := r.ReadAt(p, 0); n != 100 || err != nil || !bytes.Equal(p, text(100)) {
		t.Errorf("ReadAt = %d, %v", n, err)
	}
}

// TestReaderAtIOTest reads through io.SectionReader, as zip and http do.
func TestReaderAtIOTest(t *testing.T) {
	for _, n := range []int{0, 1, 300, chunk + 1} {
		plain := text(n)
		ct := seal(plain)
		r := openAt(t, bytes.NewReader(ct), len(ct))
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plain); err != nil {
			t.Errorf("len=%d: %v", n, err)
		}
	}
}

func TestReadAtAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled buffers at random")
	}
	ct := seal(text(2 << 20))
	r := openAt(t, bytes.NewReader(ct), len(ct))
	for _, n := range []int{1, 64 << 10, 1<<20 - chunk, 2 << 20} {
		p := make([]byte, n)
		if got := testing.AllocsPerRun(20, func() { r.ReadAt(p, 0) }); got != 0 {
			t.Errorf("ReadAt of %d bytes: %v allocations, want 0", n, got)
		}
	}
}
