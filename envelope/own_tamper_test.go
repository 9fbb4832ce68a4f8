// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// pieces are the sizes of a format's header, and of what is sealed as one, in
// plaintext and in the body.
func pieces(suite envelope.Suite) (head, plain, sealed int) {
	if suite == dare.DARE2 {
		return 0, 65536, 65568
	}
	return 56, 16384, 16400
}

// ownOpener opens an object of ours under kek with no more than is needed.
func ownOpener(t testing.TB, o object) *envelope.Opener {
	t.Helper()
	h := must[*envelope.Header](t)(o.header())
	opts := h.Required()
	if h.Bound {
		opts.Bind = ownPlace
	}
	return must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, must[wrap.Key](t)(wrap.NewAESGCM(kek)), &opts))
}

// mustReject reads an altered body in all ways: none may end well, or yield
// anything but a start of the true plaintext. That a range begins past the end is
// said before anything is read.
func mustReject(t *testing.T, opener *envelope.Opener, body, plain []byte, what string, at int) {
	t.Helper()
	size := int64(len(body))
	for _, declared := range []int64{size, -1} {
		var got []byte
		r, err := opener.Reader(bytes.NewReader(body), declared)
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if err != envelope.ErrDecrypt || !bytes.HasPrefix(plain, got) {
			t.Errorf("%s, %d: Reader yields %d bytes, %v; want ErrDecrypt", what, at, len(got), err)
		}
	}
	got, err := readRange(opener, body, 0, int64(len(plain))+1)
	if err != envelope.ErrDecrypt && !errors.Is(err, stream.ErrRange) || !bytes.HasPrefix(plain, got) {
		t.Errorf("%s, %d: RangeReader yields %d bytes, %v; want ErrDecrypt", what, at, len(got), err)
	}
	at2, err := opener.ReaderAt(bytes.NewReader(body), size)
	if err == nil {
		got := make([]byte, len(plain))
		n, e := at2.ReadAt(got, 0)
		if err = e; !bytes.HasPrefix(plain, got[:n]) || n == len(plain) && n > 0 {
			t.Errorf("%s, %d: ReadAt yields %d bytes, %v", what, at, n, e)
		}
	}
	if err != envelope.ErrDecrypt && err != io.EOF || err == io.EOF && len(plain) > 0 {
		t.Errorf("%s, %d: ReaderAt: %v; want ErrDecrypt", what, at, err)
	}
	if !opener.Authenticated() {
		t.Errorf("%s, %d: not authenticated", what, at)
	}
}

// readRange fetches what a range takes from body, and reads it.
func readRange(opener *envelope.Opener, body []byte, off, n int64) ([]byte, error) {
	size := int64(len(body))
	parts, err := opener.CiphertextRanges(off, n, size)
	if err != nil {
		return nil, err
	}
	var src []byte
	for _, p := range parts {
		src = append(src, body[p.Off:p.Off+p.N]...)
	}
	r, err := opener.RangeReader(bytes.NewReader(src), off, n, size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestOwnBitFlips flips every bit of a small body, and some of all parts of a
// larger one.
func TestOwnBitFlips(t *testing.T) {
	for _, suite := range ownSuites {
		_, step, _ := pieces(suite)
		for _, n := range []int{5, step + 5} {
			o := sealOwn(t, suite, envelope.Binding{}, pattern(n))
			opener := ownOpener(t, o)
			for bit := 0; bit < len(o.body)*8; bit++ {
				if i := bit / 8; n > step && i > 80 && i < len(o.body)-80 && bit%3989 != 0 {
					continue
				}
				body := bytes.Clone(o.body)
				body[bit/8] ^= 1 << (bit % 8)
				mustReject(t, opener, body, o.plain, suite.String()+" bit", bit)
			}
			for _, name := range []string{"s3seal-key", "s3seal-salt"} {
				for bit := range 8 * len(must[[]byte](t)(decode(o.meta[name]))) {
					if got, err := o.flip(t, name, bit).open(t.Context(), must[wrap.Key](t)(wrap.NewAESGCM(kek)), ownOpen(ownPlace)); err != envelope.ErrDecrypt || len(got) > 0 {
						t.Errorf("%v, %s, bit %d: %d bytes, %v", suite, name, bit, len(got), err)
					}
				}
			}
		}
	}
}

// TestOwnTruncations cuts a body at every byte, and lengthens it; a larger one
// at and around every border.
func TestOwnTruncations(t *testing.T) {
	for _, suite := range ownSuites {
		head, step, sealed := pieces(suite)
		for _, n := range []int{0, 5, 2 * step, 2*step + 5} {
			o := sealOwn(t, suite, envelope.Binding{}, pattern(n))
			opener := ownOpener(t, o)
			for cut := range o.body {
				if border := (cut - head) % sealed; n > 5 && border > 40 && border < sealed-40 && cut%1009 != 0 {
					continue
				}
				mustReject(t, opener, o.body[:cut], o.plain, suite.String()+" cut", cut)
			}
			for _, more := range []int{1, 16, 17, 40, sealed} {
				mustReject(t, opener, append(bytes.Clone(o.body), make([]byte, more)...), o.plain, suite.String()+" lengthened", more)
			}
		}
	}
}

// A sameCEK makes the same CEK for every object.
type sameCEK struct{ fixedKey }

func (k sameCEK) Generate(context.Context, int, wrap.Info) (cek, wrapped []byte, err error) {
	return bytes.Clone(k.cek), bytes.Repeat([]byte("w"), 40), nil
}

// cut returns a body as its header and what is sealed as one.
func cut(suite envelope.Suite, body []byte) [][]byte {
	head, _, sealed := pieces(suite)
	parts := [][]byte{body[:head]}
	return slices.AppendSeq(parts, slices.Chunk(body[head:], sealed))
}

// TestOwnRearranged swaps, doubles and drops what is sealed as one, and mixes
// two objects under one CEK.
func TestOwnRearranged(t *testing.T) {
	key := sameCEK{fixedKey{wrap.AESGCM, bytes.Repeat([]byte("CEK!"), 8)}}
	for _, suite := range ownSuites {
		_, step, _ := pieces(suite)
		plain := pattern(3*step + 100)
		o := sealObject(t, key, &envelope.SealOptions{Suite: suite}, plain)
		other := sealObject(t, key, &envelope.SealOptions{Suite: suite}, append([]byte{plain[0] + 1}, plain[1:]...))
		if o.meta["s3seal-key"] != other.meta["s3seal-key"] {
			t.Fatal("the two objects have different CEKs")
		}
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), must[*envelope.Header](t)(o.header()), key, ownOpen(ownPlace)))
		a, b := cut(suite, o.body), cut(suite, other.body)
		reject := func(what string, i int, change func(parts [][]byte) [][]byte) {
			mustReject(t, opener, bytes.Join(change(slices.Clone(a)), nil), plain, suite.String()+" "+what, i)
		}
		for i := 1; i < len(a); i++ {
			reject("dropped", i, func(p [][]byte) [][]byte { return slices.Delete(p, i, i+1) })
			reject("doubled", i, func(p [][]byte) [][]byte { return slices.Insert(p, i, a[i]) })
			reject("spliced", i, func(p [][]byte) [][]byte { p[i] = b[i]; return p })
			reject("crossed", i, func(p [][]byte) [][]byte { return append(p[:i], b[i:]...) })
			for j := i + 1; j < len(a); j++ {
				reject("swapped", i, func(p [][]byte) [][]byte { p[i], p[j] = p[j], p[i]; return p })
			}
		}
	}
}
