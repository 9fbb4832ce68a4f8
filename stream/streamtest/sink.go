// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A refusal is how a sink goes wrong. It is given how many of the n bytes
// written lie before the place, m < n.
type refusal struct {
	name string
	all  bool // the sink takes all n bytes all the same
	act  func(m, n int) (int, error)
	want error // what errors.Is must find in the error, if not nil
	lie  bool  // the count is not true
}

func refusals() []refusal {
	return []refusal{
		{
			name: "sink fails", want: errSink,
			act: func(m, n int) (int, error) { return m, errSink },
		},
		{
			name: "sink takes all and fails", want: errSink, all: true,
			act: func(m, n int) (int, error) { return n, errSink },
		},
		{
			name: "sink fails with io.EOF", want: io.EOF,
			act: func(m, n int) (int, error) { return m, io.EOF },
		},
		{
			name: "sink takes less without an error", want: io.ErrShortWrite,
			act: func(m, n int) (int, error) { return m, nil },
		},
		{
			name: "sink returns a count of -1", lie: true,
			act: func(m, n int) (int, error) { return -1, nil },
		},
		{
			name: "sink returns a count one too large", lie: true, all: true,
			act: func(m, n int) (int, error) { return n + 1, nil },
		},
	}
}

// A sink takes what is written to it, and refuses byte number at.
type sink struct {
	most    int // bytes that it can be asked to take before it is a loop
	refusal *refusal
	at      int

	out    []byte
	ends   []int // len(out) after each call
	calls  int
	fired  bool
	broken error
}

// Write has the contract of io.Writer, but for the refusal.
func (s *sink) Write(p []byte) (int, error) {
	s.calls++
	if len(s.out) > s.most || s.calls > s.most+maxIdle {
		panic(spinning{"it calls the sink for ever"})
	}
	s.inspect(p)
	if s.refusal == nil || s.fired || len(s.out)+len(p) <= s.at {
		s.take(p)
		return len(p), nil
	}
	s.fired = true
	m := s.at - len(s.out)
	if s.refusal.all {
		s.take(p)
	} else {
		s.take(p[:m])
	}
	return s.refusal.act(m, len(p))
}

func (s *sink) take(p []byte) {
	s.out = append(s.out, p...)
	s.ends = append(s.ends, len(s.out))
}

// inspect looks at what a sink can see behind p, which a careless writer
// leaves there from its buffer: plaintext, or a tag that masks the hash key.
func (s *sink) inspect(p []byte) {
	spare := p[len(p):cap(p)]
	if n := len(spare) - bytes.Count(spare, []byte{0}); n > 0 && s.broken == nil {
		s.broken = fmt.Errorf("spare capacity: a sink given %d bytes can see %d more behind them", len(p), n)
	}
}

// Close is there to be noticed.
func (s *sink) Close() error {
	s.broken = errors.New("it closed the sink")
	return nil
}
