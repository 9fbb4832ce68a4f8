// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
)

// faults are what a source or a sink can end with.
var faults = []error{errors.New("broken"), io.ErrUnexpectedEOF, io.EOF, io.ErrClosedPipe, io.ErrShortWrite, fmt.Errorf("wrapped: %w", io.EOF)}

// A pipe is a reader that turns in into something else.
type pipe struct {
	name string
	open func(src io.Reader) (io.Reader, error)
	in   []byte

	// judge compares what came out with what in is turned into: whether it is a
	// start of that, and all of it.
	judge func(in, got []byte) (good, whole bool)

	seals bool // a shorter in is as good, and what was broken off is not whole
	quiet bool // nothing may leave before in was complete
	full  bool // knows where in ends, and reads no further
}

// A sealer is a writer that turns plaintext into what open opens.
type sealer struct {
	name string
	new  func(dst io.Writer) (io.WriteCloser, error)
	want []byte // nil where it cannot be known
	open func(body []byte) (plain []byte, whole bool)
}

// pipes make all readers of streams.
var pipes = []func(t testing.TB, plain []byte) pipe{
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "GCMEncryptReader", in: plain, seals: true, open: wrapOpen(func(r io.Reader) (*stream.GCMEncryptReader, error) {
			return stream.NewGCMEncryptReader(r, testKey, testIV[:12], pipeAAD)
		}), judge: becomes(func(in []byte) []byte { return sealGCM(t, in, pipeAAD) })}
	},
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "CBCEncryptReader", in: plain, seals: true, open: wrapOpen(func(r io.Reader) (*stream.CBCEncryptReader, error) {
			return stream.NewCBCEncryptReader(r, testKey, testIV)
		}), judge: becomes(func(in []byte) []byte { return sealCBC(t, in) })}
	},
	func(_ testing.TB, plain []byte) pipe {
		return pipe{name: "chunked.EncryptReader", in: plain, seals: true, open: wrapOpen(func(r io.Reader) (*chunked.EncryptReader, error) {
			return chunked.NewEncryptReader(r, testKey, nil)
		}), judge: opensBy(func(got []byte) ([]byte, bool) { return testkit.ChunkedOpen(testKey, nil, got) })}
	},
	func(_ testing.TB, plain []byte) pipe {
		return pipe{name: "dare.EncryptReader", in: plain, seals: true, open: wrapOpen(func(r io.Reader) (*dare.EncryptReader, error) {
			return dare.NewEncryptReader(r, testKey)
		}), judge: opensBy(func(got []byte) ([]byte, bool) { return testkit.DAREOpen(testKey, got) })}
	},
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "CTRReader", in: plain, seals: true, open: wrapOpen(func(r io.Reader) (*stream.CTRReader, error) {
			return stream.NewCTRReader(r, testKey, testIV)
		}), judge: becomes(func(in []byte) []byte {
			out := bytes.Clone(in)
			cipher.NewCTR(newBlock(t, testKey), testIV).XORKeyStream(out, out)
			return out
		})}
	},
	func(t testing.TB, plain []byte) pipe {
		sealed := sealGCM(t, plain, pipeAAD)
		return pipe{name: "GCMDecryptReader", in: sealed, quiet: true, open: wrapOpen(func(r io.Reader) (*stream.GCMDecryptReader, error) {
			return stream.NewGCMDecryptReader(r, testKey, testIV[:12], pipeAAD, int64(len(sealed)))
		}), judge: is(plain)}
	},
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "GCMUnverifiedReader", in: sealGCM(t, plain, pipeAAD), open: wrapOpen(func(r io.Reader) (*stream.GCMUnverifiedReader, error) {
			return stream.NewGCMUnverifiedReader(r, testKey, testIV[:12], pipeAAD)
		}), judge: is(plain)}
	},
	func(t testing.TB, plain []byte) pipe {
		sealed := sealGCM(t, plain, pipeAAD) // one run of the scan
		return pipe{name: "GCMVerifiedReader", in: sealed, quiet: true, open: func(r io.Reader) (io.Reader, error) {
			scan, err := stream.ScanGCM(bytes.NewReader(sealed), testKey, testIV[:12], pipeAAD)
			if err != nil {
				return nil, err
			}
			return scan.Reader(r), nil
		}, judge: is(plain)}
	},
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "CBCDecryptReader", in: sealCBC(t, plain), open: wrapOpen(func(r io.Reader) (*stream.CBCDecryptReader, error) {
			return stream.NewCBCDecryptReader(r, testKey, testIV)
		}), judge: is(plain)}
	},
	func(t testing.TB, plain []byte) pipe {
		return pipe{name: "CTRRangeReader", in: sealGCM(t, plain, nil)[:len(plain)], full: true, open: wrapOpen(func(r io.Reader) (*stream.CTRRangeReader, error) {
			return stream.NewCTRRangeReader(r, testKey, testIV[:12], 0, int64(len(plain)))
		}), judge: is(plain)}
	},
	func(_ testing.TB, plain []byte) pipe {
		chunks := testkit.ChunkedSeal(testKey, append(testIV[:16:16], testIV[:8]...), nil, plain)
		return pipe{name: "chunked.DecryptReader", in: chunks, open: wrapOpen(func(r io.Reader) (*chunked.DecryptReader, error) {
			return chunked.NewDecryptReader(r, testKey, nil)
		}), judge: is(plain)}
	},
	func(_ testing.TB, plain []byte) pipe {
		return pipe{name: "dare.DecryptReader", in: testkit.DARESeal(testKey, testIV[:8], plain), open: wrapOpen(func(r io.Reader) (*dare.DecryptReader, error) {
			return dare.NewDecryptReader(r, testKey)
		}), judge: is(plain)}
	},
}

var pipeAAD = []byte("aad")

// is judges by what must come out.
func is(want []byte) func(in, got []byte) (good, whole bool) {
	return func(_, got []byte) (good, whole bool) { return bytes.HasPrefix(want, got), len(got) == len(want) }
}

// becomes judges by what must come out of any in.
func becomes(want func(in []byte) []byte) func(in, got []byte) (good, whole bool) {
	return func(in, got []byte) (good, whole bool) { return is(want(in))(in, got) }
}

// opensBy judges what is not the same twice by what it opens to.
func opensBy(open func(got []byte) ([]byte, bool)) func(in, got []byte) (good, whole bool) {
	return func(in, got []byte) (good, whole bool) {
		plain, whole := open(got)
		return bytes.HasPrefix(in, plain) && (!whole || len(plain) == len(in)), whole
	}
}

// wrapOpen makes a nil reader of a nil pointer.
func wrapOpen[R io.Reader](open func(io.Reader) (R, error)) func(io.Reader) (io.Reader, error) {
	return func(src io.Reader) (io.Reader, error) { return open(src) }
}

// sealers make all writers of streams.
var sealers = []func(t testing.TB, plain []byte) sealer{
	func(t testing.TB, plain []byte) sealer {
		want := sealGCM(t, plain, nil)
		return sealer{"GCMEncryptWriter", func(w io.Writer) (io.WriteCloser, error) {
			return stream.NewGCMEncryptWriter(w, testKey, testIV[:12], nil)
		}, want, func(body []byte) ([]byte, bool) { return plain, bytes.Equal(body, want) }}
	},
	func(t testing.TB, plain []byte) sealer {
		want := sealCBC(t, plain)
		return sealer{"CBCEncryptWriter", func(w io.Writer) (io.WriteCloser, error) {
			return stream.NewCBCEncryptWriter(w, testKey, testIV)
		}, want, func(body []byte) ([]byte, bool) { return plain, bytes.Equal(body, want) }}
	},
	func(testing.TB, []byte) sealer {
		return sealer{"chunked.EncryptWriter", func(w io.Writer) (io.WriteCloser, error) {
			return chunked.NewEncryptWriter(w, testKey, nil)
		}, nil, func(body []byte) ([]byte, bool) { return testkit.ChunkedOpen(testKey, nil, body) }}
	},
	func(testing.TB, []byte) sealer {
		return sealer{"dare.EncryptWriter", func(w io.Writer) (io.WriteCloser, error) {
			return dare.NewEncryptWriter(w, testKey)
		}, nil, func(body []byte) ([]byte, bool) { return testkit.DAREOpen(testKey, body) }}
	},
}

func sealGCM(t testing.TB, plain, aad []byte) []byte {
	return newAEAD(t, testKey).Seal(nil, testIV[:12], plain, aad)
}

// sealCBC is crypto/cipher in one call.
func sealCBC(t testing.TB, plain []byte) []byte {
	pad := stream.BlockSize - len(plain)%stream.BlockSize
	sealed := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(newBlock(t, testKey), testIV).CryptBlocks(sealed, sealed)
	return sealed
}

func faultSeeds(t testing.TB) (seeds [][]any) {
	for kind := range uint8(len(pipes) + len(sealers)) {
		for i := range uint8(24) {
			mode := i + i/6*modeSource // each fault with each of what else a mode is, but one
			seeds = append(seeds, []any{kind, uint32(kind)*4099 + 1, uint32(i) * 997, mode, []byte{i, 0, 3, kind}},
				[]any{kind, uint32(100), uint32(i) * 7, mode + modeOther, []byte{i, 0, 3, kind}})
		}
		seeds = append(seeds, []any{kind, uint32(200_000), uint32(1 << 30), uint8(0), []byte{200, 1, 0}}, []any{kind, uint32(40), uint32(40), uint8(7), []byte{2}})
	}
	for i, c := range cases(t) {
		if i%8 == 0 {
			seeds = append(seeds, []any{uint8(i), uint32(len(c.Body)), uint32(i), uint8(i), c.Body[:min(len(c.Body), 6)]})
		}
	}
	return seeds
}

// FuzzPipelineFaults: whatever a source or a sink does, what left is a start of
// the truth, nobody is told that it was all of it, and no call after the first
// error does anything.
func FuzzPipelineFaults(f *testing.F) {
	plant(f, faultSeeds(f))
	f.Fuzz(func(t *testing.T, kind uint8, size, at uint32, mode uint8, schedule []byte) {
		plain := pattern(max(1, small(size)))
		fault := faults[int(mode)%len(faults)]
		left := int(at) % (len(plain) + 1000) // some of them are never reached
		sink := &faultySink{left: left, fault: fault, short: mode&modeTwist != 0}
		source := func(data []byte) *faultySource {
			return &faultySource{scheduled{data: data, schedule: schedule}, left, fault, mode&modeTwist != 0}
		}
		k := int(kind) % (len(pipes) + len(sealers))
		if k < len(pipes) {
			p := pipes[k](t, plain)
			if mode&modeOther != 0 {
				checkDrain(t, p, sink, schedule)
			} else {
				checkReader(t, p, source(p.in), schedule)
			}
			return
		}
		s := sealers[k-len(pipes)](t, plain)
		if mode&modeSource != 0 && fault != io.EOF { // which is no fault of a source
			checkBrokenOff(t, s, source(plain))
		} else {
			checkWriter(t, s, plain, sink, schedule, mode&modeOther != 0)
		}
	})
}

// What a mode is besides its fault.
const (
	modeSource = 0x20 << iota // the source of a writer is what fails
	modeTwist                 // the fault comes with bytes, or a sink is short without a word
	modeOther                 // by WriteTo or ReadFrom
)

// A faultySource fails after left bytes, with the last of them or after them.
type faultySource struct {
	scheduled
	left  int
	fault error
	with  bool
}

func (s *faultySource) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, s.fault
	}
	n, err := s.scheduled.Read(p[:min(len(p), s.left)])
	if s.left -= n; s.left > 0 {
		return n, err
	}
	if s.with {
		return n, s.fault
	}
	return n, nil // that this was all is not what it will say
}

// checkReader reads all of a pipe.
func checkReader(t *testing.T, p pipe, src *faultySource, schedule []byte) {
	t.Helper()
	in, left := p.in, src.left
	reached := left < len(in) || left == len(in) && src.fault != io.EOF
	ended := src.fault == io.EOF // the source ends early, which is no error of its own
	if reached && ended && p.seals {
		in = in[:left]
	}
	r := must[io.Reader](t)(p.open(src))
	got, err := readAll(r, schedule)
	good, whole := p.judge(in, got)
	switch {
	case !good:
		t.Fatalf("%s: %d bytes that are no start of the truth", p.name, len(got))
	case !reached && err != nil:
		t.Fatalf("%s: %v without a reason", p.name, err)
	case err == nil && !whole:
		t.Fatalf("%s: the end is missing, and nothing has noticed", p.name)
	case err == nil && reached && !ended && !(p.full && left == len(in)):
		t.Fatalf("%s: an error of the source is lost", p.name)
	case err != nil && p.seals && p.name != "CTRReader" && whole:
		t.Fatalf("%s: %v, and what has come out is whole", p.name, err)
	case err != nil && p.quiet && len(got) > 0:
		t.Fatalf("%s: released %d bytes before the end", p.name, len(got))
	}
	if err != nil {
		checkFault(t, p.name, r, err, src.fault, ended)
	}
}

// checkFault wants an error to be about its cause, not to pass for an end, and
// to stay.
func checkFault(t *testing.T, name string, r io.Reader, err, fault error, ended bool) {
	t.Helper()
	if err == io.EOF || err == io.ErrUnexpectedEOF || !ended && !errors.Is(err, fault) {
		t.Fatalf("%s: %v, want it to wrap %v", name, err, fault)
	}
	for range 2 {
		if n, again := r.Read(make([]byte, 100)); n != 0 || again != err {
			t.Fatalf("%s: then %d bytes, %v; want %v again", name, n, again, err)
		}
	}
}

// A faultySink fails after left bytes, or takes fewer than it should without a
// word.
type faultySink struct {
	buf   bytes.Buffer
	left  int
	fault error
	short bool
}

func (s *faultySink) Write(p []byte) (int, error) {
	n := min(len(p), s.left)
	s.left -= n
	s.buf.Write(p[:n])
	if n < len(p) && !s.short {
		return n, s.fault
	}
	return n, nil
}

// checkDrain copies all of a pipe to a sink.
func checkDrain(t *testing.T, p pipe, sink *faultySink, schedule []byte) {
	t.Helper()
	r := must[io.Reader](t)(p.open(&scheduled{data: p.in, schedule: schedule}))
	n, err := io.Copy(sink, r)
	if n != int64(sink.buf.Len()) && !sink.short {
		t.Fatalf("%s: %d bytes, and %d arrived", p.name, n, sink.buf.Len())
	}
	if good, whole := p.judge(p.in, sink.buf.Bytes()); !good || (err == nil) != whole {
		t.Fatalf("%s: %d bytes arrived, a start of the truth: %t, all of it: %t, %v", p.name, sink.buf.Len(), good, whole, err)
	}
	if w, ok := r.(io.WriterTo); ok && err != nil {
		sink.left, n = 1<<30, int64(sink.buf.Len())
		if _, again := w.WriteTo(sink); again == nil || err == io.EOF || n != int64(sink.buf.Len()) {
			t.Fatalf("%s: goes on with %v after %v", p.name, again, err)
		}
	}
}

// checkBrokenOff has a writer read a source that fails.
func checkBrokenOff(t *testing.T, s sealer, src *faultySource) {
	t.Helper()
	plain, reached := src.data, src.left <= len(src.data)
	sink := &faultySink{left: 1 << 30}
	w := must[io.WriteCloser](t)(s.new(sink))
	_, err := w.(io.ReaderFrom).ReadFrom(src)
	closed := w.Close()
	opened, whole := s.open(sink.buf.Bytes())
	switch {
	case !reached && (err != nil || closed != nil || !whole || !bytes.Equal(opened, plain)):
		t.Fatalf("%s: ReadFrom = %v, Close = %v, whole: %t", s.name, err, closed, whole)
	case reached && (!errors.Is(err, src.fault) || err == io.ErrUnexpectedEOF || closed == nil || whole):
		t.Fatalf("%s: ReadFrom = %v, Close = %v, whole: %t; want %v", s.name, err, closed, whole, src.fault)
	case s.want != nil && !bytes.HasPrefix(s.want, sink.buf.Bytes()):
		t.Fatalf("%s: %d bytes that are no start of the truth", s.name, sink.buf.Len())
	}
}

// checkWriter writes all of plain, in pieces or by ReadFrom.
func checkWriter(t *testing.T, s sealer, plain []byte, sink *faultySink, schedule []byte, from bool) {
	t.Helper()
	w := must[io.WriteCloser](t)(s.new(sink))
	var first error
	if from {
		_, first = w.(io.ReaderFrom).ReadFrom(&scheduled{data: plain, schedule: schedule})
	} else {
		cut(plain, schedule, func(p []byte) {
			if first == nil {
				_, first = w.Write(p)
			}
		})
	}
	closed := w.Close()
	opened, whole := s.open(sink.buf.Bytes())
	switch {
	case first != nil && closed == nil:
		t.Fatalf("%s: Write = %v, and Close forgets it", s.name, first)
	case (closed == nil) != whole:
		t.Fatalf("%s: Close = %v, and what was written is whole: %t", s.name, closed, whole)
	case whole && !bytes.Equal(opened, plain):
		t.Fatalf("%s: opens to %d bytes, want %d", s.name, len(opened), len(plain))
	case s.want != nil && !bytes.HasPrefix(s.want, sink.buf.Bytes()):
		t.Fatalf("%s: %d bytes that are no start of the truth", s.name, sink.buf.Len())
	}
	if closed != nil {
		checkClosed(t, s.name, w, sink, closed)
	}
}

func checkClosed(t *testing.T, name string, w io.WriteCloser, sink *faultySink, closed error) {
	t.Helper()
	if cause := errors.Is(closed, sink.fault) || sink.short && errors.Is(closed, io.ErrShortWrite); !cause {
		t.Fatalf("%s: Close = %v, want it to wrap %v", name, closed, sink.fault)
	}
	n := sink.buf.Len()
	sink.left = 1 << 30
	if _, err := w.Write([]byte("more")); err == nil || w.Close() == nil || sink.buf.Len() != n {
		t.Fatalf("%s: goes on after %v", name, closed)
	}
}
