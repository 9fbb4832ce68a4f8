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
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/streamtest"
	"pgregory.net/rapid"
)

// TestOwnRanges reads ranges around every border, also such as pass the end,
// without any option about ranges.
func TestOwnRanges(t *testing.T) {
	for _, suite := range ownSuites {
		_, step, sealed := pieces(suite)
		for _, n := range []int{0, 5, 3 * step, 3*step + 5, 1<<20 + 17} {
			o := sealOwn(t, suite, ownPlace, pattern(n))
			opener := ownOpener(t, o)
			edges := []int{0, 1, 2, 5, step - 1, step, step + 1, 2*step - 1, 2 * step, 3 * step, 1<<20 - 1, 1 << 20, n - 1, n, n + 1, n + step}
			for _, off := range edges {
				for _, length := range append(edges, math.MaxInt32/2) {
					if off < 0 || length < 0 {
						continue
					}
					got, err := readRange(opener, o.body, int64(off), int64(length))
					if off >= n && length > 0 {
						if !errors.Is(err, stream.ErrRange) {
							t.Errorf("%v of %d: range of %d from %d: %d bytes, %v; want ErrRange", suite, n, length, off, len(got), err)
						}
						continue
					}
					want := o.plain[min(off, n):min(off+length, n)]
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%v of %d: range of %d from %d: %d bytes, %v; want %d", suite, n, length, off, len(got), err, len(want))
					}
				}
			}
			if parts, _ := opener.CiphertextRanges(int64(n/2), 1, int64(len(o.body))); n > 0 && total(parts) > int64(56+2*sealed) {
				t.Errorf("%v of %d: one byte takes %v", suite, n, parts)
			}
			if !opener.Authenticated() {
				t.Errorf("%v: ranges are not authenticated", suite)
			}
		}
	}
}

// TestOwnRandomRanges draws ranges, and what the source yields at once.
func TestOwnRandomRanges(t *testing.T) {
	for _, suite := range ownSuites {
		o := sealOwn(t, suite, envelope.Binding{}, pattern(300_000))
		opener := ownOpener(t, o)
		size := int64(len(o.body))
		at := must[envelope.ReaderAt](t)(opener.ReaderAt(bytes.NewReader(o.body), size))
		rapid.Check(t, func(rt *rapid.T) {
			off := rapid.IntRange(0, len(o.plain)-1).Draw(rt, "off")
			n := rapid.IntRange(0, 200_000).Draw(rt, "n")
			want := o.plain[off:min(off+n, len(o.plain))]
			if got, err := readRange(opener, o.body, int64(off), int64(n)); err != nil || !bytes.Equal(got, want) {
				rt.Errorf("%v: range of %d from %d: %d bytes, %v; want %d", suite, n, off, len(got), err, len(want))
			}
			p := make([]byte, n)
			m, err := at.ReadAt(p, int64(off))
			if m != len(want) || !bytes.Equal(p[:m], want) || err != nil && (err != io.EOF || m == n) {
				rt.Errorf("%v: ReadAt of %d from %d: %d bytes, %v; want %d", suite, n, off, m, err, len(want))
			}
		})
	}
}

func total(parts []envelope.BodyRange) (n int64) {
	for _, p := range parts {
		n += p.N
	}
	return n
}

// TestOwnRangeAPI: what one part does not do says so; ranges that cannot be are
// errors; and the policy is that of the whole object.
func TestOwnRangeAPI(t *testing.T) {
	for _, suite := range ownSuites {
		o := sealOwn(t, suite, envelope.Binding{}, pattern(100))
		h, opener := must[*envelope.Header](t)(o.header()), ownOpener(t, o)
		size := int64(len(o.body))
		if _, _, err := opener.CiphertextRange(0, 1, size); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: CiphertextRange = %v, want ErrUnsupported", suite, err)
		}
		for _, c := range [][3]int64{{-1, 1, size}, {0, -1, size}, {0, 1, -1}, {0, 1, size + 1<<40}} {
			if _, err := opener.CiphertextRanges(c[0], c[1], c[2]); c[2] <= size && err == nil {
				t.Errorf("%v: CiphertextRanges(%v) = nil", suite, c)
			}
		}
		if _, err := opener.ReaderAt(bytes.NewReader(o.body), -1); err == nil {
			t.Errorf("%v: ReaderAt of a negative size", suite)
		}
		required := h.Required()
		if err := required.PermitRange(h); err != nil {
			t.Errorf("%v: PermitRange = %v", suite, err)
		}
		if err := (*envelope.OpenOptions)(nil).PermitRange(h); (err == nil) != (suite == envelope.Chunked) {
			t.Errorf("%v: PermitRange of no options = %v", suite, err)
		}
	}
	aws := sealObject(t, fipsGCM.key(t), nil, pattern(100))
	opener := openerOf(t, aws, fipsGCM.key(t), nil)
	if parts, err := opener.CiphertextRanges(20, 30, int64(len(aws.body))); err != nil || len(parts) != 1 || (parts[0] != envelope.BodyRange{Off: 16, N: 34}) {
		t.Errorf("V3: CiphertextRanges = %v, %v", parts, err)
	}
	if parts, err := opener.CiphertextRanges(20, 0, int64(len(aws.body))); err != nil || parts != nil {
		t.Errorf("V3: CiphertextRanges of nothing = %v, %v", parts, err)
	}
}

// TestOwnRangeVast: the arithmetic for 1 TiB and for the largest objects.
func TestOwnRangeVast(t *testing.T) {
	for _, c := range []struct {
		suite envelope.Suite
		n     int64
	}{{envelope.Chunked, 1 << 40}, {envelope.Chunked, 1<<52 - 1}, {dare.DARE2, 1 << 40}, {dare.DARE2, 1 << 48}} {
		head, step, sealed := pieces(c.suite)
		p := pair{c.suite, fipsGCM.alg}
		size, err := p.sealer(t).CiphertextSize(c.n)
		if err != nil {
			t.Fatalf("%v of %d: CiphertextSize = %v", c.suite, c.n, err)
		}
		h := p.sealer(t).Header()
		if low, high, err := h.PlaintextSize(size); low != c.n || high != c.n || err != nil {
			t.Errorf("%v of %d: PlaintextSize(%d) = %d, %d, %v", c.suite, c.n, size, low, high, err)
		}
		opts := h.Required()
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, p.key(t), &opts))
		k := c.n/int64(step) - 3
		parts, err := opener.CiphertextRanges(k*int64(step)+7, int64(step), size)
		want := envelope.BodyRange{Off: int64(head) + k*int64(sealed), N: int64(2 * sealed)}
		if err != nil || parts[len(parts)-1] != want {
			t.Errorf("%v of %d: CiphertextRanges = %v, %v; want %v at the end", c.suite, c.n, parts, err, want)
		}
		if _, err := p.sealer(t).CiphertextSize(c.n << 5); c.n > 1<<40 && !errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("%v of %d: CiphertextSize = %v, want ErrTooLarge", c.suite, c.n<<5, err)
		}
	}
}

// TestOwnReaderAt puts the readers through the suite for such readers.
func TestOwnReaderAt(t *testing.T) {
	for _, suite := range ownSuites {
		_, step, _ := pieces(suite)
		o := sealOwn(t, suite, envelope.Binding{}, pattern(2*step+100))
		opener := ownOpener(t, o)
		err := streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return opener.ReaderAt(src, size)
		}, o.body, o.plain, &streamtest.DecryptOptions{Rejected: envelope.ErrDecrypt})
		if err != nil {
			t.Errorf("%v: %v", suite, err)
		}
		r := must[envelope.ReaderAt](t)(opener.ReaderAt(bytes.NewReader(o.body), int64(len(o.body))))
		if n, err := r.Size(); n != int64(len(o.plain)) || err != nil || !opener.Authenticated() {
			t.Errorf("%v: Size = %d, %v", suite, n, err)
		}
	}
}

// TestOwnRangeSource: errors of a source come through, wrapped, for ever, and
// nothing makes a range panic or hang.
func TestOwnRangeSource(t *testing.T) {
	cause := errors.New("source died")
	for _, suite := range ownSuites {
		o := sealOwn(t, suite, envelope.Binding{}, pattern(300_000))
		opener := ownOpener(t, o)
		size := int64(len(o.body))
		parts := must[[]envelope.BodyRange](t)(opener.CiphertextRanges(70_000, 150_000, size))
		var src []byte
		for _, p := range parts {
			src = append(src, o.body[p.Off:p.Off+p.N]...)
		}
		for _, n := range []int{0, 10, 56, 70_000, len(src) - 1} {
			for want, reader := range map[error]io.Reader{
				cause:               io.MultiReader(bytes.NewReader(src[:n]), iotest.ErrReader(cause)),
				io.ErrUnexpectedEOF: bytes.NewReader(src[:n]),
				io.ErrNoProgress:    io.MultiReader(bytes.NewReader(src[:n]), stuck{}),
			} {
				r := must[io.ReadCloser](t)(opener.RangeReader(reader, 70_000, 150_000, size))
				got, err := io.ReadAll(r)
				if !errors.Is(err, want) || err == want || !bytes.HasPrefix(o.plain[70_000:], got) {
					t.Errorf("%v, source of %d bytes: %d bytes, %v; want %v", suite, n, len(got), err, want)
				}
				if _, again := r.Read(make([]byte, 1)); again != err {
					t.Errorf("%v: a second Read = %v, want %v", suite, again, err)
				}
			}
		}
		for _, n := range []int{-1, math.MaxInt} {
			r := must[io.ReadCloser](t)(opener.RangeReader(miscounting(n), 70_000, 150_000, size))
			if got, err := io.ReadAll(r); err == nil || len(got) > 0 {
				t.Errorf("%v, count %d: %d bytes, %v", suite, n, len(got), err)
			}
		}
		slow := must[io.ReadCloser](t)(opener.RangeReader(iotest.OneByteReader(bytes.NewReader(src)), 70_000, 150_000, size))
		if err := iotest.TestReader(slow, o.plain[70_000:220_000]); err != nil {
			t.Errorf("%v: %v", suite, err)
		}
		checkClosed(t, opener, src, size)
	}
}

// checkClosed: an early Close closes the source and ends the reader.
func checkClosed(t *testing.T, opener *envelope.Opener, src []byte, size int64) {
	t.Helper()
	body := &source{Reader: bytes.NewReader(src)}
	r := must[io.ReadCloser](t)(opener.RangeReader(body, 70_000, 150_000, size))
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Error(err)
	}
	buf := envelope.RangeBuffer(r)
	if err := r.Close(); err != nil || body.closes != 1 {
		t.Errorf("Close = %v, source closed %d times", err, body.closes)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != stream.ErrClosed {
		t.Errorf("Read after Close = %d, %v; want ErrClosed", n, err)
	}
	whole := must[io.ReadCloser](t)(opener.RangeReader(bytes.NewReader(src), 70_000, 150_000, size))
	if n, err := io.Copy(io.Discard, whole); n != 150_000 || err != nil {
		t.Errorf("Copy = %d, %v", n, err)
	}
	for what, buf := range map[string][]byte{"Close": buf, "the end": envelope.RangeBuffer(whole)} {
		if len(buf) < 100_000 || !bytes.Equal(buf, make([]byte, len(buf))) {
			t.Errorf("after %s the buffer of %d bytes holds plaintext", what, len(buf))
		}
	}
}
