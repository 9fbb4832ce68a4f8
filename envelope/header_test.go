// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

func TestSuiteZeroIsV3(t *testing.T) {
	var zero envelope.Suite
	if zero != envelope.V3 {
		t.Errorf("zero Suite = %v, want V3", zero)
	}
	names := fmt.Sprint(envelope.V1, envelope.V2CBC, envelope.V2GCM, envelope.V2CTR, envelope.V3)
	if want := "V1 V2-CBC V2-GCM V2-CTR V3"; names != want {
		t.Errorf("names = %q, want %q", names, want)
	}
}

// TestMetadataForm pins what is written, name by name.
func TestMetadataForm(t *testing.T) {
	key, iv16, iv12, id := make([]byte, 48), make([]byte, 16), make([]byte, 12), make([]byte, 28)
	v2 := func(suite envelope.Suite, alg wrap.Algorithm, iv []byte) *envelope.Header {
		return &envelope.Header{Suite: suite, Wrap: alg, WrappedKey: key, IV: iv}
	}
	v2Names := func(iv, cek, alg string) map[string]string {
		return map[string]string{"x-amz-key-v2": b64(48), "x-amz-iv": iv, "x-amz-cek-alg": cek, "x-amz-wrap-alg": alg, "x-amz-matdesc": "{}"}
	}
	with := func(m map[string]string, name, value string) map[string]string { m[name] = value; return m }
	bound := func(text string) map[string]string { return map[string]string{"aws:x-amz-cek-alg": text} }
	kms := v2(envelope.V2GCM, wrap.KMSContext, iv12)
	kms.MatDesc = bound("AES/GCM/NoPadding")
	for _, c := range []struct {
		h    *envelope.Header
		want map[string]string
	}{
		{
			&envelope.Header{Suite: envelope.V1, WrappedKey: key, IV: iv16},
			map[string]string{"x-amz-key": b64(48), "x-amz-iv": b64(16), "x-amz-matdesc": "{}"},
		},
		{
			v2(envelope.V2GCM, wrap.AESGCM, iv12),
			with(v2Names(b64(12), "AES/GCM/NoPadding", "AES/GCM"), "x-amz-tag-len", "128"),
		},
		{kms, with(with(v2Names(b64(12), "AES/GCM/NoPadding", "kms+context"), "x-amz-tag-len", "128"),
			"x-amz-matdesc", `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`)},
		{v2(envelope.V2CBC, wrap.AESKW, iv16), // all six names, for the one reader that insists on them
			with(v2Names(b64(16), "AES/CBC/PKCS5Padding", "AESWrap"), "x-amz-tag-len", "0")},
		{v2(envelope.V2CBC, wrap.RSAOAEPSHA1, iv16), v2Names(b64(16), "AES/CBC/PKCS5Padding", "RSA-OAEP-SHA1")},
		{v2(envelope.V2CBC, wrap.KMSPlain, iv16), v2Names(b64(16), "AES/CBC/PKCS5Padding", "kms")},
		{
			&envelope.Header{Wrap: wrap.RSAOAEPSHA1, WrappedKey: key, IV: id, Commitment: id},
			map[string]string{"x-amz-3": b64(48), "x-amz-c": "115", "x-amz-w": "22", "x-amz-d": b64(28), "x-amz-i": b64(28), "x-amz-m": "{}"},
		},
		{
			&envelope.Header{Wrap: wrap.KMSContext, WrappedKey: key, IV: id, Commitment: id, MatDesc: bound("115")},
			map[string]string{
				"x-amz-3": b64(48), "x-amz-c": "115", "x-amz-w": "12", "x-amz-d": b64(28), "x-amz-i": b64(28),
				"x-amz-t": `{"aws:x-amz-cek-alg":"115"}`,
			},
		},
	} {
		if got, err := c.h.Metadata(); err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%v: Metadata = %q, %v; want %q", c.h, got, err, c.want)
		}
	}
}

// TestMetadataRefuses pins what is never written, although some of it reads.
func TestMetadataRefuses(t *testing.T) {
	key, iv16, iv12, id := make([]byte, 48), make([]byte, 16), make([]byte, 12), make([]byte, 28)
	for name, h := range map[string]*envelope.Header{
		"empty":              {},
		"V2CTR":              {Suite: envelope.V2CTR, Wrap: wrap.AESKW, WrappedKey: key, IV: iv16},
		"V2 without wrap":    {Suite: envelope.V2GCM, WrappedKey: key, IV: iv12},
		"OAEP-SHA-256":       {Suite: envelope.V2GCM, Wrap: wrap.RSAOAEPSHA256, WrappedKey: key, IV: iv12},
		"V1 naming its wrap": {Suite: envelope.V1, Wrap: wrap.AESECB, WrappedKey: key, IV: iv16},
		"V3 with AESWrap":    {Wrap: wrap.AESKW, WrappedKey: key, IV: id, Commitment: id},
		"short key":          {Wrap: wrap.AESGCM, WrappedKey: key[:15], IV: id, Commitment: id},
		"short commitment":   {Wrap: wrap.AESGCM, WrappedKey: key, IV: id, Commitment: id[:27]},
		"V2 committing":      {Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: key, IV: iv12, Commitment: id},
		"unbound context":    {Wrap: wrap.KMSContext, WrappedKey: key, IV: id, Commitment: id},
		"GCM with long IV":   {Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: key, IV: iv16},
	} {
		if m, err := h.Metadata(); err == nil || m != nil {
			t.Errorf("%s: Metadata = %q, nil; want an error", name, m)
		}
	}
}

// TestMetadataUnusualNames: a header under another spelling of CBC can be
// rewritten under the usual one only if its wrap does not bind the spelling.
func TestMetadataUnusualNames(t *testing.T) {
	for alg, writable := range map[string]bool{"AESWrap": true, "AES/GCM": false} {
		meta := valid()["V2-CBC"]
		meta["x-amz-cek-alg"], meta["x-amz-wrap-alg"] = "AES/CBC/PKCS7Padding", alg
		h := must[*envelope.Header](t)(envelope.ParseHeader(meta))
		got, err := h.Metadata()
		if writable && (err != nil || got["x-amz-cek-alg"] != "AES/CBC/PKCS5Padding") || !writable && err == nil {
			t.Errorf("%s: Metadata = %q, %v; want writable = %t", alg, got, err, writable)
		}
	}
}

// drawHeader returns a header as it is parsed from metadata.
func drawHeader(t *rapid.T, p pair) *envelope.Header {
	bin := func(name string, n int) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name) }
	h := &envelope.Header{Suite: p.suite, Wrap: p.alg, WrappedKey: bin("key", rapid.IntRange(16, 300).Draw(t, "n"))}
	h.MatDesc = rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "desc")
	delete(h.MatDesc, "aws:x-amz-cek-alg")
	alg := map[envelope.Suite]string{envelope.V3: "115", envelope.V2GCM: "AES/GCM/NoPadding"}[p.suite]
	switch p.suite {
	case envelope.Chunked:
		alg = "S3SEAL/CHUNKED1"
		h.Bound = rapid.Bool().Draw(t, "bound")
		for range rapid.IntRange(0, 7).Draw(t, "more") {
			h.Recipients = append(h.Recipients, envelope.Recipient{
				Wrap: wrap.RSAOAEPSHA1, WrappedKey: bin("another", 40),
				MatDesc: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "another desc"),
			})
		}
	case dare.DARE2:
		alg, h.IV = "S3SEAL/DARE2", bin("salt", 32)
		h.Bound, h.Empty = rapid.Bool().Draw(t, "bound"), rapid.Bool().Draw(t, "empty")
	case envelope.V3:
		h.IV, h.Commitment = bin("id", 28), bin("commitment", 28)
	case envelope.V2GCM:
		h.IV = bin("iv", 12)
	default:
		h.IV, alg = bin("iv", 16), "AES/CBC/PKCS5Padding"
	}
	if p.suite == envelope.V1 {
		h.Wrap = wrap.Unnamed
	}
	if p.alg == wrap.KMSContext {
		h.MatDesc["aws:x-amz-cek-alg"] = alg
	}
	return h
}

// TestHeaderRoundTrip: what is written reads back as the same header, and what
// was read is written in a form that reads back as the same again.
func TestHeaderRoundTrip(t *testing.T) {
	pairs := sealable()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t, rapid.SampledFrom(pairs).Draw(t, "pair"))
		meta, err := h.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		got, err := envelope.ParseHeader(meta, dare.DARE2)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Fatalf("ParseHeader(Metadata()) = %#v, %v; want %#v", got, err, h)
		}
		if again, err := got.Metadata(); err != nil || !maps.Equal(again, meta) {
			t.Fatalf("Metadata again = %q, %v; want %q", again, err, meta)
		}
	})
}

// TestRequired pins the whole table, from a list of its own.
func TestRequired(t *testing.T) {
	const u, w, c, r = "AllowUncommitted ", "AllowLegacyWraps ", "AllowLegacyCBC ", "AllowUnauthenticatedCTR "
	modern := []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext}
	old := []wrap.Algorithm{wrap.AESKW, wrap.RSAOAEPSHA256, wrap.KMSPlain, wrap.Unnamed}
	check := func(suite envelope.Suite, algs []wrap.Algorithm, want string) {
		for _, alg := range algs {
			required, got := (&envelope.Header{Suite: suite, Wrap: alg}).Required(), ""
			for _, name := range optionOrder {
				if *flags(&required)[name] {
					got += name + " "
				}
			}
			if got != want || required.AllowPlaintext || required.AllowUnauthenticatedRanges || required.Release != nil {
				t.Errorf("%v, %v: Required = %q, want %q and nothing else", suite, alg, got, want)
			}
		}
	}
	check(envelope.V3, modern, "")
	check(envelope.Chunked, modern, "")
	check(dare.DARE2, modern, u)
	check(envelope.V2GCM, modern, u)
	check(envelope.V2GCM, old, u+w)
	check(envelope.V2CBC, modern, u+c)
	check(envelope.V2CBC, old, u+w+c)
	check(envelope.V2CTR, modern, u+r)
	check(envelope.V2CTR, old, u+w+r)
	check(envelope.V1, []wrap.Algorithm{wrap.Unnamed}, u+w+c)
}

// TestTagLength: a tag length in bytes marks the one client that writes so,
// and asks for legacy reading even under a modern wrap.
func TestTagLength(t *testing.T) {
	for value, legacy := range map[string]bool{"": false, "128": false, "16": true} {
		meta := valid()["V2-GCM"]
		meta["x-amz-tag-len"] = value
		h := must[*envelope.Header](t)(envelope.ParseHeader(meta))
		if got := h.Required().AllowLegacyWraps; got != legacy {
			t.Errorf("tag-len %q: AllowLegacyWraps = %t, want %t", value, got, legacy)
		}
		if m, err := h.Metadata(); err != nil || m["x-amz-tag-len"] != "128" {
			t.Errorf("tag-len %q: written as %q, %v; want 128", value, m["x-amz-tag-len"], err)
		}
	}
}

func TestPlaintextSize(t *testing.T) {
	for _, c := range []struct {
		suite     envelope.Suite
		stored    int64
		low, high int64
		err       error
	}{
		{envelope.V3, 16, 0, 0, nil},
		{envelope.V3, 15, 0, 0, envelope.ErrDecrypt},
		{envelope.V3, 0, 0, 0, envelope.ErrDecrypt},
		{envelope.V3, 1<<36 - 16, 1<<36 - 32, 1<<36 - 32, nil},
		{envelope.V3, 1<<36 - 15, 0, 0, stream.ErrTooLarge},
		{envelope.V2GCM, 33, 17, 17, nil},
		{envelope.V2CTR, 0, 0, 0, nil},
		{envelope.V2CTR, 17, 17, 17, nil},
		{envelope.V2CBC, 0, 0, 0, envelope.ErrDecrypt},
		{envelope.V2CBC, 17, 0, 0, envelope.ErrDecrypt},
		{envelope.V2CBC, 32, 16, 31, nil},
		{envelope.V1, 16, 0, 15, nil},
		{envelope.Chunked, 71, 0, 0, envelope.ErrDecrypt},
		{envelope.Chunked, 72, 0, 0, nil},
		{envelope.Chunked, 56 + 16400, 0, 0, envelope.ErrDecrypt},
		{envelope.Chunked, 56 + 16400 + 16, 16384, 16384, nil},
		{envelope.Chunked, math.MaxInt64, 0, 0, stream.ErrTooLarge},
		{dare.DARE2, 0, 0, 0, envelope.ErrDecrypt},
		{dare.DARE2, 33, 1, 1, nil},
		{dare.DARE2, 65568 + 32, 0, 0, envelope.ErrDecrypt},
		{dare.DARE2, math.MaxInt64, 0, 0, stream.ErrTooLarge},
		{envelope.V1, math.MaxInt64 - 15, math.MaxInt64 - 31, math.MaxInt64 - 16, nil},
	} {
		low, high, err := (&envelope.Header{Suite: c.suite}).PlaintextSize(c.stored)
		if low != c.low || high != c.high || !errors.Is(err, c.err) {
			t.Errorf("%v, %d stored: PlaintextSize = %d, %d, %v; want %d, %d, %v", c.suite, c.stored, low, high, err, c.low, c.high, c.err)
		}
	}
	if _, _, err := new(envelope.Header).PlaintextSize(-1); err == nil || errors.Is(err, envelope.ErrDecrypt) {
		t.Errorf("PlaintextSize(-1) = %v, want an error about the argument", err)
	}
}

// TestSizesAgree: CiphertextSize says what is written, PlaintextSize holds
// what was read.
func TestSizesAgree(t *testing.T) {
	for _, p := range sealable() {
		for _, n := range []int64{0, 1, 15, 16, 17, 4096} {
			s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.optionsFor(int(n))))
			want, err := s.CiphertextSize(n)
			if err != nil {
				t.Fatal(err)
			}
			body := must[[]byte](t)(io.ReadAll(must[io.Reader](t)(s.Reader(bytes.NewReader(make([]byte, n))))))
			if int64(len(body)) != want {
				t.Errorf("%v: CiphertextSize(%d) = %d, but %d were written", p.suite, n, want, len(body))
			}
			low, high, err := s.Header().PlaintextSize(want)
			if err != nil || n < low || n > high {
				t.Errorf("%v: PlaintextSize(%d) = %d, %d, %v; want to hold %d", p.suite, want, low, high, err, n)
			}
		}
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
		if _, err := s.CiphertextSize(-1); err == nil {
			t.Errorf("%v: CiphertextSize(-1) has no error", p.suite)
		}
		if _, err := s.CiphertextSize(math.MaxInt64); !errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("%v: CiphertextSize(MaxInt64) = %v, want ErrTooLarge", p.suite, err)
		}
	}
}
