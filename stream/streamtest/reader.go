// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A readerTest tests a type that reads in and yields want.
type readerTest struct {
	open     func(src io.Reader) (io.Reader, error)
	in, want []byte
	released func(out []byte) error // judges what came out of a stream that then failed
	rejected error                  // what no failure but that of the content may be
	sized    bool                   // it may stop at its last byte, without asking for the end

	inputEdges, outputEdges []int // where it was seen to read on, and to write

	kinds []kind
	pulls []pull
}

// prepare makes up the ways in which the type will be read, and read from.
func (t *readerTest) prepare() *readerTest {
	t.kinds, t.pulls = kinds(len(t.in)), pulls(len(t.want))
	return t
}

// start opens a stream. If that fails, the result is that of the constructor
// and the reading is nil.
func (t *readerTest) start(src *source, c *cage) (*reading, result) {
	r, err := t.open(src)
	if err != nil {
		return nil, result{end: err}
	}
	return &reading{
		r:      r,
		src:    src,
		cage:   c,
		most:   max(len(t.want), len(src.data)) + 4096,
		result: result{out: make([]byte, 0, len(t.want))},
	}, result{}
}

// run reads a whole stream.
func (t *readerTest) run(src *source, p pull, c *cage) (res result, err error) {
	err = guarded(func() error {
		d, failed := t.start(src, c)
		if d == nil {
			res = failed
			return errors.Join(notBare(failed.end), src.broken)
		}
		defer release(d.r)
		err := d.all(p)
		res = d.result
		return err
	})
	return res, err
}

// release closes what can be closed, for the sake of its resources.
func release(r any) {
	if c, ok := r.(io.Closer); ok {
		c.Close()
	}
}

// plain is a source without any trick to it.
func plain(data []byte) *source { return &source{kind: plainKind(len(data)), data: data} }

// right checks the result of a stream that nothing was wrong with.
func (t *readerTest) right(res result) error {
	if res.end != io.EOF {
		return fmt.Errorf("failed after %d of %d bytes: %w", len(res.out), len(t.want), res.end)
	}
	return equal(res.out, t.want)
}

func equal(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got %d bytes, want %d, first difference at byte %d", len(got), len(want), differ(got, want))
}

// roundTrip sees whether the type works at all, and where it moves.
func (t *readerTest) roundTrip() error {
	src := plain(t.in)
	res, err := t.run(src, pull{split{"", []int{32 << 10}}, -1}, new(cage))
	if err == nil {
		err = t.right(res)
	}
	if err != nil {
		return err
	}
	return guarded(t.observe)
}

// observe reads once more, and notes when the source is read on.
func (t *readerTest) observe() error {
	src := plain(t.in)
	d, failed := t.start(src, new(cage))
	if d == nil {
		return failed.end
	}
	defer release(d.r)
	for d.end == nil {
		before := src.pos
		if err := d.read(4 << 10); err != nil {
			return err
		}
		if src.pos > before {
			t.inputEdges = append(t.inputEdges, src.pos)
		}
	}
	if w, ok := t.writerTo(plain(t.in)); ok {
		dst := &sink{most: len(t.want)}
		w.WriteTo(dst) // what comes of it is for others to see
		release(w)
		t.outputEdges = dst.ends
	}
	return nil
}

func (t *readerTest) writerTo(src *source) (io.WriterTo, bool) {
	r, err := t.open(src)
	if err != nil {
		return nil, false
	}
	w, ok := r.(io.WriterTo)
	return w, ok
}

// readOnly checks that there is nothing a transport could resend a body by.
func (t *readerTest) readOnly() error {
	r, err := t.open(plain(t.in))
	if err != nil {
		return err
	}
	defer release(r)
	switch r.(type) {
	case io.Seeker:
		return errors.New("it offers Seek, with which a transport encrypts twice under one IV")
	case io.ReaderAt:
		return errors.New("it offers ReadAt, with which a transport encrypts twice under one IV")
	case io.WriterTo:
		return errors.New("it offers WriteTo, by which io.Copy passes Read by")
	}
	return nil
}

// splits tries ways to read against ways in which the source yields.
func (t *readerTest) splits() error {
	c, r := new(cage), dice(2)
	for _, k := range t.kinds {
		for _, p := range some(r, len(t.in), t.pulls) {
			if err := t.split(k, p, c); err != nil {
				return err
			}
		}
	}
	for _, p := range t.pulls {
		if err := t.split(t.kinds[r.IntN(len(t.kinds))], p, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *readerTest) split(k kind, p pull, c *cage) error {
	res, err := t.run(&source{kind: k, data: t.in}, p, c)
	if err == nil {
		err = t.right(res)
	}
	if err != nil {
		return fmt.Errorf("%v, %v: %w", k, p, err)
	}
	return nil
}

// emptyBuffer reads nothing before anything else. That must not start the
// stream, for the source may be one that answers an empty read with a loop.
func (t *readerTest) emptyBuffer() error {
	src := plain(t.in)
	d, failed := t.start(src, new(cage))
	if d == nil {
		return failed.end
	}
	defer release(d.r)
	for range 3 {
		if err := d.read(0); err != nil {
			return err
		}
		if n, err := d.r.Read(nil); n != 0 || err != d.end {
			return fmt.Errorf("Read(nil) returned %d, %v, and %v for another empty buffer", n, err, d.end)
		}
		if d.end != nil && len(t.want) > 0 {
			return fmt.Errorf("the first Read, into an empty buffer, returned %w", d.end)
		}
	}
	return src.broken
}

func (t *readerTest) sourceErrors() error {
	return t.faults(3, positions(len(t.in), t.inputEdges), failures())
}

func (t *readerTest) sourceCounts() error {
	return t.faults(4, fewPlaces(len(t.in), t.inputEdges), lies())
}

func (t *readerTest) noProgress() error {
	return t.faults(5, fewPlaces(len(t.in), t.inputEdges), []fault{storm()})
}

// faults lets the source go wrong at all the places.
func (t *readerTest) faults(seed uint64, places []int, faults []fault) error {
	c, r := new(cage), dice(seed)
	kinds, pulls := brisk(t.kinds, len(t.in)), brisk(t.pulls, len(t.want))
	for _, at := range places {
		for _, f := range some(r, len(t.in), faults) {
			src := &source{kind: kinds[r.IntN(len(kinds))], data: t.in, fault: &f, at: at}
			p := pulls[r.IntN(len(pulls))]
			if err := t.faulty(src, p, c); err != nil {
				return fmt.Errorf("%s at byte %d of %d, %v, %v: %w", f.name, at, len(t.in), src.kind, p, err)
			}
		}
	}
	return nil
}

// faulty reads a stream whose source goes wrong.
func (t *readerTest) faulty(src *source, p pull, c *cage) error {
	res, err := t.run(src, p, c)
	if err != nil {
		return err
	}
	if t.sized && src.at == len(src.data) && res.end == io.EOF {
		return t.right(res)
	}
	if !src.fired() {
		return fmt.Errorf("it ended with %v before the source went wrong", res.end)
	}
	if err := failure(res.end, src.fault.want, t.rejected); err != nil {
		return err
	}
	return t.released(res.out)
}

// sinkErrors lets WriteTo, if there is one, meet a sink that goes wrong.
func (t *readerTest) sinkErrors() error {
	c, r := new(cage), dice(6)
	for _, at := range positions(len(t.want), t.outputEdges) {
		if at == len(t.want) {
			continue
		}
		for _, f := range some(r, len(t.want), refusals()) {
			if err := guarded(func() error { return t.refused(&f, at, c) }); err != nil {
				return fmt.Errorf("WriteTo, %s at byte %d of %d: %w", f.name, at, len(t.want), err)
			}
		}
	}
	return nil
}

func (t *readerTest) refused(f *refusal, at int, c *cage) error {
	src := plain(t.in)
	d, _ := t.start(src, c)
	if d == nil {
		return nil
	}
	defer release(d.r)
	w, ok := d.r.(io.WriterTo)
	if !ok {
		return nil
	}
	dst := &sink{most: len(t.want) + 4096, refusal: f, at: at}
	n, err := w.WriteTo(dst)
	if err := failure(err, f.want, t.rejected); err != nil {
		return err
	}
	if n != int64(len(dst.out)) && !f.lie {
		return fmt.Errorf("WriteTo returned a count of %d, but the sink took %d bytes", n, len(dst.out))
	}
	if err := prefix(dst.out, t.want); err != nil {
		return err
	}
	d.end = err
	return d.again()
}

func (t *readerTest) edges() []int { return t.inputEdges }

// decrypt returns what comes out for other input than in.
func (t *readerTest) decrypt() func(data []byte, i int) (result, error) {
	c, pulls := new(cage), brisk(t.pulls, len(t.want))
	return func(data []byte, i int) (result, error) {
		p := pulls[i%len(pulls)]
		res, err := t.run(plain(data), p, c)
		if err != nil {
			return res, fmt.Errorf("%v: %w", p, err)
		}
		return res, nil
	}
}
