// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"
)

// TestDecryptReaderAt tests a type that decrypts at any offset. The
// constructor is given the ciphertext and its size in bytes. If opts is nil,
// the strictest promise is assumed, which for reading at an offset is the same
// as [VerifiedPrefix]: every byte is verified before it is returned, and so is
// the size.
//
// ReadAt must work from several goroutines at once, as io.ReaderAt demands.
// The suite makes calls overlap that the type lets overlap; run it with -race
// to see those that only might have.
//
// It may be called concurrently.
func TestDecryptReaderAt(newReaderAt func(src io.ReaderAt, size int64) (io.ReaderAt, error), ciphertext, plaintext []byte, opts *DecryptOptions) error {
	o := opts.orDefault()
	if o.Assurance == VerifiedWhole {
		o.Assurance = VerifiedPrefix
	}
	t := &readerAtTest{open: newReaderAt, in: ciphertext, want: plaintext, opts: o}
	a := &alterations{decrypt: t.decrypt, observed: t.edges, in: ciphertext, want: plaintext, opts: o}
	return check(append([]promise{
		{"round trip", t.roundTrip},
		{"ranges", t.ranges},
		{"bad offsets", t.badOffsets},
		{"concurrent calls", t.concurrent},
		{"source errors", t.sourceErrors},
	}, a.promises()...)...)
}

type readerAtTest struct {
	open     func(src io.ReaderAt, size int64) (io.ReaderAt, error)
	in, want []byte
	opts     DecryptOptions
	reads    []int // where it was seen to read
}

// A sourceAt is an io.ReaderAt over data that can be told to misbehave.
type sourceAt struct {
	data     []byte
	dataEOF  bool // io.EOF comes with the last bytes, as io.ReaderAt allows
	bad      int  // reads that touch this byte fail, if fail is not nil
	fail     error
	fired    bool
	note     func(at int) // is told where the source is read
	together func()       // is called in the middle of every call
}

func (s *sourceAt) ReadAt(p []byte, off int64) (int, error) {
	if s.note != nil {
		s.note(int(off))
	}
	if s.together != nil {
		s.together()
	}
	if off < 0 {
		return 0, errors.New("streamtest: source read at a negative offset")
	}
	if off >= int64(len(s.data)) {
		return 0, io.EOF
	}
	rest := s.data[off:]
	if bad := int64(s.bad) - off; s.fail != nil && bad >= 0 && bad < int64(len(p)) {
		s.fired = true
		return copy(p, rest[:bad]), s.fail
	}
	n := copy(p, rest)
	if n < len(p) || s.dataEOF && n == len(rest) {
		return n, io.EOF
	}
	return n, nil
}

func (t *readerAtTest) start(src *sourceAt) (io.ReaderAt, error) {
	return t.open(src, int64(len(src.data)))
}

// readAt reads size bytes at off, and checks all that does not depend on
// whether the source is sound.
func (t *readerAtTest) readAt(r io.ReaderAt, off, size int, c *cage) (out []byte, end error, breach error) {
	arena, breach := c.arena(size)
	if breach != nil {
		return nil, nil, breach
	}
	n, end := r.ReadAt(arena[guard:][:size], int64(off))
	switch {
	case n < 0 || n > size:
		return nil, end, fmt.Errorf("ReadAt into %d bytes returned a count of %d", size, n)
	case n < size && end == nil:
		return nil, end, fmt.Errorf("ReadAt into %d bytes returned %d, nil", size, n)
	}
	breach = c.intact(arena, n)
	out = bytes.Clone(arena[guard:][:n])
	c.restore(arena, n)
	return out, end, breach
}

// exact reads a range of a sound stream.
func (t *readerAtTest) exact(r io.ReaderAt, off, size int, c *cage) error {
	out, end, err := t.readAt(r, off, size, c)
	if err != nil {
		return err
	}
	want := t.want[min(off, len(t.want)):min(off+size, len(t.want))]
	if end != nil && (end != io.EOF || off+size < len(t.want)) {
		return fmt.Errorf("failed after %d bytes: %w", len(out), end)
	}
	return equal(out, want)
}

func (t *readerAtTest) roundTrip() error {
	for _, dataEOF := range []bool{false, true} {
		src := &sourceAt{data: t.in, dataEOF: dataEOF, note: func(at int) { t.reads = append(t.reads, at) }}
		r, err := t.start(src)
		if err == nil {
			err = t.exact(r, 0, len(t.want), new(cage))
		}
		if err != nil {
			return fmt.Errorf("source that yields io.EOF with data (%v): %w", dataEOF, err)
		}
	}
	slices.Sort(t.reads)
	t.reads = slices.Compact(t.reads)
	return nil
}

func (t *readerAtTest) edges() []int { return t.reads }

// ranges reads all ranges of a short stream, and some of a long one.
func (t *readerAtTest) ranges() error {
	r, err := t.start(&sourceAt{data: t.in, dataEOF: true})
	if err != nil {
		return err
	}
	c, n, dice := new(cage), len(t.want), dice(11)
	for _, off := range positions(n, t.reads) {
		sizes := []int{0, 1, 16, 17, n - off, n - off + 1, n + 100, dice.IntN(n + 1)}
		for _, size := range some(dice, n, sizes) {
			if err := t.exact(r, off, size, c); err != nil {
				return fmt.Errorf("%d bytes at %d of %d: %w", size, off, n, err)
			}
		}
	}
	return c.inspect()
}

// badOffsets reads where there is nothing.
func (t *readerAtTest) badOffsets() error {
	r, err := t.start(&sourceAt{data: t.in})
	if err != nil {
		return err
	}
	p := make([]byte, 8)
	for _, off := range []int64{int64(len(t.want)), int64(len(t.want)) + 1, 1 << 40, math.MaxInt64 - 4, math.MaxInt64} {
		if n, err := r.ReadAt(p, off); n != 0 || err != io.EOF {
			return fmt.Errorf("ReadAt at %d of %d bytes returned %d, %v, want 0, io.EOF", off, len(t.want), n, err)
		}
	}
	for _, off := range []int64{-1, -16, math.MinInt64} {
		if n, err := r.ReadAt(p, off); n != 0 || err == nil || bare(err) {
			return fmt.Errorf("ReadAt at %d returned %d, %v, want 0 and an error of its own", off, n, err)
		}
	}
	return nil
}

// concurrent reads different ranges at the same time. The source holds calls
// back until another one has come, or is not coming.
func (t *readerAtTest) concurrent() error {
	const callers = 8
	meet := make(chan struct{})
	r, err := t.start(&sourceAt{data: t.in, together: func() {
		select {
		case meet <- struct{}{}:
		case <-meet:
		case <-time.After(time.Millisecond):
		}
	}})
	if err != nil {
		return err
	}
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			errs[i] = guarded(func() error { return t.caller(r, uint64(i)) })
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *readerAtTest) caller(r io.ReaderAt, seed uint64) error {
	c, n, dice := new(cage), len(t.want), dice(100+seed)
	for range 8 {
		off, size := dice.IntN(n+1), dice.IntN(min(n, exhaustive)+1)
		if err := t.exact(r, off, size, c); err != nil {
			return fmt.Errorf("%d bytes at %d of %d, with others at the same time: %w", size, off, n, err)
		}
	}
	return nil
}

// sourceErrors lets the source fail at every byte. What is returned must still
// be right.
func (t *readerAtTest) sourceErrors() error {
	c, r := new(cage), dice(12)
	for _, at := range positions(len(t.in), t.reads) {
		if at == len(t.in) {
			continue
		}
		for _, fail := range some(r, len(t.in), sourceErrs) {
			src := &sourceAt{data: t.in, bad: at, fail: fail}
			res, err := t.all(src, c)
			if err == nil && src.fired {
				err = failure(res.end, fail, t.opts.Rejected)
			}
			if err == nil {
				err = prefix(res.out, t.want)
			}
			if err != nil {
				return fmt.Errorf("source fails with %q at byte %d of %d: %w", fail, at, len(t.in), err)
			}
		}
	}
	return nil
}

// all reads a whole stream from the front.
func (t *readerAtTest) all(src *sourceAt, c *cage) (res result, err error) {
	err = guarded(func() error {
		r, err := t.start(src)
		if err != nil {
			res.end = err
			return notBare(err)
		}
		step := max(len(src.data)/3, 64)
		for res.end == nil {
			out, end, err := t.readAt(r, len(res.out), step, c)
			if err != nil {
				return err
			}
			res.out, res.end = append(res.out, out...), end
			if len(res.out) > len(src.data)+4096 {
				return fmt.Errorf("ReadAt yields more than %d bytes", len(src.data)+4096)
			}
		}
		return nil
	})
	return res, err
}

// decrypt returns what comes out for other input than in.
func (t *readerAtTest) decrypt() func(data []byte, i int) (result, error) {
	c := new(cage)
	return func(data []byte, i int) (result, error) {
		return t.all(&sourceAt{data: data, dataEOF: i%2 == 0}, c)
	}
}
