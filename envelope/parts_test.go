// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

var partsPlain = bytes.Repeat([]byte("0123456789abcde"), 13)

// sealParts seals partsPlain[from:to] in parts of size bytes.
func sealParts(t testing.TB, p *envelope.Parts, from, to, size int) (body, states []byte) {
	t.Helper()
	for off := from; off < to; off += size {
		part := partsPlain[off:min(off+size, to)]
		ct, state, err := p.Encrypt(nil, part, int64(off))
		if err != nil {
			t.Fatal(err)
		}
		body, states = append(body, ct...), append(states, state...)
	}
	return body, states
}

// TestPartsOpen seals in parts what every opener of the format must open, in
// one go and after an interruption.
func TestPartsOpen(t *testing.T) {
	size := len(partsPlain)
	for _, p := range sealableInParts() {
		for _, resume := range []int{size, 0, 64, 192} {
			key := p.key(t)
			s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, p.options()))
			parts := must[*envelope.Parts](t)(s.Parts())
			body, states := sealParts(t, parts, 0, max(resume, 16), 16)
			if resume < size {
				parts.Wipe()
				parts = must[*envelope.Parts](t)(envelope.ResumeParts(t.Context(), s.Header(), key, states))
				rest, _ := sealParts(t, parts, max(resume, 16), size, 48)
				body = append(body, rest...)
			}
			trailer, _, err := parts.Finish(int64(size))
			if err != nil {
				t.Fatal(err)
			}
			body = append(body, trailer...)
			if n, err := parts.CiphertextSize(int64(size)); err != nil || n != int64(len(body)) {
				t.Errorf("%v: CiphertextSize = %d, %v, want %d", p, n, err, len(body))
			}
			o := object{meta: must[map[string]string](t)(s.Header().Metadata()), body: body}
			required := s.Header().Required()
			if got, err := o.open(t.Context(), key, &required); err != nil || !bytes.Equal(got, partsPlain) {
				t.Errorf("%v, resume=%d: opens to %q, %v", p, resume, got, err)
			}
		}
	}
}

// TestPartsOnce: one IV, one object, however it is asked for.
func TestPartsOnce(t *testing.T) {
	ask := map[string]func(s *envelope.Sealer) error{
		"Reader": func(s *envelope.Sealer) error { _, err := s.Reader(strings.NewReader("")); return err },
		"Writer": func(s *envelope.Sealer) error { _, err := s.Writer(io.Discard); return err },
		"Parts":  func(s *envelope.Sealer) error { _, err := s.Parts(); return err },
	}
	key := pair{envelope.V3, wrap.AESGCM}.key(t)
	for other := range ask {
		for _, order := range [][]string{{"Parts", other}, {other, "Parts"}} {
			s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, nil))
			if err := ask[order[0]](s); err != nil {
				t.Errorf("%s = %v", order[0], err)
			}
			if err := ask[order[1]](s); err != envelope.ErrUsed {
				t.Errorf("%s after %s = %v, want ErrUsed", order[1], order[0], err)
			}
		}
	}
}

// TestPartsChanged: a place has one content, also in another process.
func TestPartsChanged(t *testing.T) {
	for _, p := range sealableInParts() {
		key := p.key(t)
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, p.options()))
		parts := must[*envelope.Parts](t)(s.Parts())
		_, states := sealParts(t, parts, 0, 64, 32)
		resumed := must[*envelope.Parts](t)(envelope.ResumeParts(t.Context(), s.Header(), key, states))
		for _, parts := range []*envelope.Parts{parts, resumed} {
			ct, _, err := parts.Encrypt(nil, partsPlain[1:33], 32)
			if !errors.Is(err, stream.ErrPartChanged) || ct != nil {
				t.Errorf("%v: Encrypt = %d bytes, %v, want ErrPartChanged", p, len(ct), err)
			}
		}
	}
}

// TestResumeForeign gives ResumeParts the header of another object: storage is
// full of them, and none may be sealed a second time.
func TestResumeForeign(t *testing.T) {
	for _, p := range sealableInParts() {
		key := p.key(t)
		mine := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, p.options()))
		_, states := sealParts(t, must[*envelope.Parts](t)(mine.Parts()), 0, 64, 32)
		other := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, p.options()))
		for name, c := range map[string]struct {
			h      *envelope.Header
			states []byte
			want   error
		}{
			"other header": {other.Header(), states, envelope.ErrDecrypt},
			"no state":     {other.Header(), nil, stream.ErrPartState},
			"cut":          {mine.Header(), states[:len(states)-1], stream.ErrPartState},
			"altered":      {mine.Header(), flip(states, len(states)-1), envelope.ErrDecrypt},
		} {
			got, err := envelope.ResumeParts(t.Context(), c.h, key, c.states)
			if !errors.Is(err, c.want) || got != nil {
				t.Errorf("%v, %s: %v, %v, want %v", p, name, got, err, c.want)
			}
		}
		h := mine.Header()
		h.IV[0] ^= 1
		if _, err := envelope.ResumeParts(t.Context(), h, key, states); err != envelope.ErrDecrypt {
			t.Errorf("%v, other IV: %v, want ErrDecrypt", p, err)
		}
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// TestResumeRefusals: what is wrong with a header or a key, told before
// anything is sealed.
func TestResumeRefusals(t *testing.T) {
	key := pair{envelope.V3, wrap.AESGCM}.key(t)
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, nil))
	_, states := sealParts(t, must[*envelope.Parts](t)(s.Parts()), 0, 64, 32)
	if _, err := envelope.ResumeParts(t.Context(), nil, key, states); !errors.Is(err, envelope.ErrNotEncrypted) {
		t.Errorf("no header: %v, want ErrNotEncrypted", err)
	}
	if _, err := envelope.ResumeParts(t.Context(), s.Header(), nil, states); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("no key: %v, want ErrNoKey", err)
	}
	bad := s.Header()
	bad.IV = bad.IV[1:]
	var meta *envelope.MetadataError
	if _, err := envelope.ResumeParts(t.Context(), bad, key, states); !errors.As(err, &meta) {
		t.Errorf("a short message id: %v, want a MetadataError", err)
	}
	ctr := &envelope.Header{Suite: envelope.V2CTR, Wrap: wrap.AESGCM, WrappedKey: s.Header().WrappedKey, IV: make([]byte, 16)}
	if _, err := envelope.ResumeParts(t.Context(), ctr, key, states); err == nil || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("V2CTR: %v, want a refusal", err)
	}
	committed := s.Header()
	committed.Commitment[0] ^= 1
	if _, err := envelope.ResumeParts(t.Context(), committed, key, states); err != envelope.ErrDecrypt {
		t.Errorf("another commitment: %v, want ErrDecrypt", err)
	}
}

// TestPartsShape: what an uploader asks before it cuts.
func TestPartsShape(t *testing.T) {
	for _, p := range sealableInParts() {
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
		parts := must[*envelope.Parts](t)(s.Parts())
		cbc := p.suite == envelope.V1 || p.suite == envelope.V2CBC
		if parts.Ordered() != cbc || parts.Multiple() != 16 {
			t.Errorf("%v: Ordered = %t, Multiple = %d, want %t, 16", p, parts.Ordered(), parts.Multiple(), cbc)
		}
		if _, err := parts.CiphertextSize(-1); err == nil {
			t.Errorf("%v: CiphertextSize(-1): no error", p)
		}
	}
}

// TestPartsKeys: no key is printed, and none is left in the Sealer.
func TestPartsKeys(t *testing.T) {
	for _, p := range sealableInParts() {
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
		content := s.ContentKey()
		parts := must[*envelope.Parts](t)(s.Parts())
		if len(content) != 32 || !bytes.Equal(content, make([]byte, 32)) {
			t.Errorf("%v: the content key is still there", p)
		}
		want := fmt.Sprintf("parts of a %v object", p.suite)
		for _, verb := range []string{"v", "+v", "#v", "s", "x", "d"} {
			if got := fmt.Sprintf("%"+verb, parts); got != want {
				t.Errorf("%%%s prints %.100q, want %q", verb, got, want)
			}
		}
		if got := slog.AnyValue(parts).Resolve().String(); got != want {
			t.Errorf("LogValue = %q, want %q", got, want)
		}
		parts.Wipe()
		if _, _, err := parts.Encrypt(nil, partsPlain, 0); err != stream.ErrClosed {
			t.Errorf("Encrypt after Wipe = %v, want ErrClosed", err)
		}
	}
}
