// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// rangeObjects are one object of each suite that has ranges.
func rangeObjects(t testing.TB, plain []byte) map[string]object {
	v3, v2 := pair{envelope.V3, wrap.AESGCM}, pair{envelope.V2GCM, wrap.AESKW}
	return map[string]object{
		"V3":     sealObject(t, v3.key(t), v3.options(), plain),
		"V2-GCM": sealObject(t, v2.key(t), v2.options(), plain),
		"V2-CTR": ctrObject(t, plain),
	}
}

// pattern is a plaintext in which every part is different.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// TestRanges reads every range of a body, and flips every bit of one.
func TestRanges(t *testing.T) {
	plain := pattern(67)
	for name, o := range rangeObjects(t, plain) {
		opener := openerOf(t, o, aesKeys(t, kek), nil)
		for off := range len(plain) + 1 {
			for n := range len(plain) - off + 1 {
				coff, cn, err := opener.CiphertextRange(int64(off), int64(n))
				if err != nil || coff%16 != 0 || coff > int64(off) || coff+cn > int64(len(plain)) {
					t.Fatalf("%s: CiphertextRange(%d, %d) = %d, %d, %v", name, off, n, coff, cn, err)
				}
				// What follows, the tag for one, must not be read as content.
				src := bytes.NewReader(o.body[coff:])
				r := must[io.ReadCloser](t)(opener.RangeReader(src, int64(off), int64(n)))
				if got, err := io.ReadAll(iotest.OneByteReader(r)); err != nil || !bytes.Equal(got, plain[off:off+n]) {
					t.Errorf("%s: range %d+%d = %x, %v; want %x", name, off, n, got, err, plain[off:off+n])
				}
			}
		}
		if opener.Authenticated() {
			t.Errorf("%s: a range counts as authenticated", name)
		}
	}
}

// TestRangeErrors: early ends are errors, arguments are checked, sources are
// closed, and nothing is said to be supported that is not.
func TestRangeErrors(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		opener := openerOf(t, o, aesKeys(t, kek), nil)
		for cut := range 33 {
			src := &source{Reader: bytes.NewReader(o.body[16 : 16+cut])}
			r := must[io.ReadCloser](t)(opener.RangeReader(src, 20, 29))
			got, err := io.ReadAll(r)
			if !errors.Is(err, io.ErrUnexpectedEOF) || err == io.ErrUnexpectedEOF || !bytes.Equal(got, pattern(67)[20:20+len(got)]) {
				t.Errorf("%s: range of a source cut to %d bytes = %x, %v", name, cut, got, err)
			}
			if _, again := r.Read(make([]byte, 1)); again != err {
				t.Errorf("%s: second Read = %v, want %v", name, again, err)
			}
			if err := r.Close(); err != nil || src.closes != 1 {
				t.Errorf("%s: Close = %v, %d closes of the source", name, err, src.closes)
			}
		}
		for _, c := range [][2]int64{{-1, 1}, {1, -1}, {math.MaxInt64, 1}, {1, math.MaxInt64}, {math.MinInt64, math.MinInt64}} {
			if _, _, err := opener.CiphertextRange(c[0], c[1]); err == nil {
				t.Errorf("%s: CiphertextRange(%d, %d) has no error", name, c[0], c[1])
			}
			if r, err := opener.RangeReader(nil, c[0], c[1]); err == nil || r != nil {
				t.Errorf("%s: RangeReader(%d, %d) has no error", name, c[0], c[1])
			}
		}
	}
	p := pair{envelope.V2CBC, wrap.AESKW}
	opener := openerOf(t, sealObject(t, p.key(t), p.options(), nil), p.key(t), nil)
	if _, _, err := opener.CiphertextRange(0, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CBC: CiphertextRange = %v, want ErrUnsupported", err)
	}
	if _, err := opener.RangeReader(nil, 0, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CBC: RangeReader = %v, want ErrUnsupported", err)
	}
}

// TestRangeLimit: no range passes the counter of GCM.
func TestRangeLimit(t *testing.T) {
	opener := openerOf(t, rangeObjects(t, nil)["V3"], aesKeys(t, kek), nil)
	if _, _, err := opener.CiphertextRange(stream.GCMMaxSize-1, 1); err != nil {
		t.Errorf("CiphertextRange of the last byte = %v", err)
	}
	if _, _, err := opener.CiphertextRange(stream.GCMMaxSize, 1); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("CiphertextRange past the limit = %v, want ErrTooLarge", err)
	}
}

// TestRangePolicy: ranges need an option of their own, whatever else is
// allowed, and say so before any byte is read.
func TestRangePolicy(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		opts := everything()
		opts.AllowUnauthenticatedRanges = false
		h := must[*envelope.Header](t)(envelope.ParseHeader(o.meta))
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, aesKeys(t, kek), &opts))
		src := &source{Reader: bytes.NewReader(o.body)}
		_, _, errRange := opener.CiphertextRange(0, 1)
		_, errReader := opener.RangeReader(src, 0, 1)
		for _, err := range []error{errRange, errReader} {
			var policy *envelope.PolicyError
			if !errors.As(err, &policy) || policy.Option != "AllowUnauthenticatedRanges" || src.reads != 0 {
				t.Errorf("%s: %v, want a PolicyError about AllowUnauthenticatedRanges", name, err)
			}
		}
	}
}
