// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream/dare"
)

// blocked is a source that says what it is to read into, and goes on when it is
// told how much it has got.
type blocked struct {
	in  chan []byte
	out chan int
}

func (s *blocked) Read(p []byte) (int, error) {
	s.in <- p
	return <-s.out, io.EOF
}

// TestReadWhileReading reads a stream again while its source is still at work,
// as a transport may whose request was cancelled. That is not allowed; but the
// source must not write into what another stream seals.
func TestReadWhileReading(t *testing.T) {
	s := &blocked{make(chan []byte), make(chan int)}
	r := must(dare.NewDecryptReader(s, testKey))
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		r.Read(make([]byte, 10))
	}()
	room := <-s.in
	if _, err := r.Read(make([]byte, 10)); err == nil {
		t.Error("the second Read = nil, want an error")
	}
	plain := text(1000)
	var sealed [8]bytes.Buffer // more than the pool of sio has
	var writers [8]*dare.EncryptWriter
	for i := range writers {
		writers[i] = must(dare.NewEncryptWriter(&sealed[i], testKey))
		writers[i].Write(plain)
	}
	for i := range room {
		room[i] = 0xee
	}
	for i, w := range writers {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(must(dare.NewDecryptReader(&sealed[i], testKey))); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("stream %d has sealed what the source of another one has read: %v", i, err)
		}
	}
	s.out <- len(room)
	if v := <-done; v != nil {
		t.Errorf("the first Read panics: %v", v)
	}
}

// reentrant is a source that reads from the stream that reads it, once.
type reentrant struct {
	src, stream io.Reader
	asked       bool
	err         error
}

func (s *reentrant) Read(p []byte) (int, error) {
	if !s.asked {
		s.asked = true
		_, s.err = s.stream.Read(make([]byte, 10))
	}
	return s.src.Read(p)
}

// TestReadFromWithin: it is an error for the Read within and harms nothing.
func TestReadFromWithin(t *testing.T) {
	plain := text(1000)
	s := &reentrant{src: bytes.NewReader(seal(plain))}
	r := must(dare.NewDecryptReader(s, testKey))
	s.stream = r
	got, err := io.ReadAll(r)
	if s.err == nil {
		t.Error("the Read within = nil, want an error")
	}
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the Read outside = %d bytes, %v, want all", len(got), err)
	}
}
