// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// TestAbortFromSource has a source that aborts the writer that reads it, and
// then ends, fails or goes on as if nothing had happened.
func TestAbortFromSource(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, n := range []int{0, 10, 48, 100} {
			for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, nil} {
				var buf bytes.Buffer
				w := m.writer(&buf, 48)
				src := &abortingSource{w: w, r: bytes.NewReader(text(n)), err: end}
				got, err := w.ReadFrom(src)
				if got != int64(n) {
					t.Errorf("len=%d,end=%v: ReadFrom accepted %d bytes", n, end, got)
				}
				checkAborted(t, m, w, &buf, n, err)
				if src.after != 0 {
					t.Errorf("len=%d,end=%v: the source was read %d times after it had aborted", n, end, src.after)
				}
			}
		}
	})
}

// checkAborted checks that w has failed with the error of an Abort(errFault)
// and has ended nothing.
func checkAborted(t *testing.T, m mode, w encryptWriter, buf *bytes.Buffer, n int, err error) {
	t.Helper()
	if !errors.Is(err, errFault) || bare(err) {
		t.Errorf("len=%d: the call that was aborted returned %v, want a wrapped %v", n, err, errFault)
	}
	if err := checkDead(w, err); err != nil {
		t.Errorf("len=%d: %v", n, err)
	}
	if buf.Len() > n || !bytes.HasPrefix(m.seal(text(n)), buf.Bytes()) {
		t.Errorf("len=%d: %d bytes came out, want a prefix of at most %d", n, buf.Len(), n)
	}
}

type abortingSource struct {
	w     encryptWriter
	r     io.Reader
	err   error
	done  bool
	after int
}

func (s *abortingSource) Read(p []byte) (int, error) {
	if s.done {
		s.after++
	}
	n, err := s.r.Read(p)
	if err == nil {
		return n, nil
	}
	s.done = true
	s.w.Abort(errFault)
	s.w.Abort(errors.New("later"))
	if s.err == nil && s.after == 0 {
		return 1, nil
	}
	if s.err == nil {
		return 0, io.EOF
	}
	return 0, s.err
}

// TestAbortFromSink has a sink that aborts the writer that writes to it.
func TestAbortFromSink(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, feed := range feeds {
			for _, fault := range []error{nil, io.ErrShortWrite} {
				sink := &abortingSink{err: fault}
				w := m.writer(sink, 48)
				sink.w = w
				err := feed(w, text(150))
				checkAborted(t, m, w, &sink.got, 150, err)
				if sink.calls != 1 {
					t.Errorf("the sink was called %d times, want once", sink.calls)
				}
			}
		}
	})
}

// TestAbortInClose aborts when the end is on its way already: too late to keep
// it from the sink, but not to say so.
func TestAbortInClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		sink := &abortingSink{}
		w := m.writer(sink, 48)
		sink.w = w
		if _, err := w.Write(text(10)); err != nil {
			t.Fatal(err)
		}
		err := w.Close()
		if !errors.Is(err, errFault) {
			t.Errorf("Close = %v, want a wrapped %v", err, errFault)
		}
		if err := checkDead(w, err); err != nil {
			t.Error(err)
		}
	})
}

type abortingSink struct {
	w     encryptWriter
	got   bytes.Buffer
	err   error
	calls int
}

func (s *abortingSink) Write(p []byte) (int, error) {
	s.calls++
	s.w.Abort(errFault)
	s.got.Write(p)
	return len(p), s.err
}
