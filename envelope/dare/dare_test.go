// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/envelope/internal/format"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

func newKey(t testing.TB) wrap.Key {
	t.Helper()
	kek := make([]byte, 32)
	rand.Read(kek)
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSealer(t testing.TB, key wrap.Wrapper, empty bool, bind envelope.Binding) *envelope.Sealer {
	t.Helper()
	s, err := envelope.NewSealer(t.Context(), key, &envelope.SealOptions{Suite: dare.DARE2, Empty: empty, Bind: bind})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sealReader seals plain by the reader.
func sealReader(t testing.TB, s *envelope.Sealer, src io.Reader) ([]byte, error) {
	t.Helper()
	r, err := s.Reader(src)
	if err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(r)
}

func newWriter(t testing.TB, s *envelope.Sealer, dst io.Writer) envelope.Writer {
	t.Helper()
	w, err := s.Writer(dst)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t testing.TB, h *envelope.Header, key wrap.Unwrapper, body io.Reader, size int64) ([]byte, error) {
	t.Helper()
	opts := h.Required()
	o, err := envelope.NewOpener(t.Context(), h, key, &opts)
	if err != nil {
		return nil, err
	}
	r, err := o.Reader(body, size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestSIO: sio opens a body, given the key that the package comment names.
func TestSIO(t *testing.T) {
	key := newKey(t)
	for _, n := range []int{1, 65536, 65537, 300_000} {
		plain := bytes.Repeat([]byte("p"), n)
		s := newSealer(t, key, false, envelope.Binding{})
		h := s.Header()
		body, err := sealReader(t, s, bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		cek, err := key.Unwrap(t.Context(), h.Wrap, h.WrappedKey, wrap.Info{ContentAlg: "S3SEAL/DARE2"})
		if err != nil {
			t.Fatal(err)
		}
		derived, err := hkdf.Key(sha512.New, cek, h.IV, "s3seal dare2 v1\x00\x00", 32)
		if err != nil {
			t.Fatal(err)
		}
		r, err := sio.DecryptReader(bytes.NewReader(body), sio.Config{MinVersion: sio.Version20, Key: derived})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("sio reads %d bytes, %v; want %d", len(got), err, n)
		}
	}
}

// TestEmpty: an empty plaintext that was announced makes no bytes, by either way,
// and opens in every way.
func TestEmpty(t *testing.T) {
	key := newKey(t)
	pulled, written := newSealer(t, key, true, envelope.Binding{}), newSealer(t, key, true, envelope.Binding{})
	if n, err := pulled.CiphertextSize(0); n != 0 || err != nil {
		t.Errorf("CiphertextSize(0) = %d, %v", n, err)
	}
	if body, err := sealReader(t, pulled, strings.NewReader("")); len(body) != 0 || err != nil {
		t.Errorf("Reader yields %x, %v", body, err)
	}
	var body bytes.Buffer
	w := newWriter(t, written, &body)
	if n, err := w.ReadFrom(iotest.DataErrReader(strings.NewReader(""))); n != 0 || err != nil {
		t.Errorf("ReadFrom = %d, %v", n, err)
	}
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Errorf("Write of nothing = %d, %v", n, err)
	}
	if err := w.Close(); err != nil || body.Len() != 0 {
		t.Errorf("Close = %v, %d bytes", err, body.Len())
	}
	h := pulled.Header()
	for _, size := range []int64{0, -1} {
		if got, err := open(t, h, key, strings.NewReader(""), size); len(got) != 0 || err != nil {
			t.Errorf("size %d: %x, %v", size, got, err)
		}
	}
	if low, high, err := h.PlaintextSize(0); low != 0 || high != 0 || err != nil {
		t.Errorf("PlaintextSize(0) = %d, %d, %v", low, high, err)
	}
	testEmptyReads(t, h, key)
}

// testEmptyReads reads it at any offset.
func testEmptyReads(t *testing.T, h *envelope.Header, key wrap.Unwrapper) {
	t.Helper()
	opts := h.Required()
	o, err := envelope.NewOpener(t.Context(), h, key, &opts)
	if err != nil {
		t.Fatal(err)
	}
	at, err := o.ReaderAt(strings.NewReader(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := at.Size(); n != 0 || err != nil {
		t.Errorf("Size = %d, %v", n, err)
	}
	for off, want := range map[int64]error{0: io.EOF, 5: io.EOF} {
		if n, err := at.ReadAt(make([]byte, 1), off); n != 0 || err != want {
			t.Errorf("ReadAt from %d = %d, %v; want %v", off, n, err, want)
		}
	}
	if _, err := at.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt from -1 = %v", err)
	}
	if parts, err := o.CiphertextRanges(0, 0, 0); parts != nil || err != nil {
		t.Errorf("CiphertextRanges = %v, %v", parts, err)
	}
	if _, err := o.CiphertextRanges(0, 1, 0); !errors.Is(err, stream.ErrRange) {
		t.Errorf("CiphertextRanges of a byte = %v, want ErrRange", err)
	}
	r, err := o.RangeReader(strings.NewReader(""), 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); len(got) != 0 || err != nil {
		t.Errorf("RangeReader yields %x, %v", got, err)
	}
	if _, err := o.ReaderAt(strings.NewReader("x"), 1); err != envelope.ErrDecrypt {
		t.Errorf("ReaderAt of a byte = %v, want ErrDecrypt", err)
	}
}

// TestEmptyUnannounced: what turns out otherwise than announced fails for ever,
// before anything complete is written.
func TestEmptyUnannounced(t *testing.T) {
	key := newKey(t)
	if body, err := sealReader(t, newSealer(t, key, false, envelope.Binding{}), strings.NewReader("")); !errors.Is(err, dare.ErrEmpty) || len(body) > 0 {
		t.Errorf("Reader of nothing: %x, %v; want ErrEmpty", body, err)
	}
	var dst bytes.Buffer
	if err := newWriter(t, newSealer(t, key, false, envelope.Binding{}), &dst).Close(); !errors.Is(err, dare.ErrEmpty) || dst.Len() > 0 {
		t.Errorf("Writer of nothing: %v; want ErrEmpty", err)
	}
	if body, err := sealReader(t, newSealer(t, key, true, envelope.Binding{}), strings.NewReader("x")); !errors.Is(err, dare.ErrNotEmpty) || len(body) > 0 {
		t.Errorf("Reader of something: %x, %v; want ErrNotEmpty", body, err)
	}
	w := newWriter(t, newSealer(t, key, true, envelope.Binding{}), &dst)
	for range 2 {
		if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, dare.ErrNotEmpty) {
			t.Errorf("Write = %d, %v; want ErrNotEmpty", n, err)
		}
	}
	if err := w.Close(); !errors.Is(err, dare.ErrNotEmpty) || dst.Len() > 0 {
		t.Errorf("Close = %v; want ErrNotEmpty", err)
	}
	w = newWriter(t, newSealer(t, key, true, envelope.Binding{}), &dst)
	if n, err := w.ReadFrom(strings.NewReader("x")); n != 0 || !errors.Is(err, dare.ErrNotEmpty) || w.Close() != err {
		t.Errorf("ReadFrom = %d, %v; want ErrNotEmpty, also from Close", n, err)
	}
	s := newSealer(t, key, true, envelope.Binding{})
	if _, err := s.CiphertextSize(1); !errors.Is(err, dare.ErrNotEmpty) {
		t.Errorf("CiphertextSize(1) = %v, want ErrNotEmpty", err)
	}
	if _, err := s.CiphertextSize(-1); err == nil {
		t.Error("CiphertextSize(-1) = nil")
	}
	if _, err := newSealer(t, key, false, envelope.Binding{}).CiphertextSize(0); !errors.Is(err, dare.ErrEmpty) {
		t.Errorf("CiphertextSize(0) = %v, want ErrEmpty", err)
	}
}

// TestEmptyWriter: closed, aborted, and fed by a source that fails.
func TestEmptyWriter(t *testing.T) {
	key, cause := newKey(t), errors.New("source died")
	w := newWriter(t, newSealer(t, key, true, envelope.Binding{}), io.Discard)
	if err := w.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if w.Abort(cause); w.Close() != nil {
		t.Error("Abort after Close has changed what Close says")
	}
	for _, p := range [][]byte{nil, []byte("x")} {
		if _, err := w.Write(p); err != stream.ErrClosed {
			t.Errorf("Write of %d bytes after Close = %v, want ErrClosed", len(p), err)
		}
	}
	w = newWriter(t, newSealer(t, key, true, envelope.Binding{}), io.Discard)
	w.Abort(cause)
	if err := w.Close(); !errors.Is(err, cause) || !errors.Is(err, stream.ErrAborted) {
		t.Errorf("Close after Abort = %v, want both errors", err)
	}
	if _, err := w.ReadFrom(strings.NewReader("")); !errors.Is(err, cause) {
		t.Errorf("ReadFrom after Abort = %v", err)
	}
	for want, src := range map[error]io.Reader{cause: iotest.ErrReader(cause), io.ErrNoProgress: stuck{}, io.ErrUnexpectedEOF: iotest.ErrReader(io.ErrUnexpectedEOF)} {
		w = newWriter(t, newSealer(t, key, true, envelope.Binding{}), io.Discard)
		if _, err := w.ReadFrom(src); !errors.Is(err, want) || err == want || w.Close() != err {
			t.Errorf("ReadFrom = %v, want %v, wrapped, also from Close", err, want)
		}
		if _, err := sealReader(t, newSealer(t, key, true, envelope.Binding{}), src); !errors.Is(err, want) || err == want {
			t.Errorf("Reader = %v, want %v, wrapped", err, want)
		}
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestEmptied: whoever can write metadata and bodies cannot make an object
// empty, nor an empty one full, nor move it.
func TestEmptied(t *testing.T) {
	key, place := newKey(t), envelope.Binding{Key: "here"}
	s := newSealer(t, key, false, envelope.Binding{})
	full := s.Header()
	body, err := sealReader(t, s, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, full, key, strings.NewReader(""), -1); err != envelope.ErrDecrypt || len(got) > 0 {
		t.Errorf("body removed: %x, %v; want ErrDecrypt", got, err)
	}
	full.Empty = true
	if got, err := open(t, full, key, strings.NewReader(""), 0); err != envelope.ErrDecrypt || len(got) > 0 {
		t.Errorf("marked as empty: %x, %v; want ErrDecrypt", got, err)
	}
	empty := newSealer(t, key, true, envelope.Binding{}).Header()
	for _, size := range []int64{int64(len(body)), -1} {
		if got, err := open(t, empty, key, bytes.NewReader(body), size); err != envelope.ErrDecrypt || len(got) > 0 {
			t.Errorf("empty with a body: %x, %v; want ErrDecrypt", got, err)
		}
	}
	empty.Empty = false
	if got, err := open(t, empty, key, strings.NewReader(""), -1); err != envelope.ErrDecrypt || len(got) > 0 {
		t.Errorf("mark removed: %x, %v; want ErrDecrypt", got, err)
	}
	bound := newSealer(t, key, true, place).Header()
	for bind, want := range map[envelope.Binding]error{place: nil, {Key: "there"}: envelope.ErrDecrypt} {
		opts := bound.Required()
		opts.Bind = bind
		if _, err := envelope.NewOpener(t.Context(), bound, key, &opts); err != want {
			t.Errorf("bound to %v, asked for as %v: %v, want %v", place, bind, err, want)
		}
	}
}

// TestParamsPrintNothing: no verb shows a key on its way to a format.
func TestParamsPrintNothing(t *testing.T) {
	p := format.Params{Key: []byte("secret key"), Context: []byte("context")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb, p)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "params", p)
	if text := out.String(); strings.Contains(text, "secret") || strings.Contains(text, "736563") || strings.Contains(text, "115 101") {
		t.Errorf("printed: %s", text)
	}
}
