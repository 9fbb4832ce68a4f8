// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"pgregory.net/rapid"
)

var errCustom = errors.New("disk on fire, EOF")

// sourceErrors are what a source may fail with. None of them is an end.
var sourceErrors = []error{
	io.ErrUnexpectedEOF,
	fmt.Errorf("gzip: %w", io.ErrUnexpectedEOF),
	fmt.Errorf("tar: %w", io.EOF),
	io.ErrClosedPipe,
	errCustom,
}

// failAt returns a reader that delivers n bytes of data and then fails.
func failAt(data []byte, n int, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(err))
}

func TestBodyReaderIsAReader(t *testing.T) {
	data := pattern(1000)
	for _, size := range []int64{-1, 1000} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"plain":   func(r io.Reader) io.Reader { return r },
			"onebyte": iotest.OneByteReader,
			"half":    iotest.HalfReader,
			"dataerr": iotest.DataErrReader,
		} {
			r := backend.NewBodyReader(t.Context(), wrap(bytes.NewReader(data)), size)
			if err := iotest.TestReader(r, data); err != nil {
				t.Errorf("%s, size %d: %v", name, size, err)
			}
			if !r.Done() || r.N() != 1000 || r.Err() != nil {
				t.Errorf("%s, size %d: Done %v, N %d, Err %v", name, size, r.Done(), r.N(), r.Err())
			}
		}
	}
}

// TestBodyReaderSize compares every declared size with every true one. A body
// that is too long must not deliver as much as was declared, or else a driver
// that reads no further would store it.
func TestBodyReaderSize(t *testing.T) {
	for have := range 40 {
		for declared := range 40 {
			for _, step := range []int{1, 7, 64} {
				r := backend.NewBodyReader(t.Context(), bytes.NewReader(pattern(have)), int64(declared))
				n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, make([]byte, step))
				switch {
				case have == declared:
					if err != nil || int(n) != have {
						t.Fatalf("size %d: %d, %v", have, n, err)
					}
				case !errors.Is(err, backend.ErrSize) || r.Done():
					t.Fatalf("have %d, declared %d: error %v, want ErrSize", have, declared, err)
				case int(n) >= declared && declared > 0:
					t.Fatalf("have %d, declared %d: released %d", have, declared, n)
				}
			}
		}
	}
}

// TestBodyReaderLimit compares every limit with every true size, of bodies whose
// end comes by itself and with the last bytes. It counts for unknown sizes only.
func TestBodyReaderLimit(t *testing.T) {
	for have := range 40 {
		for limit := range 40 {
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"plain":   func(r io.Reader) io.Reader { return r },
				"onebyte": iotest.OneByteReader,
				"dataerr": iotest.DataErrReader,
			} {
				r := backend.NewBodyReader(t.Context(), wrap(bytes.NewReader(pattern(have))), -1)
				r.Limit(int64(limit))
				n, err := io.Copy(io.Discard, struct{ io.Reader }{r})
				if have <= limit && (err != nil || int(n) != have || !r.Done()) {
					t.Fatalf("%s: %d bytes, limit %d: %d, %v", name, have, limit, n, err)
				}
				if have > limit && (!errors.Is(err, backend.ErrSize) || int(n) > limit || r.Done()) {
					t.Fatalf("%s: %d bytes, limit %d: %d, %v, want ErrSize", name, have, limit, n, err)
				}
				r = backend.NewBodyReader(t.Context(), wrap(bytes.NewReader(pattern(have))), int64(have))
				r.Limit(int64(limit))
				if n, err := io.Copy(io.Discard, r); err != nil || int(n) != have {
					t.Fatalf("%s: %d bytes that are known, limit %d: %d, %v", name, have, limit, n, err)
				}
			}
		}
	}
}

func TestBodyReaderErrors(t *testing.T) {
	data := pattern(20)
	for _, cause := range sourceErrors {
		for at := range len(data) + 1 {
			for _, size := range []int64{-1, 20, 30} {
				r := backend.NewBodyReader(t.Context(), failAt(data, at, cause), size)
				_, err := io.ReadAll(r)
				wantErr(t, fmt.Sprintf("at %d, size %d", at, size), err, cause)
				_, again := r.Read(make([]byte, 1))
				if again != err || r.Err() != err || r.Done() {
					t.Errorf("%v at %d: second Read %v, Err %v, Done %v", cause, at, again, r.Err(), r.Done())
				}
			}
		}
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestBodyReaderHostile(t *testing.T) {
	for name, src := range map[string]readFunc{
		"negative count": func([]byte) (int, error) { return -1, nil },
		"count too big":  func(p []byte) (int, error) { return len(p) + 1, nil },
		"no progress":    func([]byte) (int, error) { return 0, nil },
	} {
		for _, size := range []int64{-1, 0, 5} {
			r := backend.NewBodyReader(t.Context(), src, size)
			if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
				t.Errorf("%s, size %d: Read = %d, %v", name, size, n, err)
			}
		}
	}
	r := backend.NewBodyReader(t.Context(), readFunc(func([]byte) (int, error) {
		t.Error("Read(nil) reached the source")
		return 0, nil
	}), -1)
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v", n, err)
	}
	_, err := backend.NewBodyReader(t.Context(), bytes.NewReader(nil), -2).Read(make([]byte, 1))
	wantErr(t, "size -2", err, backend.ErrSize)
}

func TestBodyReaderContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := backend.NewBodyReader(ctx, bytes.NewReader(pattern(100)), 100)
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err := io.ReadAll(r)
	wantErr(t, "after cancel", err, context.Canceled)
}

func TestRangeResolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 50).Draw(t, "size")
		bound := rapid.OneOf(rapid.Int64Range(-3, 60), rapid.Int64())
		r := &backend.Range{Offset: bound.Draw(t, "offset"), Length: bound.Draw(t, "length")}
		off, n, err := r.Resolve(size)
		valid := r.Offset >= 0 && r.Offset < size && (r.Length == -1 || r.Length > 0)
		if !valid {
			if !errors.Is(err, backend.ErrRange) {
				t.Fatalf("%+v of %d: %v, want ErrRange", r, size, err)
			}
			return
		}
		want := size - r.Offset
		if r.Length > 0 && r.Length < want {
			want = r.Length
		}
		if err != nil || off != r.Offset || n != want {
			t.Fatalf("%+v of %d: %d, %d, %v; want %d bytes", r, size, off, n, err, want)
		}
	})
	if off, n, err := (*backend.Range)(nil).Resolve(7); off != 0 || n != 7 || err != nil {
		t.Errorf("nil range of 7: %d, %d, %v", off, n, err)
	}
}
