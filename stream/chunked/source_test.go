// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream/chunked"
)

// sourceFaults are what a source may fail with. None of them is an end.
var sourceFaults = []error{errors.New("the cable was pulled"), io.ErrUnexpectedEOF, fmt.Errorf("tar: %w", io.EOF)}

// cutSources yield p and then err, by a call of its own and with the last bytes.
func cutSources(p []byte, err error) []io.Reader {
	broken := io.MultiReader(bytes.NewReader(p), iotest.ErrReader(err))
	return []io.Reader{broken, iotest.DataErrReader(io.MultiReader(bytes.NewReader(p), iotest.ErrReader(err)))}
}

// wantFault fails the test unless err is want, wrapped.
func wantFault(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || err == io.EOF || err == io.ErrUnexpectedEOF {
		t.Fatalf("%s: error %v, want a wrapped %v", what, err, want)
	}
}

// wantNoStream fails the test if what came out is a stream of anything.
func wantNoStream(t *testing.T, what string, ct, plain []byte) {
	t.Helper()
	for name, open := range decrypters {
		if err := rejected(open, ct, plain); err != nil {
			t.Fatalf("%s: %d bytes came out, %s: %v", what, len(ct), name, err)
		}
	}
}

// TestSourceErrors lets the source of each type fail, at edges of chunks and runs
// and between them. Its error comes out and stays, and no end is written.
func TestSourceErrors(t *testing.T) {
	plain := text(run + chunk + 5)
	ct := seal(plain)
	for _, k := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, run - 1, run, run + 1, len(plain) - 1, len(plain)} {
		for _, fault := range sourceFaults {
			what := fmt.Sprintf("k=%d, %v", k, fault)
			for _, src := range cutSources(plain[:k], fault) {
				var out bytes.Buffer
				w := must(chunked.NewEncryptWriter(&out, testKey, testContext))
				_, err := w.ReadFrom(src)
				wantFault(t, what, err, fault)
				for range 2 {
					if again := w.Close(); again != err {
						t.Fatalf("%s: Close = %v, want %v", what, again, err)
					}
				}
				wantNoStream(t, what, out.Bytes(), plain)
			}
			for _, src := range cutSources(plain[:k], fault) {
				r := must(chunked.NewEncryptReader(src, testKey, testContext))
				got, err := io.ReadAll(r)
				wantFault(t, what, err, fault)
				if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
					t.Fatalf("%s: Read = %d, %v, want %v", what, n, again, err)
				}
				wantNoStream(t, what, got, plain)
			}
			for _, src := range cutSources(ct[:header+k], fault) {
				got, err := io.ReadAll(must(chunked.NewDecryptReader(src, testKey, testContext)))
				wantFault(t, what, err, fault)
				if len(got) > k || !bytes.HasPrefix(plain, got) {
					t.Fatalf("%s: %d bytes that are not how the plaintext begins", what, len(got))
				}
			}
		}
	}
}

// TestDropped: what was not closed, or was given up, is no stream.
func TestDropped(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, run, run + 1, 2 * run} {
		var out bytes.Buffer
		w := must(chunked.NewEncryptWriter(&out, testKey, testContext))
		must(w.Write(text(n)))
		wantNoStream(t, fmt.Sprint("written ", n), out.Bytes(), text(n))
		w.Abort(nil)
		if w.Close() == nil {
			t.Errorf("n=%d: Close after Abort = nil", n)
		}
		wantNoStream(t, fmt.Sprint("aborted ", n), out.Bytes(), text(n))
	}
}
