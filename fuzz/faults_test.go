// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
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

// A pipe is a reader that turns in into out.
type pipe struct {
	name    string
	open    func(src io.Reader) (io.Reader, error)
	in, out []byte // out is nil where it cannot be known
	quiet   bool   // nothing may leave before in was complete
	cut     bool   // a shorter in is as good
}

// A sealer is a writer that turns plaintext into what open opens.
type sealer struct {
	name string
	new  func(dst io.Writer) (io.WriteCloser, error)
	want []byte // nil where it cannot be known
	open func(body []byte) (plain []byte, whole bool)
}

// pipes are all readers of streams.
func pipes(t testing.TB, plain []byte) []pipe {
	iv, aad := testIV[:12], []byte("aad")
	sealed, cbc := newAEAD(t, testKey).Seal(nil, iv, plain, aad), sealCBC(t, plain)
	chunks := testkit.ChunkedSeal(testKey, append(testIV[:16:16], testIV[:8]...), nil, plain)
	packages := testkit.DARESeal(testKey, testIV[:8], plain)
	n := int64(len(sealed))
	return []pipe{
		{"GCMEncryptReader", wrapOpen(func(r io.Reader) (*stream.GCMEncryptReader, error) {
			return stream.NewGCMEncryptReader(r, testKey, iv, aad)
		}), plain, sealed, false, true},
		{"CBCEncryptReader", wrapOpen(func(r io.Reader) (*stream.CBCEncryptReader, error) {
			return stream.NewCBCEncryptReader(r, testKey, testIV)
		}), plain, cbc, false, true},
		{"chunked.EncryptReader", wrapOpen(func(r io.Reader) (*chunked.EncryptReader, error) { return chunked.NewEncryptReader(r, testKey, nil) }), plain, nil, false, true},
		{"dare.EncryptReader", wrapOpen(func(r io.Reader) (*dare.EncryptReader, error) { return dare.NewEncryptReader(r, testKey) }), plain, nil, false, true},
		{"GCMDecryptReader", wrapOpen(func(r io.Reader) (*stream.GCMDecryptReader, error) {
			return stream.NewGCMDecryptReader(r, testKey, iv, aad, n)
		}), sealed, plain, true, false},
		{"GCMUnverifiedReader", wrapOpen(func(r io.Reader) (*stream.GCMUnverifiedReader, error) {
			return stream.NewGCMUnverifiedReader(r, testKey, iv, aad)
		}), sealed, plain, false, false},
		{"CBCDecryptReader", wrapOpen(func(r io.Reader) (*stream.CBCDecryptReader, error) {
			return stream.NewCBCDecryptReader(r, testKey, testIV)
		}), cbc, plain, false, false},
		{"CTRReader", wrapOpen(func(r io.Reader) (*stream.CTRReader, error) { return stream.NewCTRReader(r, testKey, testIV) }), plain, nil, false, true},
		{"CTRRangeReader", wrapOpen(func(r io.Reader) (*stream.CTRRangeReader, error) {
			return stream.NewCTRRangeReader(r, testKey, iv, 0, int64(len(plain)))
		}), sealed[:len(plain)], plain, false, false},
		{"chunked.DecryptReader", wrapOpen(func(r io.Reader) (*chunked.DecryptReader, error) { return chunked.NewDecryptReader(r, testKey, nil) }), chunks, plain, false, false},
		{"dare.DecryptReader", wrapOpen(func(r io.Reader) (*dare.DecryptReader, error) { return dare.NewDecryptReader(r, testKey) }), packages, plain, false, false},
	}
}

// wrapOpen makes a nil reader of a nil pointer.
func wrapOpen[R io.Reader](open func(io.Reader) (R, error)) func(io.Reader) (io.Reader, error) {
	return func(src io.Reader) (io.Reader, error) { return open(src) }
}

// sealers are all writers of streams.
func sealers(t testing.TB, plain []byte) []sealer {
	iv := testIV[:12]
	gcm, cbc := newAEAD(t, testKey).Seal(nil, iv, plain, nil), sealCBC(t, plain)
	same := func(want []byte) func([]byte) ([]byte, bool) {
		return func(body []byte) ([]byte, bool) { return plain, bytes.Equal(body, want) }
	}
	return []sealer{
		{"GCMEncryptWriter", func(w io.Writer) (io.WriteCloser, error) { return stream.NewGCMEncryptWriter(w, testKey, iv, nil) }, gcm, same(gcm)},
		{"CBCEncryptWriter", func(w io.Writer) (io.WriteCloser, error) { return stream.NewCBCEncryptWriter(w, testKey, testIV) }, cbc, same(cbc)},
		{
			"chunked.EncryptWriter", func(w io.Writer) (io.WriteCloser, error) { return chunked.NewEncryptWriter(w, testKey, nil) }, nil,
			func(body []byte) ([]byte, bool) { return testkit.ChunkedOpen(testKey, nil, body) },
		},
		{
			"dare.EncryptWriter", func(w io.Writer) (io.WriteCloser, error) { return dare.NewEncryptWriter(w, testKey) }, nil,
			func(body []byte) ([]byte, bool) { return testkit.DAREOpen(testKey, body) },
		},
	}
}

func sealCBC(t testing.TB, plain []byte) []byte {
	var b bytes.Buffer
	w := must[*stream.CBCEncryptWriter](t)(stream.NewCBCEncryptWriter(&b, testKey, testIV))
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func faultSeeds(t testing.TB) (seeds [][]any) {
	for kind := range uint8(15) {
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
		all, writers := pipes(t, plain), sealers(t, plain)
		left := int(at) % (len(plain) + 1000) // some of them are never reached
		sink := &faultySink{left: left, fault: fault, short: mode&modeTwist != 0}
		source := func(data []byte) *faultySource {
			return &faultySource{scheduled{data: data, schedule: schedule}, left, fault, mode&modeTwist != 0}
		}
		k := int(kind) % (len(all) + len(writers))
		switch {
		case k < len(all) && mode&modeOther != 0:
			checkDrain(t, all[k], sink, schedule)
		case k < len(all):
			checkReader(t, all[k], source(all[k].in), schedule)
		case mode&modeSource != 0 && fault != io.EOF: // which is no fault of a source
			checkBrokenOff(t, writers[k-len(all)], source(plain))
		default:
			checkWriter(t, writers[k-len(all)], plain, sink, schedule, mode&modeOther != 0)
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
	if s.left -= n; s.left == 0 && s.with {
		return n, s.fault
	}
	return n, err
}

// checkReader reads all of a pipe.
func checkReader(t *testing.T, p pipe, src *faultySource, schedule []byte) {
	t.Helper()
	reached := src.left < len(p.in) || src.left == len(p.in) && src.fault != io.EOF
	ended := src.fault == io.EOF // the source ends early, which is no error of its own
	atEnd := src.left == len(p.in)
	r := must[io.Reader](t)(p.open(src))
	got, err := readAll(r, schedule)
	switch {
	case p.out != nil && err != nil && !bytes.HasPrefix(p.out, got):
		t.Fatalf("%s: %d bytes that are no start of the truth", p.name, len(got))
	case !reached && (err != nil || p.out != nil && !bytes.Equal(got, p.out)):
		t.Fatalf("%s: %d bytes, %v; want %d", p.name, len(got), err, len(p.out))
	case err == nil && reached && !ended && !atEnd:
		t.Fatalf("%s: an error of the source is lost", p.name)
	case err == nil && reached && ended && !p.cut && p.name != "CBCDecryptReader":
		t.Fatalf("%s: the end is missing, and nothing has noticed", p.name)
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
	if p.out != nil && (!bytes.HasPrefix(p.out, sink.buf.Bytes()) || (err == nil) != (sink.buf.Len() == len(p.out))) {
		t.Fatalf("%s: %d of %d bytes arrived, %v", p.name, sink.buf.Len(), len(p.out), err)
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
	plain, reached, atEnd := src.data, src.left <= len(src.data), src.left == len(src.data)
	sink := &faultySink{left: 1 << 30}
	w := must[io.WriteCloser](t)(s.new(sink))
	_, err := w.(io.ReaderFrom).ReadFrom(src)
	closed := w.Close()
	opened, whole := s.open(sink.buf.Bytes())
	if atEnd && err == nil { // the end may have come with the last bytes
		reached = false
	}
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
