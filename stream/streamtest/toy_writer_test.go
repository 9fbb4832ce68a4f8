// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"errors"
	"fmt"
	"io"
)

// A toyWriter is a sound encrypting writer, but for its bug, if it has one.
type toyWriter struct {
	bug   string
	dst   io.Writer
	buf   []byte
	index int
	err   error
	kept  []byte
}

func (w *toyWriter) Write(p []byte) (int, error) {
	if len(w.kept) > 0 {
		w.kept[0] ^= 1
	}
	if w.bug == "goes on using its input" {
		w.kept = p
	}
	if w.bug == "empty Write after Close is an end" && w.err == errStopped && len(p) == 0 {
		return 0, io.EOF
	}
	if w.bug == "says something else later" && w.err != nil && len(p) > 0 {
		return 0, errors.New("toy: dead")
	}
	if w.err != nil && w.bug != "forgets errors" && !(w.bug == "writes after Close" && w.err == errStopped) {
		return 0, w.err
	}
	total := len(p)
	switch w.bug {
	case "panics on an empty write":
		_ = p[0]
	case "modifies its input":
		clear(p)
	case "writes behind its input":
		//lint:ignore SA1023 this is the bug
		p = append(p, 0)[:total]
	case "retains its input":
		if len(w.buf) == 0 && total <= toySegment {
			w.buf = p[:total:total]
			return total, nil
		}
	case "forgets a byte at the edge":
		if total == toySegment && len(w.buf) == toySegment {
			p = p[1:]
		}
	}
	n, err := w.take(p)
	if err != nil {
		return n, err
	}
	switch w.bug {
	case "counts what is left":
		return len(p) - n, nil
	case "counts too much":
		return total + 1, nil
	}
	return total, nil
}

// take gathers p into segments. A full one waits for the byte behind it.
func (w *toyWriter) take(p []byte) (n int, err error) {
	for n < len(p) {
		if len(w.buf) == toySegment {
			if err := w.flush(false); err != nil {
				return n, err
			}
		}
		m := min(len(p)-n, toySegment-len(w.buf))
		w.buf = append(w.buf, p[n:n+m]...)
		n += m
	}
	return n, nil
}

func (w *toyWriter) flush(last bool) error {
	out := toySealSegment(w.index, last, w.buf)
	if w.bug == "shows its buffer" {
		out = append(out, w.buf...)[:len(out)]
	}
	w.index++
	w.buf = nil
	return w.writeAll(out)
}

func (w *toyWriter) writeAll(out []byte) error {
	n, err := w.dst.Write(out)
	switch {
	case w.bug == "overlooks short writes" && n >= 0 && n <= len(out):
	case w.bug == "trusts the sink's counts" && (n < 0 || n > len(out)):
	case n < 0 || n > len(out):
		err = errors.New("invalid count")
	case err == nil && n < len(out):
		err = io.ErrShortWrite
	}
	if w.bug == "overlooks the sink's errors" {
		err = nil
	}
	for w.bug == "writes again until it works" && err != nil {
		w.dst.Write(out)
	}
	if err != nil && w.bug != "does not wrap the sink's errors" {
		err = fmt.Errorf("toy: write: %w", err)
	}
	w.err = err
	return err
}

func (w *toyWriter) ReadFrom(src io.Reader) (n int64, err error) {
	switch {
	case w.err == nil, w.bug == "ReadFrom forgets errors" && w.err != errStopped, w.bug == "ReadFrom works after Close" && w.err == errStopped:
	case w.bug == "ReadFrom says something else later":
		return 0, errors.New("toy: dead")
	default:
		return 0, w.err
	}
	r := toySource{bug: w.bug, r: src}
	for {
		var b [toySegment]byte
		m, err := r.read(b[:])
		m, writeErr := w.take(b[:m])
		if n += int64(m); writeErr != nil {
			return n, writeErr
		}
		if err == io.EOF {
			switch w.bug {
			case "ReadFrom completes the stream":
				return n, w.flush(true)
			case "ReadFrom returns io.EOF":
				return n, io.EOF
			case "ReadFrom counts too much":
				n++
			}
			return n, nil
		}
		if err != nil {
			if w.bug != "completes after a source error" {
				w.err = err
			}
			return n, err
		}
	}
}

func (w *toyWriter) Close() error {
	if w.bug == "Close forgets errors" && w.err != nil {
		return nil
	}
	if w.err == errStopped && w.bug != "completes twice" {
		if w.bug == "second Close fails" {
			return errors.New("already closed")
		}
		return nil
	}
	if w.err != nil && w.err != errStopped {
		err := w.err
		if w.bug == "second Close forgets" {
			w.err = errStopped
		}
		if w.bug == "completes after Abort" {
			w.flush(true)
			w.err = err
		}
		return err
	}
	if err := w.flush(true); err != nil {
		return err
	}
	if c, ok := w.dst.(io.Closer); ok && w.bug == "closes its sink" {
		c.Close()
	}
	w.err = errStopped
	return nil
}

func (w *toyWriter) Abort(err error) {
	if w.bug == "Abort completes the stream" && w.err == nil {
		w.flush(true)
	}
	switch {
	case w.bug == "Abort after Close spoils it" && w.err == errStopped:
	case w.bug == "Abort replaces errors":
	case w.err != nil, w.bug == "ignores Abort":
		return
	}
	if err == nil && w.bug != "Abort without a reason is none" {
		err = errors.New("no reason")
	}
	if err != nil {
		w.err = fmt.Errorf("toy: aborted: %w", err)
		if w.bug == "does not wrap the reason" {
			w.err = errors.New("toy: aborted")
		}
	}
}
