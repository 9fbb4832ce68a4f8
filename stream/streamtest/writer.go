// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"errors"
	"fmt"
	"io"
)

// A writerTest tests a type to which in is written and which writes want.
type writerTest struct {
	create   func(dst io.Writer) (io.WriteCloser, error)
	in, want []byte
	released func(out []byte) error // judges what came out of a stream that failed or was aborted
	rejected error                  // what no failure but that of the content may be

	inputEdges, outputEdges []int // how much it had been given, and had written, when it wrote

	pushes []push
	feeds  bool // it has ReadFrom
}

// prepare makes up the ways in which the type will be written to.
func (t *writerTest) prepare() *writerTest {
	t.pushes = pushes(len(t.in))
	return t
}

// start makes a stream that writes to dst. If that fails the writing is nil.
func (t *writerTest) start(dst *sink, c *cage) (*writing, error) {
	dst.most = max(len(t.in), len(t.want)) + 4096
	dst.out = make([]byte, 0, len(t.want))
	w, err := t.create(dst)
	if err != nil {
		return nil, err
	}
	return &writing{w, dst, c}, nil
}

// run writes data and closes the stream, unless it fails before. Then it looks
// whether that was the last word. The end is io.EOF if all went well.
func (t *writerTest) run(dst *sink, data []byte, p push, c *cage) (res result, err error) {
	err = guarded(func() error {
		w, failed := t.start(dst, c)
		if w == nil {
			res.end = failed
			return errors.Join(notBare(failed), dst.broken)
		}
		defer w.w.Close()
		end, breach := w.finish(data, p)
		if res = ended(dst, end); end == nil || breach != nil {
			return breach
		}
		return errors.Join(notBare(end), w.again(end))
	})
	return res, err
}

// ended is the result of a stream whose last call returned err.
func ended(dst *sink, err error) result {
	if err == nil {
		err = io.EOF // as a reader would have it
	}
	return result{dst.out, err}
}

// right checks the result of a stream that nothing was wrong with.
func (t *writerTest) right(res result) error {
	if res.end != io.EOF {
		return fmt.Errorf("failed: %w", res.end)
	}
	return equal(res.out, t.want)
}

// roundTrip sees whether the type works at all, and where it moves.
func (t *writerTest) roundTrip() error {
	dst := new(sink)
	res, err := t.run(dst, t.in, t.pushes[0], new(cage))
	if err == nil {
		err = t.right(res)
	}
	if err != nil {
		return err
	}
	t.outputEdges = dst.ends
	return guarded(t.observe)
}

// observe writes once more, step by step, and notes when the sink is called.
// The steps of a long stream are blocks, at whose edges things happen.
func (t *writerTest) observe() error {
	dst := new(sink)
	w, err := t.start(dst, new(cage))
	if err != nil {
		return err
	}
	defer w.w.Close()
	_, t.feeds = w.w.(io.ReaderFrom)
	step := 1
	if len(t.in) > exhaustive {
		step = 16
	}
	for at := 0; at < len(t.in); at += step {
		calls := dst.calls
		if err, breach := w.write(t.in[at:min(at+step, len(t.in))]); err != nil || breach != nil {
			return fmt.Errorf("Write at byte %d: %w", at, errors.Join(err, breach))
		}
		if dst.calls > calls {
			t.inputEdges = append(t.inputEdges, at)
		}
	}
	return nil
}

// splits tries all ways to write, and all ways in which ReadFrom may be fed.
func (t *writerTest) splits() error {
	c := new(cage)
	for _, p := range t.pushes {
		res, err := t.run(new(sink), t.in, p, c)
		if err == nil {
			err = t.right(res)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", p, err)
		}
	}
	if !t.feeds {
		return nil
	}
	for _, k := range kinds(len(t.in)) {
		res, err := t.fed(&source{kind: k, data: t.in}, c)
		if err == nil {
			err = t.right(res)
		}
		if err != nil {
			return fmt.Errorf("ReadFrom, %v: %w", k, err)
		}
	}
	return nil
}

// fed lets ReadFrom read all of src, and closes the stream unless it failed.
func (t *writerTest) fed(src *source, c *cage) (res result, err error) {
	err = guarded(func() error {
		dst := new(sink)
		w, err := t.start(dst, c)
		if err != nil {
			return err
		}
		defer w.w.Close()
		end, breach := w.readFrom(w.w.(io.ReaderFrom), src)
		if breach != nil {
			return breach
		}
		if end != nil {
			err = w.again(end)
		} else {
			end = w.w.Close()
		}
		res = ended(dst, end)
		return errors.Join(notBare(end), err, dst.broken)
	})
	return res, err
}

func (t *writerTest) sourceErrors() error {
	return t.faults(3, positions(len(t.in), t.inputEdges), failures())
}

func (t *writerTest) sourceCounts() error {
	return t.faults(4, fewPlaces(len(t.in), t.inputEdges), lies())
}

func (t *writerTest) noProgress() error {
	return t.faults(5, fewPlaces(len(t.in), t.inputEdges), []fault{storm()})
}

// faults lets the source of ReadFrom go wrong at all the places.
func (t *writerTest) faults(seed uint64, places []int, faults []fault) error {
	if !t.feeds {
		return nil
	}
	c, r := new(cage), dice(seed)
	kinds := brisk(kinds(len(t.in)), len(t.in))
	for _, at := range places {
		for _, f := range some(r, len(t.in), faults) {
			src := &source{kind: kinds[r.IntN(len(kinds))], data: t.in, fault: &f, at: at}
			if err := t.faulty(src, c); err != nil {
				return fmt.Errorf("ReadFrom, %s at byte %d of %d, %v: %w", f.name, at, len(t.in), src.kind, err)
			}
		}
	}
	return nil
}

func (t *writerTest) faulty(src *source, c *cage) error {
	res, err := t.fed(src, c)
	if err != nil {
		return err
	}
	if err := failure(res.end, src.fault.want, t.rejected); err != nil {
		return err
	}
	return t.released(res.out)
}

// sinkErrors lets the sink go wrong at every byte.
func (t *writerTest) sinkErrors() error {
	c, r := new(cage), dice(6)
	pushes := brisk(t.pushes, len(t.in))
	for _, at := range positions(len(t.want), t.outputEdges) {
		if at == len(t.want) {
			continue // a sink that is never asked for more cannot refuse it
		}
		for _, f := range some(r, len(t.want), refusals()) {
			p := pushes[r.IntN(len(pushes))]
			if err := t.refused(&f, at, p, c); err != nil {
				return fmt.Errorf("%s at byte %d of %d, %v: %w", f.name, at, len(t.want), p, err)
			}
		}
	}
	return nil
}

func (t *writerTest) refused(f *refusal, at int, p push, c *cage) error {
	dst := &sink{refusal: f, at: at}
	res, err := t.run(dst, t.in, p, c)
	if err != nil {
		return err
	}
	if err := failure(res.end, f.want, t.rejected); err != nil {
		return err
	}
	return prefix(dst.out, t.want)
}

func (t *writerTest) edges() []int { return t.inputEdges }

// decrypt returns what comes out for other input than in.
func (t *writerTest) decrypt() func(data []byte, i int) (result, error) {
	c, pushes := new(cage), brisk(t.pushes, len(t.in))
	return func(data []byte, i int) (result, error) {
		p := pushes[i%len(pushes)]
		res, err := t.run(new(sink), data, p, c)
		if err != nil {
			return res, fmt.Errorf("%v: %w", p, err)
		}
		return res, nil
	}
}
