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
	"github.com/s3seal/s3seal/stream/streamtest"
	"github.com/s3seal/s3seal/wrap"
)

// rangeObjects are one object of each suite.
func rangeObjects(t testing.TB, plain []byte) map[string]object {
	objects := map[string]object{"V2-CTR": ctrObject(t, plain)}
	for _, p := range []pair{
		{envelope.V3, wrap.AESGCM}, {envelope.V2GCM, wrap.AESKW}, {envelope.V2CBC, wrap.AESKW}, {envelope.V1, wrap.AESECB},
	} {
		objects[p.suite.String()] = sealObject(t, p.key(t), p.options(), plain)
	}
	return objects
}

// pattern is a plaintext in which every part is different.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// TestRanges reads every range of a body, also such as pass its end.
func TestRanges(t *testing.T) {
	plain := pattern(67)
	for name, o := range rangeObjects(t, plain) {
		opener := openerOf(t, o, aesKeys(t, kek), nil)
		size := int64(len(o.body))
		for off := range len(plain) + 40 {
			for n := range len(plain) + 40 {
				coff, cn, err := opener.CiphertextRange(int64(off), int64(n), size)
				if errors.Is(err, stream.ErrRange) && off >= len(plain) && n > 0 {
					continue
				}
				if err != nil || n > 0 && coff%16 != 0 || coff > int64(off) || coff+cn > size {
					t.Fatalf("%s: CiphertextRange(%d, %d) = %d, %d, %v", name, off, n, coff, cn, err)
				}
				// What follows, the tag for one, must not be read as content.
				src := bytes.NewReader(o.body[coff:])
				r := must[io.ReadCloser](t)(opener.RangeReader(src, int64(off), int64(n), size))
				got, err := io.ReadAll(iotest.OneByteReader(r))
				if off >= len(plain) && n > 0 { // in the padding
					if !errors.Is(err, stream.ErrRange) || len(got) > 0 {
						t.Errorf("%s: range %d+%d past the end = %x, %v", name, off, n, got, err)
					}
				} else if want := plain[min(off, len(plain)):min(off+n, len(plain))]; err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: range %d+%d = %x, %v; want %x", name, off, n, got, err, want)
				}
				if read := int64(len(o.body)-src.Len()) - coff; read != cn {
					t.Errorf("%s: range %d+%d read %d bytes, want %d", name, off, n, read, cn)
				}
			}
		}
		if opener.Authenticated() {
			t.Errorf("%s: a range counts as authenticated", name)
		}
	}
}

// TestRangeErrors: early ends are errors, arguments are checked, and sources
// are closed.
func TestRangeErrors(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		opener := openerOf(t, o, aesKeys(t, kek), nil)
		size := int64(len(o.body))
		coff, cn, err := opener.CiphertextRange(20, 29, size)
		if err != nil {
			t.Fatal(err)
		}
		for cut := range cn {
			src := &source{Reader: bytes.NewReader(o.body[coff : coff+cut])}
			r := must[io.ReadCloser](t)(opener.RangeReader(src, 20, 29, size))
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
		for _, c := range [][3]int64{
			{-1, 1, size},
			{1, -1, size},
			{math.MaxInt64, 1, size},
			{math.MinInt64, math.MinInt64, size},
			{size, 1, size},
			{0, 1, -1},
			{0, 1, math.MinInt64},
		} {
			if _, _, err := opener.CiphertextRange(c[0], c[1], c[2]); err == nil {
				t.Errorf("%s: CiphertextRange(%d) has no error", name, c)
			}
			if r, err := opener.RangeReader(nil, c[0], c[1], c[2]); err == nil || r != nil {
				t.Errorf("%s: RangeReader(%d) has no error", name, c)
			}
		}
		if _, cn, err := opener.CiphertextRange(1, math.MaxInt64, size); err != nil || cn > size {
			t.Errorf("%s: an open end = %d, %v", name, cn, err)
		}
	}
}

// TestRangeOfDamaged: a size that no object has is ErrDecrypt before anything
// is read, and bad padding is where it is seen, with no word more.
func TestRangeOfDamaged(t *testing.T) {
	objects := rangeObjects(t, pattern(67))
	for name, o := range objects {
		if name == "V2-CTR" {
			continue // any size will do
		}
		opener := openerOf(t, o, aesKeys(t, kek), nil)
		for _, size := range []int64{0, 15} {
			_, _, errRange := opener.CiphertextRange(0, 1, size)
			_, errReader := opener.RangeReader(nil, 0, 1, size)
			_, errAt := opener.ReaderAt(nil, size)
			for _, err := range []error{errRange, errReader, errAt} {
				if err != envelope.ErrDecrypt {
					t.Errorf("%s: size %d: %v, want ErrDecrypt", name, size, err)
				}
			}
		}
	}
	o := objects["V2-CBC"]
	o.body[len(o.body)-17] ^= 0x80
	opener := openerOf(t, o, aesKeys(t, kek), nil)
	at := must[envelope.ReaderAt](t)(opener.ReaderAt(bytes.NewReader(o.body), int64(len(o.body))))
	for _, off := range []int64{0, 66, 67, 78} {
		coff, cn, err := opener.CiphertextRange(off, 100, int64(len(o.body)))
		if err != nil {
			t.Fatal(err)
		}
		r := must[io.ReadCloser](t)(opener.RangeReader(bytes.NewReader(o.body[coff:coff+cn]), off, 100, int64(len(o.body))))
		if got, err := io.ReadAll(r); err != envelope.ErrDecrypt || len(got) > 0 {
			t.Errorf("off=%d: %x, %v, want ErrDecrypt", off, got, err)
		}
		if n, err := at.ReadAt(make([]byte, 100), off); err != envelope.ErrDecrypt || n != 0 {
			t.Errorf("ReadAt, off=%d: %d, %v, want ErrDecrypt", off, n, err)
		}
	}
	if _, err := at.Size(); err != envelope.ErrDecrypt {
		t.Errorf("Size = %v, want ErrDecrypt", err)
	}
}

// TestReaderAt puts the reader of each suite through the suite for such
// readers, and asks for its size.
func TestReaderAt(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(1000)) {
		t.Run(name, func(t *testing.T) {
			opener := openerOf(t, o, aesKeys(t, kek), nil)
			if before, mode := opener.Authenticated(), name == "V3" || name == "V2-GCM"; before != mode {
				t.Errorf("Authenticated before anything was read = %v", before)
			}
			r := must[envelope.ReaderAt](t)(opener.ReaderAt(bytes.NewReader(o.body), int64(len(o.body))))
			if opener.Authenticated() {
				t.Error("a reader of any range counts as authenticated")
			}
			if n, err := r.Size(); n != 1000 || err != nil {
				t.Errorf("Size = %d, %v, want 1000", n, err)
			}
			err := streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
				return opener.ReaderAt(src, size)
			}, o.body, o.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: envelope.ErrDecrypt})
			if err != nil {
				t.Error(err)
			}
			if got, err := o.open(t.Context(), aesKeys(t, kek), new(everything())); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("the object as a whole: %v", err)
			}
		})
	}
}

// TestRangeLimit: no range passes the counter of GCM.
func TestRangeLimit(t *testing.T) {
	opener := openerOf(t, rangeObjects(t, nil)["V3"], aesKeys(t, kek), nil)
	const size = stream.GCMMaxSize + stream.GCMTagSize
	if _, _, err := opener.CiphertextRange(stream.GCMMaxSize-1, 100, size); err != nil {
		t.Errorf("CiphertextRange of the last byte = %v", err)
	}
	if _, _, err := opener.CiphertextRange(stream.GCMMaxSize, 1, size); !errors.Is(err, stream.ErrRange) {
		t.Errorf("CiphertextRange past the end = %v, want ErrRange", err)
	}
	if _, _, err := opener.CiphertextRange(0, 1, size+1); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("CiphertextRange of too large an object = %v, want ErrTooLarge", err)
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
		_, _, errRange := opener.CiphertextRange(-1, -1, -1)
		_, errReader := opener.RangeReader(src, 0, 1, int64(len(o.body)))
		_, errAt := opener.ReaderAt(bytes.NewReader(o.body), -1)
		for _, err := range []error{errRange, errReader, errAt, opts.PermitRange(h)} {
			var policy *envelope.PolicyError
			if !errors.As(err, &policy) || policy.Option != "AllowUnauthenticatedRanges" || src.reads != 0 {
				t.Errorf("%s: %v, want a PolicyError about AllowUnauthenticatedRanges", name, err)
			}
		}
	}
}

// TestPermitRange: what forbids the object forbids the range, and is named
// first; no key is needed to know.
func TestPermitRange(t *testing.T) {
	for name, o := range rangeObjects(t, nil) {
		h := must[*envelope.Header](t)(o.header())
		if err := new(everything()).PermitRange(h); err != nil {
			t.Errorf("%s: with everything allowed: %v", name, err)
		}
		opts := h.Required()
		wantPolicy(t, name, opts.PermitRange(h), "AllowUnauthenticatedRanges")
		opts.AllowUnauthenticatedRanges = true
		if err := opts.PermitRange(h); err != nil {
			t.Errorf("%s: with what it requires: %v", name, err)
		}
		if h.Suite == envelope.V3 {
			wantPolicy(t, name, (*envelope.OpenOptions)(nil).PermitRange(h), "AllowUnauthenticatedRanges")
			continue
		}
		opts.AllowUncommitted = false
		wantPolicy(t, name, opts.PermitRange(h), "AllowUncommitted")
		key := &counter{Unwrapper: aesKeys(t, kek)}
		_, err := envelope.NewOpener(t.Context(), h, key, &opts)
		wantPolicy(t, name, err, "AllowUncommitted")
		if key.calls != 0 {
			t.Errorf("%s: a key was used", name)
		}
	}
	if err := new(everything()).PermitRange(nil); !errors.Is(err, envelope.ErrNotEncrypted) {
		t.Errorf("without a header: %v, want ErrNotEncrypted", err)
	}
}

func wantPolicy(t *testing.T, what string, err error, option string) {
	t.Helper()
	var policy *envelope.PolicyError
	if !errors.As(err, &policy) || policy.Option != option {
		t.Errorf("%s: %v, want a PolicyError about %s", what, err, option)
	}
}
