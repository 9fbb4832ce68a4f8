// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// once panics the first time, and has ended then.
type once struct{ called bool }

func (s *once) Read([]byte) (int, error) {
	if !s.called {
		s.called = true
		panic("the source has failed")
	}
	return 0, io.EOF
}

// aborter aborts the writer that reads it.
type aborter struct{ w envelope.Writer }

func (s aborter) Read([]byte) (int, error) {
	s.w.Abort(nil)
	return 0, io.EOF
}

// emptySealer is one for an empty object.
func emptySealer(t *testing.T) *envelope.Sealer {
	t.Helper()
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s, err := envelope.NewSealer(t.Context(), key, &envelope.SealOptions{Suite: dare.DARE2, Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEmptyFaults: a source that panics, or whose writer is aborted meanwhile,
// was not found to be empty.
func TestEmptyFaults(t *testing.T) {
	panics := func(f func()) {
		defer func() {
			if recover() == nil {
				t.Error("want the panic of the source")
			}
		}()
		f()
	}
	w, err := emptySealer(t).Writer(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	panics(func() { w.ReadFrom(&once{}) })
	if err := w.Close(); err == nil {
		t.Error("Close after a source that has panicked = nil, want an error")
	}

	r, err := emptySealer(t).Reader(&once{})
	if err != nil {
		t.Fatal(err)
	}
	panics(func() { r.Read(make([]byte, 1)) })
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("Read after a source that has panicked = %v, want an error", err)
	}

	w, err = emptySealer(t).Writer(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReadFrom(aborter{w}); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("ReadFrom that was aborted = %v, want ErrAborted", err)
	}
	if err := w.Close(); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("Close = %v, want ErrAborted", err)
	}
}
