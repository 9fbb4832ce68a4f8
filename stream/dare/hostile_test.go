// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestEmpty: there is no stream of an empty plaintext.
func TestEmpty(t *testing.T) {
	var out bytes.Buffer
	w := must(dare.NewEncryptWriter(&out, testKey))
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Errorf("Write(nil) = %d, %v", n, err)
	}
	if n, err := w.ReadFrom(bytes.NewReader(nil)); n != 0 || err != nil {
		t.Errorf("ReadFrom of nothing = %d, %v", n, err)
	}
	for range 2 {
		if err := w.Close(); err != dare.ErrEmpty {
			t.Errorf("Close = %v, want ErrEmpty", err)
		}
	}
	r := must(dare.NewEncryptReader(bytes.NewReader(nil), testKey))
	for range 2 {
		if n, err := r.Read(make([]byte, 100)); n != 0 || err != dare.ErrEmpty {
			t.Errorf("Read = %d, %v, want 0, ErrEmpty", n, err)
		}
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes came out", out.Len())
	}
}

func TestArguments(t *testing.T) {
	for _, key := range [][]byte{nil, make([]byte, 16), make([]byte, 31), make([]byte, 33)} {
		_, w := dare.NewEncryptWriter(io.Discard, key)
		_, e := dare.NewEncryptReader(nil, key)
		_, d := dare.NewDecryptReader(nil, key)
		_, s := dare.NewSIODecryptReader(nil, key)
		_, a := dare.NewReaderAt(nil, 100, key)
		_, b := dare.NewSIOReaderAt(nil, 100, key)
		for i, err := range []error{w, e, d, s, a, b} {
			if err == nil || !strings.Contains(err.Error(), "key: want 32 bytes") {
				t.Errorf("constructor %d, key of %d bytes: %v", i, len(key), err)
			}
		}
	}
}

// TestKeyNotRetained changes the key once the constructors have returned.
func TestKeyNotRetained(t *testing.T) {
	key := bytes.Clone(testKey)
	plain := text(dare.PayloadSize + 10)
	sealed := seal(plain)
	var out bytes.Buffer
	w := must(dare.FixedEncryptWriter(&out, key, testNonce))
	e := must(dare.FixedEncryptReader(bytes.NewReader(plain), key, testNonce))
	d := must(dare.NewDecryptReader(bytes.NewReader(sealed), key))
	a := must(dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key))
	clear(key)
	w.Write(plain)
	w.Close()
	if !bytes.Equal(out.Bytes(), sealed) || !bytes.Equal(must(io.ReadAll(e)), sealed) || !bytes.Equal(must(io.ReadAll(d)), plain) {
		t.Error("a stream uses the key of its caller")
	}
	if n, err := a.ReadAt(make([]byte, 10), 5); n != 10 || err != nil {
		t.Errorf("ReadAt = %d, %v: the key of the caller is used", n, err)
	}
}

type funcReader func(p []byte) (int, error)

func (f funcReader) Read(p []byte) (int, error) { return f(p) }

type funcWriter func(p []byte) (int, error)

func (f funcWriter) Write(p []byte) (int, error) { return f(p) }

// TestPanic: a source or sink that panics leaves a stream that stays failed, and
// that a deferred Close does not bless.
func TestPanic(t *testing.T) {
	crash := func() { panic("crash") }
	survive := func(f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Error("it swallowed a panic")
			}
		}()
		f()
	}
	calls := 0
	src := funcReader(func(p []byte) (int, error) {
		if calls++; calls == 1 {
			return copy(p, text(100)), nil
		}
		crash()
		return 0, nil
	})
	var out bytes.Buffer
	w := must(dare.NewEncryptWriter(&out, testKey))
	survive(func() { w.ReadFrom(src) })
	if err := w.Close(); err == nil || out.Len() > 0 {
		t.Errorf("Close after a panic of the source = %v, %d bytes", err, out.Len())
	}

	w = must(dare.NewEncryptWriter(funcWriter(func([]byte) (int, error) { crash(); return 0, nil }), testKey))
	survive(func() { w.Write(text(200 << 10)) })
	if err := w.Close(); err == nil {
		t.Error("Close after a panic of the sink = nil")
	}

	calls = 0
	e := must(dare.NewEncryptReader(src, testKey))
	survive(func() { e.Read(make([]byte, 10)) })
	if n, err := e.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("Read after a panic of the source = %d, %v", n, err)
	}

	d := must(dare.NewDecryptReader(bytes.NewReader(seal(text(200<<10))), testKey))
	survive(func() { d.WriteTo(funcWriter(func([]byte) (int, error) { crash(); return 0, nil })) })
	if n, err := d.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("Read after a panic of the sink = %d, %v", n, err)
	}
}

// TestAbortInside calls Abort from the source and the sink, while the stream is
// using its buffers.
func TestAbortInside(t *testing.T) {
	var w *dare.EncryptWriter
	total := 0
	sink := funcWriter(func(p []byte) (int, error) {
		total += len(p)
		w.Abort(errFault)
		return len(p), nil
	})
	w = must(dare.NewEncryptWriter(sink, testKey))
	_, err := w.Write(text(200 << 10))
	if !errors.Is(err, stream.ErrAborted) || !errors.Is(err, errFault) || w.Close() != err || total != dare.PackageSize {
		t.Errorf("Write = %v, then Close = %v, want ErrAborted twice; %d bytes came out", err, w.Close(), total)
	}

	total = 0
	w = must(dare.NewEncryptWriter(sink, testKey))
	w.Write(text(100))
	if err := w.Close(); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("Close = %v, want ErrAborted", err)
	}

	var out bytes.Buffer
	w = must(dare.NewEncryptWriter(&out, testKey))
	_, err = w.ReadFrom(funcReader(func(p []byte) (int, error) {
		w.Abort(nil)
		return len(p), nil
	}))
	if err != stream.ErrAborted || w.Close() != err || out.Len() > 0 {
		t.Errorf("ReadFrom = %v, then Close = %v, want ErrAborted twice; %d bytes came out", err, w.Close(), out.Len())
	}
}

// TestBuffersCleared: sio's buffer, with plaintext in it, is given back, for
// which sio clears it, however a stream ends.
func TestBuffersCleared(t *testing.T) {
	sealed := seal(text(dare.PayloadSize + 100))
	bad := bytes.Clone(sealed)
	bad[len(bad)-1] ^= 1
	writer := func(dst io.Writer, end func(w *dare.EncryptWriter)) func() any {
		return func() any {
			w := must(dare.NewEncryptWriter(dst, testKey))
			inner := dare.Inner(w)
			w.Write(text(100))
			end(w)
			return inner
		}
	}
	reader := func(src io.Reader) func() any {
		return func() any {
			r := must(dare.NewDecryptReader(src, testKey))
			inner := dare.Inner(r)
			io.ReadAll(r)
			return inner
		}
	}
	broken := funcWriter(func([]byte) (int, error) { return 0, errFault })
	for name, run := range map[string]func() any{
		"Close":           writer(io.Discard, func(w *dare.EncryptWriter) { w.Close() }),
		"Abort":           writer(io.Discard, func(w *dare.EncryptWriter) { w.Abort(nil) }),
		"sink fails":      writer(broken, func(w *dare.EncryptWriter) { w.Write(text(200 << 10)) }),
		"sink fails late": writer(broken, func(w *dare.EncryptWriter) { w.Close() }),
		"source fails":    writer(io.Discard, func(w *dare.EncryptWriter) { w.ReadFrom(&once{first: errFault}) }),
		"decrypted":       reader(bytes.NewReader(sealed)),
		"bad":             reader(bytes.NewReader(bad)),
		"cut":             reader(bytes.NewReader(sealed[:dare.PackageSize])),
		"cut to nothing":  reader(bytes.NewReader(nil)),
		"source failed":   reader(io.MultiReader(bytes.NewReader(sealed[:70000]), &once{first: errFault})),
	} {
		if dare.Holds(run()) {
			t.Errorf("%s: the buffer was not given back", name)
		}
	}
	// Who knows the size does not ask for the end.
	r := must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	inner := dare.Inner(r)
	if _, err := io.ReadFull(r, make([]byte, dare.PayloadSize+100)); err != nil || dare.Holds(inner) {
		t.Errorf("read to the last byte: %v, buffer given back: %v", err, !dare.Holds(inner))
	}
}

// TestSealingCleared: an encrypting reader keeps neither key nor plaintext,
// however it ends.
func TestSealingCleared(t *testing.T) {
	large := text(20 * dare.PayloadSize)
	for name, src := range map[string]func() io.Reader{
		"ends":       func() io.Reader { return bytes.NewReader(text(100)) },
		"ends late":  func() io.Reader { return bytes.NewReader(large) },
		"nothing":    func() io.Reader { return bytes.NewReader(nil) },
		"fails":      func() io.Reader { return &once{first: errFault} },
		"fails late": func() io.Reader { return io.MultiReader(bytes.NewReader(large), &once{first: errFault}) },
	} {
		if dare.Holds(dare.SealOne(src(), testKey)) {
			t.Errorf("%s: sio has kept its buffer", name)
		}
		for _, size := range []int{1000, 100_000, 3 << 20} {
			r := must(dare.NewEncryptReader(src(), testKey))
			for p, err := make([]byte, size), error(nil); err == nil; {
				_, err = r.Read(p)
			}
			if !dare.Wiped(r) {
				t.Errorf("%s, read by %d: the key or a buffer was kept", name, size)
			}
		}
	}
}
