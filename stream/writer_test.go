// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

func TestClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, n := range []int{0, 1, 48, 100} {
			var buf bytes.Buffer
			w := m.writer(&buf, 48)
			if _, err := w.Write(text(n)); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := w.Close(); err != nil {
					t.Errorf("len=%d: Close = %v, want nil", n, err)
				}
			}
			if n, err := w.Write([]byte("x")); n != 0 || err != stream.ErrClosed {
				t.Errorf("Write after Close = %d, %v, want 0, ErrClosed", n, err)
			}
			if n, err := w.ReadFrom(panicking{}); n != 0 || err != stream.ErrClosed {
				t.Errorf("ReadFrom after Close = %d, %v, want 0, ErrClosed", n, err)
			}
			w.Abort(errFault) // as a deferred one would
			if err := w.Close(); err != nil {
				t.Errorf("Close after Close and Abort = %v, want nil", err)
			}
			if !bytes.Equal(buf.Bytes(), m.seal(text(n))) {
				t.Errorf("len=%d: not what crypto/cipher makes of it", n)
			}
		}
	})
}

// TestAbort checks that an aborted stream ends without what would make it
// valid.
func TestAbort(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		sealed := m.seal(text(200))
		for n := range 200 {
			for _, reason := range []error{nil, errFault, io.EOF, io.ErrUnexpectedEOF} {
				var buf bytes.Buffer
				w := m.writer(&buf, 48)
				if _, err := w.Write(text(200)[:n]); err != nil {
					t.Fatal(err)
				}
				had := buf.Len()
				w.Abort(reason)
				err := w.Close()
				if !errors.Is(err, stream.ErrAborted) || (reason != nil && !errors.Is(err, reason)) || bare(err) {
					t.Fatalf("Close after Abort(%v) = %v", reason, err)
				}
				if err := checkDead(w, err); err != nil {
					t.Fatal(err)
				}
				if buf.Len() != had || !bytes.HasPrefix(sealed, buf.Bytes()) {
					t.Fatalf("len=%d: Abort wrote %d bytes", n, buf.Len()-had)
				}
			}
		}
	})
}

// TestDropped checks that a stream whose writer was never closed is not all of
// it, and is rejected at every length: of CBC unless its plaintext happens to look
// like padding where it ends.
func TestDropped(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for n := range 200 {
			var buf bytes.Buffer
			if _, err := m.writer(&buf, 48).Write(text(n)); err != nil {
				t.Fatal(err)
			}
			sealed := m.seal(text(n))
			if buf.Len() >= len(sealed) || !bytes.HasPrefix(sealed, buf.Bytes()) {
				t.Fatalf("len=%d: %d bytes have left, want less than the %d of the stream", n, buf.Len(), len(sealed))
			}
			lucky := false // the plaintext itself may look like padding
			if m.name == "CBC" && buf.Len() > 0 {
				_, _, lucky = cbcOpen(buf.Bytes())
			}
			for _, d := range m.decrypt {
				if _, err := io.ReadAll(d.open(bytes.NewReader(buf.Bytes()), 48)); err != stream.ErrDecrypt && !lucky {
					t.Errorf("len=%d, %s: %v, want ErrDecrypt", n, d.name, err)
				}
			}
		}
	})
}

// TestWithheld pins what the documentation says about gathering: whole chunks
// leave, less does not, and a first chunk waits for the byte after it.
func TestWithheld(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		type step struct{ write, want int }
		for _, steps := range [][]step{
			{{47, 0}, {1, 0}, {1, 48}, {46, 48}, {1, 96}, {48, 144}, {100, 240}, {43, 240}, {1, 288}},
			{{48, 0}, {48, 96}},
			{{96, 96}, {1, 96}},
			{{200, 192}},
		} {
			var buf bytes.Buffer
			w := m.writer(&buf, 48)
			for _, s := range steps {
				if _, err := w.Write(text(s.write)); err != nil {
					t.Fatal(err)
				}
				if buf.Len() != s.want {
					t.Errorf("%v: after Write of %d: %d bytes have left, want %d", steps, s.write, buf.Len(), s.want)
				}
			}
		}
	})
}

// TestWriteKeepsOut checks that Write neither changes nor retains what it is
// given.
func TestWriteKeepsOut(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		plain := text(1000)
		for _, step := range []int{1, 7, 48, 49, 96, 130, 1000} {
			var buf bytes.Buffer
			w := m.writer(&buf, 48)
			scratch := make([]byte, 1000)
			for p := plain; len(p) > 0; p = p[min(step, len(p)):] {
				in := scratch[:copy(scratch, p[:min(step, len(p))])]
				if _, err := w.Write(in); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(in, p[:len(in)]) {
					t.Fatalf("step=%d: Write changed its argument", step)
				}
				clear(scratch)
			}
			if err := w.Close(); err != nil || !bytes.Equal(buf.Bytes(), m.seal(plain)) {
				t.Errorf("step=%d: Write retained its argument (Close = %v)", step, err)
			}
		}
	})
}

// TestSpareCapacity checks that a sink is not handed what lies in our buffers
// behind the ciphertext: that is where tags of pieces have been.
func TestSpareCapacity(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		sink := &tightSink{}
		w := m.writer(sink, 48)
		for _, n := range []int{1, 48, 200, 47, 500} {
			if _, err := w.Write(text(n)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := d.open(bytes.NewReader(m.seal(text(500))), 48).(io.WriterTo).WriteTo(sink); err != nil {
			t.Fatal(err)
		}
		if sink.calls == 0 || sink.spare != 0 {
			t.Errorf("%d of %d writes had spare capacity, want none", sink.spare, sink.calls)
		}
	})
}

type tightSink struct{ calls, spare int }

func (s *tightSink) Write(p []byte) (int, error) {
	s.calls++
	if cap(p) != len(p) {
		s.spare++
	}
	return len(p), nil
}

// TestReadKeepsInside puts canaries behind the buffer that is read into.
func TestReadKeepsInside(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(300)
		sealed := m.seal(plain)
		for _, size := range []int{1, 15, 16, 48, 64, 65, 299, 300, 301} {
			for _, r := range []io.Reader{
				d.open(bytes.NewReader(sealed), 48),
				m.reader(bytes.NewReader(plain), 48),
			} {
				buf := bytes.Repeat([]byte{0xcc}, size+32)
				for {
					n, err := r.Read(buf[:size])
					for i, b := range buf[size:] {
						if b != 0xcc {
							t.Fatalf("size=%d: Read wrote %d bytes behind its argument", size, i+1)
						}
					}
					if n == 0 && err == nil {
						t.Fatalf("size=%d: Read = 0, nil", size)
					}
					if err != nil {
						break
					}
				}
			}
		}
	})
}

// TestReentrantSink has a sink that calls the writer back. It is a mistake, but
// one that must not corrupt the stream.
func TestReentrantSink(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		sink := &reentrant{}
		w := m.writer(sink, 48)
		sink.w = w
		if _, err := w.Write(text(100)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sink.got, m.seal(text(100))) {
			t.Error("a Write from inside the sink changed the stream")
		}
		if sink.accepted {
			t.Error("a Write from inside the sink was accepted")
		}
	})
}

type reentrant struct {
	w        encryptWriter
	got      []byte
	accepted bool
}

func (s *reentrant) Write(p []byte) (int, error) {
	s.got = append(s.got, p...)
	n, err := s.w.Write([]byte("me too"))
	s.accepted = s.accepted || n != 0 || err == nil || s.w.Close() == nil
	return len(p), nil
}
