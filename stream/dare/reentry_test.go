// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/stream/internal/sourcetest"
)

// TestReadWhileReading reads a stream again while its source is still at work,
// as a transport may whose request was cancelled. That is not allowed; but the
// source must not write into what another stream seals.
func TestReadWhileReading(t *testing.T) {
	s := sourcetest.NewBlocked()
	r := must(dare.NewDecryptReader(s, testKey))
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		r.Read(make([]byte, 10))
	}()
	room := <-s.In
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
	s.Out <- len(room)
	if v := <-done; v != nil {
		t.Errorf("the first Read panics: %v", v)
	}
}

// TestReadFromWithin: it is an error for the Read within and harms nothing.
func TestReadFromWithin(t *testing.T) {
	plain := text(1000)
	s := &sourcetest.Reentrant{Reader: bytes.NewReader(seal(plain))}
	r := must(dare.NewDecryptReader(s, testKey))
	s.Stream = r
	got, err := io.ReadAll(r)
	if s.Err == nil {
		t.Error("the Read within = nil, want an error")
	}
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the Read outside = %d bytes, %v, want all", len(got), err)
	}
}
