// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream/internal/engine"
	"github.com/s3seal/s3seal/stream/internal/sourcetest"
)

// TestReadWhileReading reads a stream again while its source is still at work,
// as a transport may whose request was cancelled. That is not allowed; but it
// must not give the source a buffer to write into that other streams use.
func TestReadWhileReading(t *testing.T) {
	s := sourcetest.NewBlocked()
	r, err := NewGCMEncryptReader(s, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Read(make([]byte, 10))
	}()
	p := <-s.In
	if _, err := r.Read(make([]byte, 10)); err == nil {
		t.Error("the second Read = nil, want an error")
	}
	for range 8 { // all that the pool has
		c := engine.NewChunk()
		if &c[0] == &p[0] {
			t.Fatal("the buffer of a source that is at work was given to another stream")
		}
	}
	s.Out <- 0
	<-done
}

// A scribbler fills what it is to read into, and then fails.
type scribbler struct{ n int }

func (s scribbler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xa5
	}
	return s.n, errors.New("bad checksum")
}

// TestScribblerCleared: a source may use its whole buffer before it fails, and
// the pool must not keep that.
func TestScribblerCleared(t *testing.T) {
	for _, n := range []int{0, 100, -1, 1 << 30} {
		r, err := NewGCMEncryptReader(scribbler{n}, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		buf := r.r.F.(*engine.EncryptFeed).Buf
		io.Copy(io.Discard, r)
		if bytes.Contains(buf[:], []byte{0xa5}) {
			t.Errorf("n=%d: plaintext left in the buffer of a reader", n)
		}
		w, err := NewGCMEncryptWriter(io.Discard, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		buf = w.w.Buf
		if _, err := w.ReadFrom(scribbler{n}); err == nil {
			t.Error("ReadFrom = nil, want an error")
		}
		if bytes.Contains(buf[:], []byte{0xa5}) {
			t.Errorf("n=%d: plaintext left in the buffer of a writer", n)
		}
	}
}

// A narrow sink takes so many bytes and then fails.
type narrow struct{ left int }

func (s *narrow) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// TestWriteCount: how much of p was accepted does not depend on the cores.
func TestWriteCount(t *testing.T) {
	for _, cores := range []int{1, 2} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		w, err := NewGCMEncryptWriter(&narrow{2 << 20}, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := w.Write(make([]byte, 4<<20)); n != 2<<20 || err == nil {
			t.Errorf("%d cores: Write = %d, %v, want %d and an error", cores, n, err, 2<<20)
		}
	}
}

// TestReadFromWithin: it is an error for the Read within, and no panic outside.
func TestReadFromWithin(t *testing.T) {
	key, iv := zeroBlock[:], zeroBlock[:GCMIVSize]
	for name, open := range map[string]func(src io.Reader) (io.Reader, error){
		"CBCRangeReader":  func(src io.Reader) (io.Reader, error) { return NewCBCRangeReader(src, key, zeroBlock[:], 32, 10, 96) },
		"CTRRangeReader":  func(src io.Reader) (io.Reader, error) { return NewCTRRangeReader(src, key, iv, 0, 64) },
		"its first block": func(src io.Reader) (io.Reader, error) { return NewCTRRangeReader(src, key, iv, 5, 50) },
		"CTRReader":       func(src io.Reader) (io.Reader, error) { return NewCTRReader(src, key, zeroBlock[:]) },
	} {
		s := &sourcetest.Reentrant{Reader: bytes.NewReader(make([]byte, 64))}
		r, err := open(s)
		if err != nil {
			t.Fatal(err)
		}
		s.Stream = r
		io.Copy(io.Discard, r)
		if s.Err == nil || s.Err == io.EOF {
			t.Errorf("%s: the Read within = %v, want an error", name, s.Err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: Read after that = %d, %v, want an error", name, n, err)
		}
	}
}

// TestCTRLetsGo: a stream that has ended, well or not, holds no key.
func TestCTRLetsGo(t *testing.T) {
	key, iv := zeroBlock[:], zeroBlock[:GCMIVSize]
	for name, src := range map[string]io.Reader{"end": bytes.NewReader(make([]byte, 64)), "failure": iotest.ErrReader(io.ErrClosedPipe)} {
		whole, err := NewCTRReader(src, key, zeroBlock[:])
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, whole)
		if whole.ctr != nil {
			t.Errorf("CTRReader, %s: has its key", name)
		}
	}
	for name, size := range map[string]int{"end": 64, "too short": 40, "too short for its first block": 1} {
		part, err := NewCTRRangeReader(bytes.NewReader(make([]byte, size)), key, iv, 5, 59)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.ReadFull(part, make([]byte, 59)) // no more than it has
		if (err == nil) != (size == 64) {
			t.Errorf("CTRRangeReader, %s: %d bytes, %v", name, n, err)
		}
		if part.ctr != nil {
			t.Errorf("CTRRangeReader, %s: has its key", name)
		}
	}
}

// panicky is a source that panics at its third call.
type panicky struct {
	room  []byte
	calls int
}

func (s *panicky) Read(p []byte) (int, error) {
	if s.calls++; s.calls == 3 {
		s.room = p
		panic("the source has failed")
	}
	return len(p), nil
}

// TestRunPanicKeepsBuffer: a source that did not return may still be writing; no
// other stream gets that buffer, also where all cores were at work.
func TestRunPanicKeepsBuffer(t *testing.T) {
	s := new(panicky)
	r, err := NewGCMEncryptReader(s, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		io.ReadFull(r, make([]byte, 2<<20))
	}()
	if s.room == nil {
		t.Fatal("the source was not called three times")
	}
	for range 64 {
		if c := engine.NewChunk(); &c[0] == &s.room[0] {
			t.Fatal("the buffer of a source that has panicked was given to another stream")
		}
	}
}
