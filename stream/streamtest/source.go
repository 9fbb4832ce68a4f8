// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// The errors that sources and sinks of the suite fail with. The last one is
// what a broken download gives, and what some transports take for the end.
var (
	errSource = errors.New("connection reset by streamtest")
	errSink   = errors.New("disk full, says streamtest")

	sourceErrs = []error{errSource, io.ErrUnexpectedEOF}
)

// maxIdle is how often in a row a source or sink may be called to no purpose.
const maxIdle = 10_000

// A spinning is the panic that breaks an endless loop.
type spinning struct{ what string }

func (s spinning) Error() string { return s.what }

// A kind is a way in which a source yields its data.
type kind struct {
	split
	dataEOF bool // io.EOF comes with the last bytes
	scratch bool // the rest of the buffer is scribbled over, as io.Reader allows
}

func (k kind) String() string {
	name := k.name
	if k.scratch {
		name += ", scribbles over its buffer"
	}
	if k.dataEOF {
		name += ", and io.EOF with data"
	}
	return name
}

func plainKind(n int) kind { return kind{split: split{"plain source", []int{n + 1}}} }

func kinds(n int) []kind {
	list := []kind{
		plainKind(n),
		{split: split{"source that yields half of what is asked", []int{half}}},
		{split: split{"source that yields all", []int{n + 1}}, dataEOF: true},
		{split: split{"source that yields half of what is asked", []int{half}}, dataEOF: true},
		{split: split{"source that yields thirds", []int{n/3 + 1}}, scratch: true},
		{split: split{"source that yields nothing 99 times in a row", burst(n/16 + 1)}},
		{split: sourceOf(100, n)},
		{split: sourceOf(101, n), dataEOF: true, scratch: true},
	}
	one := split{fmt.Sprintf("source that yields %d at a time", smallest(n)), []int{smallest(n)}}
	return append(list, kind{split: one}, kind{split: one, dataEOF: true})
}

func sourceOf(seed uint64, n int) split {
	s := randomSplit(seed, n)
	s.name = "source that yields " + s.name
	return s
}

// burst is n bytes after 99 empty reads, which bufio has the patience for.
func burst(n int) []int { return append(make([]int, 99), n) }

// A fault is what goes wrong, a number of times, at a place in a source.
type fault struct {
	name  string
	times int
	with  bool // it comes with the last bytes before the place
	act   func(p []byte) (int, error)
	want  error // what errors.Is must find in the error, if not nil
}

// failures are sources that fail once. After that they go on as if nothing had
// been, so that a stream which has forgotten its error can be seen to go on.
func failures() []fault {
	var list []fault
	for _, err := range sourceErrs {
		act := func([]byte) (int, error) { return 0, err }
		list = append(list,
			fault{fmt.Sprintf("source fails with %q", err), 1, false, act, err},
			fault{fmt.Sprintf("source fails with %q and data", err), 1, true, act, err})
	}
	return list
}

// lies are counts that no Read may return.
func lies() []fault {
	lie := func(name string, n func(len int) int) fault {
		return fault{name: "source returns a count " + name, times: 1, act: func(p []byte) (int, error) {
			return n(len(p)), nil
		}}
	}
	return []fault{
		lie("of -1", func(int) int { return -1 }),
		lie("one too large", func(n int) int { return n + 1 }),
		lie("of the smallest int", func(int) int { return math.MinInt }),
		lie("of the largest int", func(int) int { return math.MaxInt }),
	}
}

// storm yields nothing, without an error, for a long time.
func storm() fault {
	return fault{
		name:  "source yields nothing 1000 times in a row",
		times: 1000,
		act:   func([]byte) (int, error) { return 0, nil },
		want:  io.ErrNoProgress,
	}
}

// A source yields data in the way of its kind, and goes wrong at byte at.
type source struct {
	kind
	data  []byte
	fault *fault
	at    int

	pos    int
	turn   int
	calls  int
	acts   int // calls that the fault has answered
	idle   int // calls in a row that moved nothing
	broken error
}

// Read has the contract of io.Reader, but for the fault.
func (s *source) Read(p []byte) (int, error) {
	s.calls++
	if s.idle++; s.idle > maxIdle {
		panic(spinning{"it calls the source for ever"})
	}
	if len(p) == 0 {
		s.broken = errors.New("it called its source with an empty buffer, in which iotest.DataErrReader loops for ever")
		return 0, nil
	}
	if s.pending() && s.pos == s.at {
		s.acts++
		return s.fault.act(p)
	}
	n := s.yield(p)
	switch {
	case s.pending() && s.fault.with && s.pos == s.at:
		s.acts++
		_, err := s.fault.act(nil)
		return n, err
	case s.pos < len(s.data) || s.pending():
		return n, nil
	case n == 0 || s.dataEOF:
		return n, io.EOF
	}
	return n, nil
}

func (s *source) pending() bool { return s.fault != nil && s.acts < s.fault.times }

// yield copies out the next bytes, but none from behind a fault.
func (s *source) yield(p []byte) int {
	if s.scratch {
		copy(p, bytes.Repeat([]byte{0x99}, len(p)))
	}
	end := len(s.data)
	if s.pending() && s.at > s.pos {
		end = s.at
	}
	size := s.size(s.turn)
	if s.turn++; size == half {
		size = (len(p) + 1) / 2
	}
	n := copy(p[:min(size, len(p))], s.data[s.pos:end])
	if s.pos += n; n > 0 {
		s.idle = 0
	}
	return n
}

// fired says whether the stream under test got to see the fault.
func (s *source) fired() bool { return s.acts > 0 }
