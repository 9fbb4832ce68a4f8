// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream"
)

// TestSourceErrors lets the source of a writer fail after every byte: the
// error must come out, must not look like an end, must stick, and nothing that
// ends the stream may be written, whatever is called afterwards.
func TestSourceErrors(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		plain := text(150)
		sealed := m.seal(plain)
		for k := range len(plain) + 1 {
			for _, fault := range eofTwins {
				for _, src := range []io.Reader{failAfter(plain[:k], fault), failWith(plain[:k], fault)} {
					var buf bytes.Buffer
					w := m.writer(&buf, 48)
					n, err := w.ReadFrom(src)
					if n != int64(k) || !errors.Is(err, fault) || bare(err) {
						t.Fatalf("k=%d: ReadFrom = %d, %v, want %d and a wrapped %v", k, n, err, k, fault)
					}
					if err := checkDead(w, err); err != nil {
						t.Fatalf("k=%d: %v", k, err)
					}
					if buf.Len() > k || !bytes.HasPrefix(sealed, buf.Bytes()) {
						t.Fatalf("k=%d: %d bytes came out, want a prefix of at most %d", k, buf.Len(), k)
					}
				}
			}
		}
	})
}

// checkDead checks that every method of w repeats want and does nothing.
func checkDead(w encryptWriter, want error) error {
	if n, err := w.Write([]byte("more")); n != 0 || err != want {
		return fmt.Errorf("Write = %d, %v, want 0, %v", n, err, want)
	}
	if n, err := w.Write(nil); n != 0 || err != want {
		return fmt.Errorf("Write(nil) = %d, %v, want 0, %v", n, err, want)
	}
	if n, err := w.ReadFrom(panicking{}); n != 0 || err != want {
		return fmt.Errorf("ReadFrom = %d, %v, want 0, %v", n, err, want)
	}
	w.Abort(errors.New("later"))
	for range 2 {
		if err := w.Close(); err != want {
			return fmt.Errorf("Close = %v, want %v", err, want)
		}
	}
	return nil
}

// TestReaderSourceErrors lets the source of every reader fail after every
// byte: what came out before is a prefix of the truth, of a buffered stream
// nothing, and the error is never an end.
func TestReaderSourceErrors(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(150)
		sealed := m.seal(plain)
		for k := range len(sealed) + 1 {
			for _, fault := range eofTwins {
				for _, src := range []func([]byte, error) io.Reader{failAfter, failWith} {
					r := d.open(src(sealed[:k], fault), 48)
					limit := k
					if d.buffered {
						limit = 0
					}
					if err := checkFails(r, fault, plain, limit); err != nil {
						t.Fatalf("Read, k=%d: %v", k, err)
					}
					if k > len(plain) {
						continue
					}
					r = m.reader(src(plain[:k], fault), 48)
					if err := checkFails(r, fault, sealed, k); err != nil {
						t.Fatalf("encrypting Read, k=%d: %v", k, err)
					}
				}
			}
		}
	})
}

// checkFails reads r, which must fail with an error that wraps but is not
// want, after at most limit bytes that are a prefix of whole.
func checkFails(r io.Reader, want error, whole []byte, limit int) error {
	got, err := io.ReadAll(onlyReader{r})
	if !errors.Is(err, want) || bare(err) {
		return fmt.Errorf("error %v, want a wrapped %v", err, want)
	}
	if len(got) > limit || !bytes.HasPrefix(whole, got) {
		return fmt.Errorf("%d bytes came out, want a prefix of at most %d", len(got), limit)
	}
	return checkStuck(r, err)
}

// checkStuck checks that every method of r repeats want.
func checkStuck(r io.Reader, want error) error {
	for _, p := range [][]byte{nil, make([]byte, 1), make([]byte, 1000)} {
		if n, err := r.Read(p); n != 0 || err != want {
			return fmt.Errorf("Read(%d bytes) after the failure = %d, %v, want 0, %v", len(p), n, err, want)
		}
	}
	if w, ok := r.(io.WriterTo); ok {
		if n, err := w.WriteTo(panicking{}); n != 0 || err != want {
			return fmt.Errorf("WriteTo after the failure = %d, %v, want 0, %v", n, err, want)
		}
	}
	return nil
}

// TestSinkErrors lets the sink fail, or take less than it was given, at every
// byte.
func TestSinkErrors(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		plain := text(150)
		sealed := m.seal(plain)
		for i := range 3 * len(sealed) {
			k, feed := i/3, feeds[i%3]
			for _, fault := range []error{nil, errFault, io.EOF} {
				want := fault
				if want == nil {
					want = io.ErrShortWrite
				}
				sink := &fullSink{left: k, err: fault}
				w := m.writer(sink, 48)
				err := feed(w, plain)
				if err == nil {
					err = w.Close()
				}
				if !errors.Is(err, want) || bare(err) {
					t.Fatalf("k=%d: error %v, want a wrapped %v", k, err, want)
				}
				if err := checkDead(w, err); err != nil {
					t.Fatalf("k=%d: %v", k, err)
				}
				if sink.after != 0 || !bytes.Equal(sink.got, sealed[:k]) {
					t.Fatalf("k=%d: sink got %x and %d more calls, want %x and none", k, sink.got, sink.after, sealed[:k])
				}
			}
		}
	})
}

// feeds are the ways to give p to a writer.
var feeds = []func(w encryptWriter, p []byte) error{
	func(w encryptWriter, p []byte) error { _, err := w.Write(p); return err },
	func(w encryptWriter, p []byte) error { _, err := w.ReadFrom(bytes.NewReader(p)); return err },
	func(w encryptWriter, p []byte) (err error) {
		for ; len(p) > 0 && err == nil; p = p[1:] {
			_, err = w.Write(p[:1])
		}
		return err
	},
}

// TestWriteToSinkErrors does the same for the decrypting side.
func TestWriteToSinkErrors(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(150)
		for k := range len(plain) {
			for _, fault := range []error{nil, errFault} {
				want := fault
				if want == nil {
					want = io.ErrShortWrite
				}
				sink := &fullSink{left: k, err: fault}
				r := d.open(bytes.NewReader(m.seal(plain)), 48)
				n, err := r.(io.WriterTo).WriteTo(sink)
				if n != int64(k) || !errors.Is(err, want) {
					t.Fatalf("k=%d: WriteTo = %d, %v, want %d, %v", k, n, err, k, want)
				}
				if err := checkStuck(r, err); err != nil {
					t.Fatalf("k=%d: %v", k, err)
				}
				if sink.after != 0 || !bytes.Equal(sink.got, plain[:k]) {
					t.Fatalf("k=%d: sink got %d bytes and %d more calls", k, len(sink.got), sink.after)
				}
			}
		}
	})
}

// TestNoProgress lets sources return (0, nil): 99 times in a row is slow, 100
// times is broken.
func TestNoProgress(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(60)
		slow := func(p []byte) io.Reader { return &stuttering{r: bytes.NewReader(p), times: 99} }
		stuck := &stuttering{r: bytes.NewReader(plain), times: 100}
		if err := checkReader(d.open(slow(m.seal(plain)), 48), plain); err != nil {
			t.Errorf("99 empty reads: %v", err)
		}
		if err := checkFails(d.open(stuck, 48), io.ErrNoProgress, nil, 0); err != nil {
			t.Errorf("100 empty reads: %v", err)
		}
		if stuck.n != 100 {
			t.Errorf("source was read %d times, want 100", stuck.n)
		}
		if err := checkFails(m.reader(lying{}, 48), io.ErrNoProgress, nil, 0); err != nil {
			t.Errorf("encrypting reader: %v", err)
		}
		w := m.writer(io.Discard, 48)
		_, err := w.ReadFrom(lying{})
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("ReadFrom = %v, want ErrNoProgress", err)
		}
		if err := checkDead(w, err); err != nil {
			t.Error(err)
		}
	})
}

// TestLyingCounts gives sources and sinks that claim what cannot be.
func TestLyingCounts(t *testing.T) {
	const want = "invalid count"
	for _, n := range []int{-1, 1 << 30} {
		for _, err := range []error{nil, io.EOF, errFault} {
			lie := lying{n, err}
			t.Run(fmt.Sprintf("n=%d,err=%v", n, err), func(t *testing.T) {
				eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
					for name, r := range map[string]io.Reader{"decrypting": d.open(lie, 48), "encrypting": m.reader(lie, 48)} {
						got, err := io.ReadAll(r)
						if len(got) != 0 || err == nil || !strings.Contains(err.Error(), want) {
							t.Errorf("%s Read: %d bytes, %v, want %q", name, len(got), err, want)
						}
						if err := checkStuck(r, err); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
					w := m.writer(io.Discard, 48)
					_, err := w.ReadFrom(lie)
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("ReadFrom = %v, want %q", err, want)
					}
					if err := checkDead(w, err); err != nil {
						t.Error(err)
					}
					w = m.writer(lie, 48)
					if _, err := w.Write(text(200)); err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("Write to a lying sink = %v, want %q", err, want)
					}
					r := d.open(bytes.NewReader(m.seal(text(200))), 48)
					if k, err := r.(io.WriterTo).WriteTo(lie); k != 0 || err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("WriteTo a lying sink = %d, %v, want 0, %q", k, err, want)
					}
				})
			})
		}
	}
}

// TestTimeout has a source that fails once and would go on: the stream does
// not.
func TestTimeout(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(200)
		src := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(m.seal(plain))))
		if err := checkFails(d.open(src, 48), iotest.ErrTimeout, plain, 0); err != nil {
			t.Error(err)
		}
		src = iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(plain)))
		if err := checkFails(m.reader(src, 48), iotest.ErrTimeout, plain, 0); err != nil {
			t.Errorf("encrypting: %v", err)
		}
	})
}

// TestPanics lets sources and sinks panic under a caller who recovers and
// closes, as a deferred Close does.
func TestPanics(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		var buf bytes.Buffer
		w := m.writer(&buf, 48)
		if _, err := w.Write(text(60)); err != nil {
			t.Fatal(err)
		}
		if !survive(func() { w.ReadFrom(panicking{}) }) {
			t.Fatal("ReadFrom swallowed the panic")
		}
		had := buf.Len()
		if err := w.Close(); err == nil || buf.Len() != had {
			t.Errorf("Close after a panic = %v with %d bytes more, want an error and none", err, buf.Len()-had)
		}

		w = m.writer(panicking{}, 48)
		if !survive(func() { w.Write(text(200)) }) {
			t.Fatal("Write swallowed the panic")
		}
		if err := w.Close(); err == nil {
			t.Error("Close after a panic of the sink succeeded")
		}

		r := d.open(bytes.NewReader(m.seal(text(200))), 48)
		if !survive(func() { r.(io.WriterTo).WriteTo(panicking{}) }) {
			t.Fatal("WriteTo swallowed the panic")
		}
		if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || bare(err) {
			t.Errorf("Read after a panic of the sink = %d, %v, want 0 and an error", n, err)
		}

		for _, r := range []io.Reader{
			d.open(panicking{}, 48),
			m.reader(panicking{}, 48),
			must(stream.NewCTRReader(panicking{}, testKey, testIV2)),
			must(stream.NewCTRRangeReader(panicking{}, testKey, testIV, 5, 10)),
		} {
			if !survive(func() { r.Read(make([]byte, 10)) }) {
				t.Fatal("Read swallowed the panic")
			}
			if survive(func() { r.Read(make([]byte, 10)) }) {
				t.Fatalf("%T: the source was called again after its panic", r)
			}
			if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || bare(err) {
				t.Errorf("%T: Read after a panic = %d, %v, want 0 and an error", r, n, err)
			}
		}
	})
}

// TestEmptyRead checks that a Read of nothing does not touch the source.
func TestEmptyRead(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		readers := []io.Reader{
			d.open(panicking{}, 48),
			m.reader(panicking{}, 48),
			must(stream.NewCTRReader(panicking{}, testKey, testIV2)),
			must(stream.NewCTRRangeReader(panicking{}, testKey, testIV, 5, 10)),
		}
		for _, r := range readers {
			for _, p := range [][]byte{nil, {}} {
				if n, err := r.Read(p); n != 0 || err != nil {
					t.Errorf("%T: Read(empty) = %d, %v, want 0, nil", r, n, err)
				}
			}
		}
	})
}
