// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"errors"
	"fmt"
	"io"
)

// closed looks at a stream that was completed: nothing may be added to it.
func (t *writerTest) closed() error {
	dst := new(sink)
	w, err := t.start(dst, new(cage))
	if err != nil {
		return err
	}
	if err, breach := w.finish(t.in, t.pushes[0]); err != nil || breach != nil {
		return errors.Join(err, breach)
	}
	calls := dst.calls
	for range 2 {
		if err := w.w.Close(); err != nil {
			return fmt.Errorf("Close returned nil, and later %w", err)
		}
		if err := w.refuses(); err != nil {
			return err
		}
		if a, ok := w.w.(aborter); ok {
			a.Abort(errors.New("too late"))
		}
	}
	if dst.calls > calls {
		return errors.New("it calls its sink after Close")
	}
	return dst.broken
}

// refuses checks that nothing can be written after Close.
func (w *writing) refuses() error {
	if n, err := w.w.Write([]byte{1}); n != 0 || err == nil || bare(err) {
		return fmt.Errorf("Write after Close returned %d, %v, want 0 and an error of its own", n, err)
	}
	if n, err := w.w.Write(nil); n != 0 || err != nil && bare(err) {
		return fmt.Errorf("empty Write after Close returned %d, %v", n, err)
	}
	r, ok := w.w.(io.ReaderFrom)
	if !ok {
		return nil
	}
	src := plain([]byte{1})
	if n, err := r.ReadFrom(src); n != 0 || err == nil || bare(err) || src.calls > 0 {
		return fmt.Errorf("ReadFrom after Close returned %d, %v and read %d times, want 0, an error of its own and no read", n, err, src.calls)
	}
	return nil
}

// aborts ends streams by Abort, if there is one, at every byte.
func (t *writerTest) aborts() error {
	c, r := new(cage), dice(7)
	reasons := []error{errors.New("dump failed"), nil, io.EOF, io.ErrUnexpectedEOF}
	pushes := brisk(t.pushes, len(t.in))
	for _, at := range positions(len(t.in), t.inputEdges) {
		for _, reason := range some(r, len(t.in), reasons) {
			p := pushes[r.IntN(len(pushes))]
			if err := guarded(func() error { return t.abort(at, reason, p, c) }); err != nil {
				return fmt.Errorf("Abort(%v) after %d of %d bytes, %v: %w", reason, at, len(t.in), p, err)
			}
		}
	}
	return nil
}

func (t *writerTest) abort(at int, reason error, p push, c *cage) error {
	dst := new(sink)
	w, err := t.start(dst, c)
	if err != nil {
		return err
	}
	defer w.w.Close()
	a, ok := w.w.(aborter)
	if !ok {
		return nil
	}
	if err, breach := w.all(t.in[:at], p); err != nil || breach != nil {
		return errors.Join(err, breach)
	}
	calls := dst.calls
	a.Abort(reason)
	_, first := w.w.Write([]byte{1})
	if err := failure(first, reason, nil); err != nil {
		return fmt.Errorf("Write: %w", err)
	}
	if err := failure(w.w.Close(), reason, nil); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	if err := w.again(first); err != nil {
		return err
	}
	if dst.calls > calls {
		return errors.New("it calls its sink after Abort")
	}
	return t.released(dst.out)
}
