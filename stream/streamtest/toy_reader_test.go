// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A toySource is careful with what it reads from.
type toySource struct {
	bug string
	r   io.Reader
	err error
}

func (s *toySource) read(p []byte) (int, error) {
	for range 100 {
		if s.err != nil {
			return 0, s.err
		}
		n, err := s.r.Read(p)
		for s.bug == "never takes an end" && err == io.EOF {
			n, err = s.r.Read(p)
		}
		switch {
		case s.bug == "trusts counts":
			_ = p[:n]
		case n < 0 || n > len(p):
			n, err = 0, errors.New("invalid count")
		}
		if s.bug == "drops data that comes with io.EOF" && err == io.EOF {
			return 0, err
		}
		if s.bug == "drops errors that come with data" && n > 0 && err != io.EOF {
			err = nil
		}
		switch {
		case err == nil || err == io.EOF:
		case s.bug == "takes any error for the end":
			err = io.EOF
		case s.bug == "does not wrap errors":
		case s.bug == "loses the cause":
			err = fmt.Errorf("toy: read: %v", err)
		case s.bug == "blames the ciphertext":
			err = fmt.Errorf("%w: %w", errToy, err)
		default:
			err = fmt.Errorf("toy: read: %w", err)
		}
		if s.bug == "goes on after an error" && n == 0 && err != nil {
			return 0, err
		}
		if s.err = err; n > 0 {
			return n, nil
		}
		if s.bug == "takes an empty read for the end" && err == nil {
			return 0, io.EOF
		}
	}
	if s.bug == "waits for ever" {
		return s.read(p)
	}
	if s.err == nil {
		s.err = fmt.Errorf("toy: %w", io.ErrNoProgress)
	}
	return 0, s.err
}

// fill reads until p is full, or the error that kept it from being so.
func (s *toySource) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.read(p[n:])
		n += m
	}
	return n, err
}

// A toyReader reads what next yields, soundly but for its bug.
type toyReader struct {
	bug  string
	src  toySource
	next func(r *toyReader) ([]byte, error)
	out  []byte
	err  error

	index int
	held  []byte // of an encrypting reader, a byte read ahead; of a decrypting one, part of a segment
	kept  []byte
	turns int
}

func (r *toyReader) Read(p []byte) (int, error) {
	r.turns++
	if r.kept != nil {
		r.kept[0] ^= 1
		r.kept = nil
	}
	if len(p) == 0 && r.bug == "forwards empty reads" {
		return r.src.r.Read(p)
	}
	if len(p) == 0 && r.bug == "starts at an empty read" {
		r.more()
	}
	if len(p) == 0 && r.bug == "takes an empty buffer for the end" {
		return 0, io.EOF
	}
	if len(p) == 0 && len(r.out) > 0 {
		return 0, nil
	}
	if len(p) == 0 {
		return 0, r.err
	}
	if r.bug == "returns 0, nil" && r.turns%3 == 0 {
		return 0, nil
	}
	if err := r.more(); err != nil {
		if r.bug == "second error is io.EOF" {
			r.err = io.EOF
		}
		if r.bug == "goes on after an error" && err != io.EOF {
			r.err = nil
		}
		if r.bug == "yields more after its end" && r.turns > 1 {
			return copy(p, "x"), err
		}
		return 0, err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	switch r.bug {
	case "counts too much":
		return n + 1, nil
	case "counts more than its buffer":
		return len(p) + 1, nil
	case "never ends":
		r.out, r.err = []byte{1}, nil
	case "scribbles at the end of its buffer":
		if n < len(p) {
			p[len(p)-1] ^= 1
		}
	case "scribbles behind what it returns":
		copy(p[n:], "secret")
	case "writes behind its buffer":
		_ = append(p, 0)
	case "goes on using its buffer":
		r.kept = p
	}
	return n, nil
}

func (r *toyReader) more() error {
	for len(r.out) == 0 && r.err == nil {
		r.out, r.err = r.next(r)
	}
	if len(r.out) > 0 {
		return nil
	}
	return r.err
}

// A toyDecryptReader has WriteTo besides.
type toyDecryptReader struct{ toyReader }

func (r *toyDecryptReader) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		if err := r.more(); err == io.EOF && r.bug != "WriteTo returns io.EOF" || r.bug == "WriteTo overlooks errors" && err != nil {
			return n, nil
		} else if err != nil {
			return n, err
		}
		out := bytes.Clone(r.out)
		if r.bug == "WriteTo shows its buffer" && len(out) > 0 {
			out = append(out, out...)[:len(out)]
		}
		m, err := dst.Write(out[:len(out):cap(out)])
		switch {
		case m < 0 || m > len(r.out):
			err = errors.New("invalid count")
		case r.bug == "WriteTo overlooks short writes":
		case m < len(r.out) && err == nil:
			err = io.ErrShortWrite
		}
		if n += int64(m); r.bug == "WriteTo does not count" {
			n = 0
		}
		if err != nil {
			err = fmt.Errorf("toy: write: %w", err)
			if r.bug != "WriteTo forgets the sink's errors" {
				r.out, r.err = nil, err
			}
			return n, err
		}
		r.out = nil
	}
}

// toyEncrypt yields segments. It reads a byte ahead, to know the last.
func toyEncrypt(r *toyReader) ([]byte, error) {
	if r.held == nil {
		r.held = make([]byte, 0, toySegment+1)
	}
	b := make([]byte, toySegment+1-len(r.held))
	n, err := r.src.fill(b)
	r.held = append(r.held, b[:n]...)
	if err == io.EOF {
		return toySealSegment(r.index, true, r.held), err
	}
	if err != nil {
		return nil, err
	}
	out := toySealSegment(r.index, false, r.held[:toySegment])
	r.index++
	r.held = append(r.held[:0], r.held[toySegment])
	return out, nil
}

// toyDecrypt yields the plaintext of verified segments, the error with the
// last of them.
func toyDecrypt(r *toyReader) ([]byte, error) {
	const full = toySegment + toyTag
	b := make([]byte, full+1-len(r.held))
	n, err := r.src.fill(b)
	r.held = append(r.held, b[:n]...)
	if err != nil && err != io.EOF {
		return nil, err
	}
	in := r.held[:min(len(r.held), full)]
	out, ok := toyOpen(r.bug, r.index, err == io.EOF, in)
	r.held = r.held[len(in):]
	r.index++
	switch {
	case ok:
		return out, err
	case r.bug == "accepts a cut between segments" && len(in) == full && err == io.EOF:
		if out, ok := toyOpen(r.bug, r.index-1, false, in); ok {
			return out, err
		}
	case r.bug == "stops at its last segment":
		if out, ok := toyOpen(r.bug, r.index-1, true, in); ok {
			return out, io.EOF
		}
	case r.bug == "releases before it verifies":
		return out, errToy
	case r.bug == "reports a cut as an end" && err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	case r.bug == "names the tag":
		return nil, errors.New("toy: bad tag")
	}
	return nil, errToy
}

func toyOpen(bug string, index int, last bool, in []byte) ([]byte, bool) {
	if len(in) < toyTag {
		return nil, false
	}
	body, tag := in[:len(in)-toyTag], in[len(in)-toyTag:]
	want := toyMAC(index, last, body)
	switch bug {
	case "compares half of the tag":
		want, tag = want[:4], tag[:4]
	case "does not verify":
		want = tag
	case "does not bind the order":
		for i := range 10 {
			if other := toyMAC(i, last, body); bytes.Equal(other, tag) {
				want = other
			}
		}
	}
	return toyXOR(index, body), bytes.Equal(want, tag)
}

// toyDecryptWhole releases nothing before all is verified.
func toyDecryptWhole(r *toyReader) (out []byte, err error) {
	for err == nil {
		var p []byte
		p, err = toyDecrypt(r)
		out = append(out, p...)
	}
	if err != io.EOF {
		return nil, err
	}
	return out, err
}
