// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/wrap"
)

// A meanwhile is a source that does something else before its first byte.
type meanwhile struct {
	io.Reader
	do func()
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return m.Reader.Read(p)
}

type failedSource struct{ err error }

func (f failedSource) Read([]byte) (int, error) { return 0, f.err }

func instructionBucket(t *testing.T) *backend.Bucket {
	t.Helper()
	key := must(wrap.NewAESGCM(kek(32)))(t)
	return backend.NewBucket(mem.New(), key, key, &backend.Options{InstructionFile: true, AllowInstructionOverwrite: true})
}

// TestDeleteDuringInstructionPut: a delete takes the file away while the
// object is on its way. The put that succeeds leaves an object that opens.
func TestDeleteDuringInstructionPut(t *testing.T) {
	b := instructionBucket(t)
	src := &meanwhile{strings.NewReader("precious"), func() { b.Delete(t.Context(), "k") }}
	if _, err := b.Put(t.Context(), "k", src, -1, nil); err != nil {
		t.Fatalf("Put: %v", err)
	}
	wantObject(t, b, "k", []byte("precious"))
}

// TestTwoInstructionPuts: the one that is stored last wins, with its own file.
func TestTwoInstructionPuts(t *testing.T) {
	b := instructionBucket(t)
	put := func(data string) {
		if _, err := b.Put(t.Context(), "k", strings.NewReader(data), -1, nil); err != nil {
			t.Errorf("Put(%q): %v", data, err)
		}
	}
	src := &meanwhile{strings.NewReader("stored last"), func() { put("stored first") }}
	if _, err := b.Put(t.Context(), "k", src, -1, nil); err != nil {
		t.Fatalf("Put: %v", err)
	}
	wantObject(t, b, "k", []byte("stored last"))
}

// TestFailedInstructionPutSparesOthers: a put that fails takes back its own
// file only, not that of a put that has succeeded meanwhile.
func TestFailedInstructionPutSparesOthers(t *testing.T) {
	b := instructionBucket(t)
	failed := errors.New("source failed")
	src := &meanwhile{failedSource{failed}, func() {
		if _, err := b.Put(t.Context(), "k", strings.NewReader("of another"), -1, nil); err != nil {
			t.Errorf("Put: %v", err)
		}
	}}
	_, err := b.Put(t.Context(), "k", src, -1, nil)
	wantErr(t, "Put", err, failed)
	wantObject(t, b, "k", []byte("of another"))
}

// TestInstructionPutPanics: the file before is back also if the source has
// panicked and the caller lives on.
func TestInstructionPutPanics(t *testing.T) {
	b := instructionBucket(t)
	if _, err := b.Put(t.Context(), "k", strings.NewReader("old"), -1, nil); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of the source was swallowed")
			}
		}()
		b.Put(t.Context(), "k", panicking{strings.NewReader("half")}, -1, nil)
	}()
	wantObject(t, b, "k", []byte("old"))
}
