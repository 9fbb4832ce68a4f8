// SPDX-License-Identifier: Apache-2.0

// Package sourcetest tests what becomes of a stream whose source fails, and of one
// that is given up, alike for the formats of packages chunked and dare. It is for
// tests alone.
package sourcetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

// A Writer is a stream that is written to.
type Writer interface {
	io.WriteCloser
	io.ReaderFrom
	Abort(err error)
}

// A Format is what is tested. Each call of one of the first three functions makes
// a stream.
type Format struct {
	Writer  func(dst io.Writer) Writer
	Reader  func(src io.Reader) io.Reader // encrypts
	Decrypt func(src io.Reader) io.Reader

	// NoStream returns an error if out is a stream of anything, or if plaintext
	// comes out of it that is not how plain begins.
	NoStream func(out, plain []byte) error

	Header int // bytes of a stream before those of content
}

var errFault = errors.New("the cable was pulled")

// faults are what a source may fail with. None of them is an end.
var faults = []error{errFault, io.ErrUnexpectedEOF, fmt.Errorf("tar: %w", io.EOF)}

// cut yields p and then err, by a call of its own and with the last bytes.
func cut(p []byte, err error) []io.Reader {
	broken := func() io.Reader { return io.MultiReader(bytes.NewReader(p), iotest.ErrReader(err)) }
	return []io.Reader{broken(), iotest.DataErrReader(broken())}
}

// SourceErrors lets the source of each type fail at the places, which are sizes of
// plaintext. Its error comes out and stays, and no end is written. The stream
// sealed is that of plain.
func (f Format) SourceErrors(t *testing.T, plain, sealed []byte, places []int) {
	t.Helper()
	for _, k := range places {
		for _, fault := range faults {
			what := fmt.Sprintf("k=%d, %v", k, fault)
			for _, src := range cut(plain[:k], fault) {
				f.wantNotWritten(t, what, src, fault, plain)
			}
			for _, src := range cut(plain[:k], fault) {
				r := f.Reader(src)
				got, err := io.ReadAll(r)
				wantFault(t, what, err, fault)
				if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
					t.Fatalf("%s: Read = %d, %v, want 0, %v", what, n, again, err)
				}
				f.wantNoStream(t, what, got, plain)
			}
			for _, src := range cut(sealed[:f.Header+k], fault) {
				got, err := io.ReadAll(f.Decrypt(src))
				wantFault(t, what, err, fault)
				if len(got) > k || !bytes.HasPrefix(plain, got) {
					t.Fatalf("%s: %d bytes that are not how the plaintext begins", what, len(got))
				}
			}
		}
	}
}

func (f Format) wantNotWritten(t *testing.T, what string, src io.Reader, fault error, plain []byte) {
	t.Helper()
	var out bytes.Buffer
	w := f.Writer(&out)
	_, err := w.ReadFrom(src)
	wantFault(t, what, err, fault)
	for range 2 {
		if again := w.Close(); again != err {
			t.Fatalf("%s: Close = %v, want %v", what, again, err)
		}
	}
	f.wantNoStream(t, what, out.Bytes(), plain)
}

// Dropped checks that what was not closed, or was given up, is no stream, even
// where nothing has left yet.
func (f Format) Dropped(t *testing.T, plain []byte, sizes []int) {
	t.Helper()
	for _, n := range sizes {
		var out bytes.Buffer
		w := f.Writer(&out)
		if m, err := w.Write(plain[:n]); m != n || err != nil {
			t.Fatalf("Write = %d, %v, want %d, nil", m, err, n)
		}
		f.wantNoStream(t, fmt.Sprint("written ", n), out.Bytes(), plain[:n])
		w.Abort(errFault)
		if err := w.Close(); !errors.Is(err, errFault) {
			t.Errorf("n=%d: Close after Abort = %v, want %v", n, err, errFault)
		}
		f.wantNoStream(t, fmt.Sprint("aborted ", n), out.Bytes(), plain[:n])
	}
}

// wantFault fails the test unless err is want, wrapped.
func wantFault(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || err == io.EOF || err == io.ErrUnexpectedEOF {
		t.Fatalf("%s: error %v, want a wrapped %v", what, err, want)
	}
}

func (f Format) wantNoStream(t *testing.T, what string, out, plain []byte) {
	t.Helper()
	if err := f.NoStream(out, plain); err != nil {
		t.Fatalf("%s: %d bytes came out: %v", what, len(out), err)
	}
}
