// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

// A faultySink takes all bytes, or half of one write and then fails for once.
type faultySink struct {
	buf   bytes.Buffer
	fault error
}

func (s *faultySink) Write(p []byte) (int, error) {
	if s.fault == nil {
		return s.buf.Write(p)
	}
	err := s.fault
	s.fault = nil
	n, _ := s.buf.Write(p[:len(p)/2])
	return n, err
}

// A writerMachine is a writer with what is known of it.
type writerMachine struct {
	m     mode
	w     encryptWriter
	sink  *faultySink
	plain []byte // what it has accepted
	dead  error  // what every call returns from now on
	ended bool
}

// step compares the outcome of a call that was to add p.
func (s *writerMachine) step(t *rapid.T, p []byte, n int, err error, fault error) {
	switch {
	case s.ended || s.dead != nil:
		want := s.dead
		if s.ended {
			want = stream.ErrClosed
		}
		if n != 0 || err != want {
			t.Fatalf("%d, %v after the end, want 0, %v", n, err, want)
		}
	case err != nil:
		if fault == nil || !errors.Is(err, fault) || bare(err) {
			t.Fatalf("%v, want an error that wraps %v", err, fault)
		}
		s.dead = err
		s.plain = append(s.plain, p...)
	case n != len(p):
		t.Fatalf("%d of %d bytes, nil", n, len(p))
	default:
		s.plain = append(s.plain, p...)
	}
}

func (s *writerMachine) close(t *rapid.T) {
	fault := s.sink.fault
	err := s.w.Close()
	switch {
	case s.dead != nil:
		if err != s.dead {
			t.Fatalf("Close = %v, want %v again", err, s.dead)
		}
	case s.ended && err != nil:
		t.Fatalf("second Close = %v", err)
	case err != nil && (fault == nil || !errors.Is(err, fault)):
		t.Fatalf("Close = %v, want nil or %v", err, fault)
	case err != nil:
		s.dead = err
	default:
		s.ended = true
	}
}

// check: a stream that was closed well is whole, and any other is a start of the
// whole that has no end.
func (s *writerMachine) check(t *rapid.T) {
	whole, got := s.m.seal(s.plain), s.sink.buf.Bytes()
	if s.ended && !bytes.Equal(got, whole) {
		t.Fatalf("%d bytes after Close, want the %d of crypto/cipher", len(got), len(whole))
	}
	if !s.ended && (!bytes.HasPrefix(whole, got) || len(got) == len(whole)) {
		t.Fatalf("%d bytes of %d before the end, or others", len(got), len(whole))
	}
}

// TestWriterMachine calls the methods of writers in any order, while the source
// or the sink may fail.
func TestWriterMachine(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		rapid.Check(t, func(t *rapid.T) {
			s := &writerMachine{m: m, sink: new(faultySink)}
			s.w = m.writer(s.sink, 16*rapid.IntRange(1, 6).Draw(t, "blocks"))
			piece := rapid.Map(rapid.IntRange(0, 300), text)
			t.Repeat(map[string]func(*rapid.T){
				"Write": func(t *rapid.T) {
					p, fault := piece.Draw(t, "piece"), s.sink.fault
					n, err := s.w.Write(p)
					s.step(t, p, n, err, fault)
				},
				"ReadFrom": func(t *rapid.T) {
					p, fault := piece.Draw(t, "piece"), s.sink.fault
					n, err := s.w.ReadFrom(bytes.NewReader(p))
					s.step(t, p, int(n), err, fault)
				},
				"ReadFrom a source that fails": func(t *rapid.T) {
					if s.sink.fault != nil {
						t.Skip("two faults at once")
					}
					p := piece.Draw(t, "piece")
					n, err := s.w.ReadFrom(failAfter(p, io.ErrUnexpectedEOF))
					if err == nil {
						t.Fatal("ReadFrom does not see the source fail")
					}
					s.step(t, p, int(n), err, io.ErrUnexpectedEOF)
				},
				"Abort": func(t *rapid.T) {
					s.w.Abort(errFault)
					if s.dead == nil && !s.ended {
						if s.dead = s.w.Close(); !errors.Is(s.dead, errFault) {
							t.Fatalf("Close after Abort = %v", s.dead)
						}
					}
				},
				"sink": func(t *rapid.T) { s.sink.fault = errFault },
				"Close": func(t *rapid.T) {
					if rapid.IntRange(0, 5).Draw(t, "sure") == 0 {
						s.close(t)
					}
				},
				"": s.check,
			})
			s.close(t)
			s.check(t)
		})
	})
}

// TestReaderMachine calls the methods of readers in any order, on sound streams
// and on altered ones.
func TestReaderMachine(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		rapid.Check(t, func(t *rapid.T) {
			plain := text(rapid.IntRange(0, 700).Draw(t, "size"))
			body := m.seal(plain)
			altered := d.authentic && rapid.Bool().Draw(t, "altered")
			if altered {
				body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] ^= 1
			}
			r := d.open(bytes.NewReader(body), 16*rapid.IntRange(1, 6).Draw(t, "blocks"))
			var got []byte
			var end error
			took := func(n int, err error) {
				switch {
				case end != nil && (n != 0 || err != end):
					t.Fatalf("%d, %v after the end, want 0, %v", n, err, end)
				case err != nil && altered != (err == stream.ErrDecrypt):
					t.Fatalf("ended with %v, altered: %v", err, altered)
				case err == io.EOF && !bytes.Equal(got, plain):
					t.Fatalf("EOF after %d bytes of %d, or other ones", len(got), len(plain))
				case altered && d.buffered && len(got) > 0:
					t.Fatalf("%d bytes of an altered stream", len(got))
				case !altered && !bytes.HasPrefix(plain, got):
					t.Fatal("not how the plaintext begins")
				}
				end = err
			}
			t.Repeat(map[string]func(*rapid.T){
				"Read": func(t *rapid.T) {
					p := make([]byte, rapid.IntRange(1, 150).Draw(t, "n"))
					n, err := r.Read(p)
					got = append(got, p[:n]...)
					if n == 0 && err == nil {
						t.Fatal("Read = 0, nil")
					}
					took(n, err)
				},
				"Read nothing": func(t *rapid.T) {
					if n, err := r.Read(nil); n != 0 || end == nil && err != nil && (err != io.EOF || len(got) < len(plain)) {
						t.Fatalf("Read(nil) = %d, %v", n, err)
					}
				},
				"WriteTo": func(t *rapid.T) {
					if rapid.IntRange(0, 5).Draw(t, "sure") > 0 {
						return
					}
					var rest bytes.Buffer
					n, err := r.(io.WriterTo).WriteTo(&rest)
					got = append(got, rest.Bytes()...)
					if err == nil {
						err = io.EOF
					}
					took(int(n), err)
				},
			})
		})
	})
}

// TestSizesAroundEdges compares with crypto/cipher at all sizes around blocks,
// pages and what is commonly a buffer, in chunks of the real size.
func TestSizesAroundEdges(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, edge := range []int{0, 16, 32, 64, 512, 4096, 16384, 65536} {
			for _, n := range []int{edge - 1, edge, edge + 1} {
				if n < 0 {
					continue
				}
				if err := checkSize(m, stream.DefaultChunkSize, n); err != nil {
					t.Errorf("len=%d: %v", n, err)
				}
			}
		}
	})
}
