// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

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

// wantNoStream fails the test if what came out is a stream of anything. No bytes
// at all are one to sio.
func wantNoStream(t *testing.T, what string, sealed, plain []byte) {
	t.Helper()
	for name, open := range map[string]func([]byte) ([]byte, error){"Read": decrypt, "WriteTo": decryptWhole, "ReadAt": readAt} {
		if got, err := open(sealed); err != stream.ErrDecrypt || !bytes.HasPrefix(plain, got) {
			t.Fatalf("%s: %d bytes came out, %s: %d bytes, %v, want ErrDecrypt", what, len(sealed), name, len(got), err)
		}
	}
}

// TestSourceErrors lets the source of each type fail, at edges of packages and
// between them. Its error comes out and stays, and no end is written.
func TestSourceErrors(t *testing.T) {
	const size = dare.PayloadSize
	plain := text(2*size + 50)
	sealed := seal(plain)
	for _, k := range []int{0, 1, size - 1, size, size + 1, 2*size - 1, 2 * size, len(plain) - 1, len(plain)} {
		for _, fault := range []error{errFault, io.ErrUnexpectedEOF, fmt.Errorf("tar: %w", io.EOF)} {
			what := fmt.Sprintf("k=%d, %v", k, fault)
			for _, src := range cutSources(plain[:k], fault) {
				var out bytes.Buffer
				w := must(dare.NewEncryptWriter(&out, testKey))
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
				r := must(dare.NewEncryptReader(src, testKey))
				got, err := io.ReadAll(r)
				wantFault(t, what, err, fault)
				if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
					t.Fatalf("%s: Read = %d, %v, want %v", what, n, again, err)
				}
				wantNoStream(t, what, got, plain)
			}
			for _, src := range cutSources(sealed[:k], fault) {
				got, err := io.ReadAll(must(dare.NewDecryptReader(src, testKey)))
				wantFault(t, what, err, fault)
				if len(got) > k || !bytes.HasPrefix(plain, got) {
					t.Fatalf("%s: %d bytes that are not how the plaintext begins", what, len(got))
				}
			}
		}
	}
}

// TestDropped: what was not closed, or was given up, is no stream, even where
// nothing has left yet.
func TestDropped(t *testing.T) {
	const size = dare.PayloadSize
	for _, n := range []int{0, 1, size - 1, size, size + 1, 2 * size, 2*size + 1} {
		var out bytes.Buffer
		w := must(dare.NewEncryptWriter(&out, testKey))
		must(w.Write(text(n)))
		wantNoStream(t, fmt.Sprint("written ", n), out.Bytes(), text(n))
		w.Abort(errFault)
		if err := w.Close(); !errors.Is(err, errFault) {
			t.Errorf("n=%d: Close after Abort = %v, want %v", n, err, errFault)
		}
		wantNoStream(t, fmt.Sprint("aborted ", n), out.Bytes(), text(n))
	}
}
