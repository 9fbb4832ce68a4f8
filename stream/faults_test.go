// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"errors"
	"io"
)

var errFault = errors.New("the cable was pulled")

// failAfter yields p and then err instead of io.EOF.
func failAfter(p []byte, err error) io.Reader { return &failing{p, err, false} }

// failWith yields p, and err together with its last bytes.
func failWith(p []byte, err error) io.Reader { return &failing{p, err, true} }

type failing struct {
	p    []byte
	err  error
	with bool
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.p)
	f.p = f.p[n:]
	if len(f.p) == 0 && (n == 0 || f.with) {
		return n, f.err
	}
	return n, nil
}

// A stuttering source returns (0, nil) the given number of times before each
// byte.
type stuttering struct {
	r     io.Reader
	times int
	n     int
}

func (s *stuttering) Read(p []byte) (int, error) {
	if s.n < s.times {
		s.n++
		return 0, nil
	}
	s.n = 0
	return s.r.Read(p[:1])
}

// lying returns n and err whatever it was asked for.
type lying struct {
	n   int
	err error
}

func (l lying) Read([]byte) (int, error)  { return l.n, l.err }
func (l lying) Write([]byte) (int, error) { return l.n, l.err }

// stepReader reads from r in steps of the given sizes, in turn.
type stepReader struct {
	r     io.Reader
	steps []int
	i     int
}

func (s *stepReader) Read(p []byte) (int, error) {
	n := s.steps[s.i%len(s.steps)]
	s.i++
	return s.r.Read(p[:min(n, len(p))])
}

// A fullSink takes left bytes and then fails with err, or writes short without
// an error if err is nil. It counts calls after its failure.
type fullSink struct {
	got    []byte
	left   int
	err    error
	failed bool
	after  int
}

func (s *fullSink) Write(p []byte) (int, error) {
	if s.failed {
		s.after++
	}
	if len(p) <= s.left {
		s.left -= len(p)
		s.got = append(s.got, p...)
		return len(p), nil
	}
	s.failed = true
	n := s.left
	s.left = 0
	s.got = append(s.got, p[:n]...)
	return n, s.err
}

// eofTwins are the errors that a careless layer mistakes for a proper end.
var eofTwins = []error{io.ErrUnexpectedEOF, errFault}

// bare says whether err itself is one that readers take for an end.
func bare(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// onlyReader hides every method of r but Read.
type onlyReader struct{ io.Reader }

// panicking is a source and sink that panics.
type panicking struct{}

func (panicking) Read([]byte) (int, error)  { panic("source") }
func (panicking) Write([]byte) (int, error) { panic("sink") }

// survive calls f and says whether it panicked.
func survive(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}
