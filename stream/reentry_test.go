// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A blocked source hands out what it is to read into, and waits.
type blocked struct {
	in  chan []byte
	out chan int
}

func (s *blocked) Read(p []byte) (int, error) {
	s.in <- p
	return <-s.out, io.EOF
}

// TestReadWhileReading reads a stream again while its source is still at work,
// as a transport may whose request was cancelled. That is not allowed; but it
// must not give the source a buffer to write into that other streams use.
func TestReadWhileReading(t *testing.T) {
	s := &blocked{make(chan []byte), make(chan int)}
	r, err := NewGCMEncryptReader(s, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Read(make([]byte, 10))
	}()
	p := <-s.in
	if _, err := r.Read(make([]byte, 10)); err == nil {
		t.Error("the second Read = nil, want an error")
	}
	for range 8 { // all that the pool has
		c := engine.NewChunk()
		if &c[0] == &p[0] {
			t.Fatal("the buffer of a source that is at work was given to another stream")
		}
	}
	s.out <- 0
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
