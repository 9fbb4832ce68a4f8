// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/streamtest"
	"github.com/s3seal/s3seal/wrap"
)

// A second source is what a TwoPass reopens.
type second struct {
	body   []byte
	err    error
	opened atomic.Int64
	source *source // of the last call
}

func (s *second) reopen() (io.ReadCloser, error) {
	s.opened.Add(1)
	if s.err != nil {
		return nil, s.err
	}
	s.source = &source{Reader: bytes.NewReader(s.body)}
	return s.source, nil
}

// keepNothing is for tests that want the file, or the second source, of small
// bodies, too.
const keepNothing = 0

// rules are those that read a body twice, for an object that stays the same.
func rules(t testing.TB, keep int, body []byte) map[string]envelope.Release {
	dir := t.TempDir()
	t.Cleanup(func() { wantEmpty(t, dir) })
	return map[string]envelope.Release{
		"spool":   envelope.SpoolOn(dir, math.MaxInt64, keep, envelope.CreateTemp),
		"twopass": envelope.TwoPassOver(keep, (&second{body: body}).reopen),
	}
}

func v3Object(t testing.TB, plain []byte) object {
	t.Helper()
	return sealObject(t, pair{envelope.V3, wrap.AESGCM}.key(t), nil, plain)
}

// pull reads a stream to its end in one of two ways.
var pulls = map[string]func(r io.Reader) ([]byte, error){
	"Read": func(r io.Reader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) },
	"WriteTo": func(r io.Reader) ([]byte, error) {
		var buf bytes.Buffer
		_, err := r.(io.WriterTo).WriteTo(&buf)
		return buf.Bytes(), err
	},
}

// TestReleaseTwice opens objects of all sizes that matter by both rules.
func TestReleaseTwice(t *testing.T) {
	const kept = envelope.KeptMemory
	for _, n := range []int{0, 1, 300, kept - 16, kept - 15, 2*kept + 7} {
		o := v3Object(t, pattern(n))
		for name, rule := range rules(t, kept, o.body) {
			for how, pull := range pulls {
				for _, size := range []int64{-1, int64(len(o.body))} {
					opener := openerOf(t, o, aesKeys(t, kek), rule)
					src := &source{Reader: bytes.NewReader(o.body)}
					r := must[io.ReadCloser](t)(opener.Reader(src, size))
					got, err := pull(r)
					if err != nil || !bytes.Equal(got, o.plain) || !opener.Authenticated() {
						t.Errorf("%s, %s, len=%d, size=%d: %d bytes, %v, Authenticated = %t", name, how, n, size, len(got), err, opener.Authenticated())
					}
					if m, err := r.Read(make([]byte, 1)); m != 0 || err != io.EOF {
						t.Errorf("%s: Read after the end = %d, %v, want 0, EOF", name, m, err)
					}
					if err := r.Close(); err != nil || src.closes != 1 {
						t.Errorf("%s: Close = %v after %d closes of the source, want nil, 1", name, err, src.closes)
					}
				}
			}
		}
	}
}

// TestReleaseConformance: what streamtest asks of a stream that verifies all
// before it releases anything.
func TestReleaseConformance(t *testing.T) {
	for n, keep := range map[int]int{0: keepNothing, 40: keepNothing, 70: 50} {
		o := v3Object(t, pattern(n))
		inMemory := func(string) (envelope.TempFile, error) { return &faultyFile{room: 1 << 20}, nil }
		for name, rule := range map[string]envelope.Release{
			"spool":   envelope.SpoolOn("", math.MaxInt64, keep, inMemory), // there will be thousands
			"twopass": envelope.TwoPassOver(keep, (&second{body: o.body}).reopen),
		} {
			t.Run(fmt.Sprintf("%s,len=%d", name, n), func(t *testing.T) {
				opener := openerOf(t, o, aesKeys(t, kek), rule)
				err := streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
					return opener.Reader(src, -1)
				}, o.body, o.plain, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedWhole, Rejected: envelope.ErrDecrypt})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestReleaseAltered: of an object that was altered, at whatever place, nothing
// comes out, and nothing is asked for a second time.
func TestReleaseAltered(t *testing.T) {
	const mib = 1 << 20
	o := v3Object(t, pattern(2*mib+100))
	for _, at := range []int{0, 1, mib - 1, mib, 2 * mib, 2*mib + 99, 2*mib + 100, 2*mib + 115} {
		bad := bytes.Clone(o.body)
		bad[at] ^= 1
		checkAltered(t, o, fmt.Sprint("flipped at ", at), bad)
		checkAltered(t, o, fmt.Sprint("cut at ", at), o.body[:at])
	}
	checkAltered(t, o, "longer", append(bytes.Clone(o.body), 0))
}

func checkAltered(t *testing.T, o object, what string, bad []byte) {
	t.Helper()
	again := &second{body: o.body}
	for name, rule := range map[string]envelope.Release{
		"spool": envelope.Spool(t.TempDir(), math.MaxInt64), "twopass": envelope.TwoPass(again.reopen),
	} {
		for how, pull := range pulls {
			opener := openerOf(t, o, aesKeys(t, kek), rule)
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(bad), -1))
			if got, err := pull(r); len(got) != 0 || err != envelope.ErrDecrypt || !opener.Authenticated() {
				t.Errorf("%s, %s, %s: %d bytes, %v, want none, ErrDecrypt", name, what, how, len(got), err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != envelope.ErrDecrypt {
				t.Errorf("%s, %s: second Read = %d, %v", name, what, n, err)
			}
			r.Close()
		}
	}
	if n := again.opened.Load(); n != 0 {
		t.Errorf("%s: reopened %d times, want none", what, n)
	}
}

// TestTwoPassSwapped: storage that answers the second request with another body
// gets the runs out that are the same, and nothing else.
func TestTwoPassSwapped(t *testing.T) {
	const mib = 1 << 20
	o := v3Object(t, pattern(2*mib+100))
	other := v3Object(t, bytes.Repeat([]byte("x"), 2*mib+100))
	flip := func(at int) []byte { b := bytes.Clone(o.body); b[at] ^= 1; return b }
	exchanged := append(append(bytes.Clone(o.body[mib:2*mib]), o.body[:mib]...), o.body[2*mib:]...)
	for name, c := range map[string]struct {
		body []byte
		want int
	}{
		"first byte": {flip(0), 0}, "second run": {flip(mib), mib}, "last byte": {flip(2*mib + 99), 2 * mib},
		"tag": {flip(2*mib + 100), 2 * mib}, "other object": {other.body, 0}, "plaintext": {o.plain, 0}, "nothing": {nil, 0},
		"shorter": {o.body[:len(o.body)-1], 2 * mib}, "longer": {append(bytes.Clone(o.body), 0), 2 * mib}, "runs exchanged": {exchanged, 0},
	} {
		for how, pull := range pulls {
			again := &second{body: c.body}
			opener := openerOf(t, o, aesKeys(t, kek), envelope.TwoPass(again.reopen))
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), -1))
			got, err := pull(r)
			if err != envelope.ErrDecrypt || !bytes.Equal(got, o.plain[:c.want]) || !opener.Authenticated() {
				t.Errorf("%s, %s: %d bytes, %v, want %d, ErrDecrypt", name, how, len(got), err, c.want)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != envelope.ErrDecrypt {
				t.Errorf("%s: second Read = %d, %v", name, n, err)
			}
			if again.opened.Load() != 1 || again.source.closes != 1 {
				t.Errorf("%s: reopened %d times, closed %d times, want 1, 1", name, again.opened.Load(), again.source.closes)
			}
			r.Close()
		}
	}
}

// TestTwoPassReopen: when it is called, and what becomes of its errors.
func TestTwoPassReopen(t *testing.T) {
	failed := errors.New("no second time")
	o := v3Object(t, pattern(500))
	for name, reopen := range map[string]func() (io.ReadCloser, error){
		"error":         func() (io.ReadCloser, error) { return nil, failed },
		"EOF":           func() (io.ReadCloser, error) { return nil, io.EOF },
		"nothing":       func() (io.ReadCloser, error) { return nil, nil },
		"failing":       func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(failed)), nil },
		"unexpectedEOF": func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), nil },
	} {
		for how, pull := range pulls {
			opener := openerOf(t, o, aesKeys(t, kek), envelope.TwoPassOver(keepNothing, reopen))
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), -1))
			got, err := pull(r)
			if len(got) != 0 || err == nil || err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, envelope.ErrDecrypt) {
				t.Errorf("%s, %s: %d bytes, %v, want an error of its own", name, how, len(got), err)
			}
			if strings.Contains(name, "ing") != (name == "nothing") && !errors.Is(err, failed) {
				t.Errorf("%s: %v, want what reopen said", name, err)
			}
			if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
				t.Errorf("%s: second Read = %d, %v, want 0, %v", name, n, again, err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s: Close = %v", name, err)
			}
		}
	}
	again := &second{body: o.body}
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), envelope.TwoPass(again.reopen)).Reader(bytes.NewReader(o.body), -1))
	if _, err := io.ReadAll(r); err != nil || again.opened.Load() != 0 {
		t.Errorf("a small body: %v, reopened %d times, want nil, none", err, again.opened.Load())
	}
}

// TestTwoPassNil: without a function there is nobody to ask in this package.
func TestTwoPassNil(t *testing.T) {
	o := v3Object(t, pattern(500))
	src := &source{Reader: bytes.NewReader(o.body)}
	if _, err := openerOf(t, o, aesKeys(t, kek), envelope.TwoPass(nil)).Reader(src, -1); err == nil || src.reads+src.closes != 0 {
		t.Errorf("Reader = %v after %d reads, want an error before any", err, src.reads)
	}
	reopen := func() (io.ReadCloser, error) { return nil, nil }
	for name, other := range map[string]envelope.Release{
		"nil": nil, "Buffered": envelope.Buffered(1), "Spool": envelope.Spool("", 1),
		"UnverifiedUntilEOF": envelope.UnverifiedUntilEOF(), "TwoPass": envelope.TwoPass(reopen),
	} {
		if other == envelope.TwoPass(nil) {
			t.Errorf("TwoPass(nil) is equal to %s", name)
		}
	}
	if rule := envelope.TwoPass(nil); rule != envelope.TwoPass(nil) {
		t.Error("TwoPass(nil) is not equal to itself")
	}
}

// TestReleaseClosed closes readers at every point: everything is freed, and
// nothing comes out any more.
func TestReleaseClosed(t *testing.T) {
	o := v3Object(t, pattern(3<<20))
	for _, n := range []int64{0, 1, 1 << 20, 2<<20 + 1, 3 << 20} {
		again := &second{body: o.body}
		for name, rule := range map[string]envelope.Release{"spool": envelope.Spool(t.TempDir(), math.MaxInt64), "twopass": envelope.TwoPass(again.reopen)} {
			src := &source{Reader: bytes.NewReader(o.body)}
			r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(src, -1))
			if _, err := io.CopyN(io.Discard, r, n); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := r.Close(); err != nil || src.closes != 1 {
					t.Errorf("%s, n=%d: Close = %v after %d closes, want nil, 1", name, n, err, src.closes)
				}
			}
			if m, err := r.Read(make([]byte, 1)); m != 0 || err != stream.ErrClosed {
				t.Errorf("%s, n=%d: Read after Close = %d, %v, want 0, ErrClosed", name, n, m, err)
			}
		}
		if again.source != nil && again.source.closes != 1 || (n > 0) != (again.source != nil) {
			t.Errorf("n=%d: the second source was not closed once", n)
		}
	}
}

// TestReleaseLastByte: who reads exactly the bytes of the plaintext, and forgets
// to close, holds nothing.
func TestReleaseLastByte(t *testing.T) {
	o := v3Object(t, pattern(500))
	again := &second{body: o.body}
	for _, rule := range []envelope.Release{envelope.TwoPassOver(keepNothing, again.reopen)} {
		r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(bytes.NewReader(o.body), -1))
		if _, err := io.ReadFull(r, make([]byte, 500)); err != nil || again.source.closes != 1 {
			t.Errorf("ReadFull = %v, second source closed %d times, want nil, 1", err, again.source.closes)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read = %d, %v, want 0, EOF", n, err)
		}
	}
}

// TestReleaseSecondCloseError: it is worth an error, but not the plaintext.
func TestReleaseSecondCloseError(t *testing.T) {
	failed := errors.New("close failed")
	o := v3Object(t, pattern(500))
	rule := envelope.TwoPassOver(keepNothing, func() (io.ReadCloser, error) {
		return &source{Reader: bytes.NewReader(o.body), closeErr: failed}, nil
	})
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(bytes.NewReader(o.body), -1))
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, o.plain) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for range 2 {
		if err := r.Close(); !errors.Is(err, failed) {
			t.Errorf("Close = %v, want %v", err, failed)
		}
	}
}

// TestReleaseNotGCM: content without a tag has no use for a rule of release.
func TestReleaseNotGCM(t *testing.T) {
	for _, o := range []object{
		ctrObject(t, pattern(1000)),
		sealObject(t, pair{envelope.V1, wrap.AESECB}.key(t), &envelope.SealOptions{Suite: envelope.V1}, pattern(1000)),
	} {
		for name, rule := range map[string]envelope.Release{
			"spool":   envelope.SpoolOn("", 0, 0, func(string) (envelope.TempFile, error) { t.Error("a file was made"); return nil, io.EOF }),
			"twopass": envelope.TwoPassOver(0, func() (io.ReadCloser, error) { t.Error("reopened"); return nil, io.EOF }),
			"nobody":  envelope.TwoPass(nil),
		} {
			opener := openerOf(t, o, aesKeys(t, kek), rule)
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), -1))
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, o.plain) || opener.Authenticated() {
				t.Errorf("%s: %d bytes, %v, Authenticated = %t, want all, nil, false", name, len(got), err, opener.Authenticated())
			}
		}
	}
}

// TestReleaseConcurrent: one opener, many readers at once, some of which stop
// in the middle.
func TestReleaseConcurrent(t *testing.T) {
	o := v3Object(t, pattern(2<<20+5))
	for name, rule := range rules(t, envelope.KeptMemory, o.body) {
		if name == "twopass" { // a second that is safe for concurrent use
			rule = envelope.TwoPass(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(o.body)), nil })
		}
		opener := openerOf(t, o, aesKeys(t, kek), rule)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				r, err := opener.Reader(bytes.NewReader(o.body), -1)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Close()
				got, err := io.ReadAll(io.LimitReader(r, int64(1+i)*400<<10))
				if err != nil || !bytes.HasPrefix(o.plain, got) || len(got) == 0 {
					t.Errorf("%s, reader %d: %d bytes, %v", name, i, len(got), err)
				}
			})
		}
		wg.Wait()
		if !opener.Authenticated() {
			t.Errorf("%s: Authenticated = false", name)
		}
	}
}

// TestReleasePanic: a source that panics, and is recovered from, is not read on
// as if nothing had been.
func TestReleasePanic(t *testing.T) {
	o := v3Object(t, pattern(500))
	for name, rule := range rules(t, keepNothing, o.body) {
		src := &panicking{Reader: bytes.NewReader(o.body)}
		r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(src, -1))
		func() {
			defer func() { _ = recover() }()
			r.Read(make([]byte, 10))
		}()
		if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%s: Read after a panic = %d, %v, want 0 and an error", name, n, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: Close = %v", name, err)
		}
	}
}

// A panicking source panics once.
type panicking struct {
	io.Reader
	did bool
}

func (p *panicking) Read(b []byte) (int, error) {
	if !p.did {
		p.did = true
		panic("the source")
	}
	return p.Reader.Read(b)
}
