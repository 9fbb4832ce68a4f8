// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// ownFixtures are objects of all that a header of ours can say.
func ownFixtures(t *testing.T) []fixture {
	t.Helper()
	aes, pub := must[wrap.Key](t)(wrap.NewAESGCM(kek)), must[wrap.Key](t)(wrap.NewRSAOAEPKey(rsaKey(t)))
	keys := wrap.NewKeyring(aes, newFakeKMS(t, wrap.KMSContext))
	var all []fixture
	for name, c := range map[string]struct {
		w    wrap.Wrapper
		opts envelope.SealOptions
		n    int
	}{
		"chunked":        {aes, envelope.SealOptions{Suite: envelope.Chunked, MatDesc: map[string]string{"a": "b"}}, 17},
		"chunked, kms":   {newFakeKMS(t, wrap.KMSContext), envelope.SealOptions{Suite: envelope.Chunked}, 17},
		"chunked, bound": {aes, envelope.SealOptions{Suite: envelope.Chunked, Bind: ownPlace}, 17},
		"chunked for 3": {pub, envelope.SealOptions{
			Suite:      envelope.Chunked,
			Recipients: []envelope.SealRecipient{{Wrapper: aes}, {Wrapper: newFakeKMS(t, wrap.KMSContext)}},
		}, 17},
		"dare":        {aes, envelope.SealOptions{Suite: dare.DARE2}, 17},
		"dare, bound": {aes, envelope.SealOptions{Suite: dare.DARE2, Bind: ownPlace}, 17},
		"dare, empty": {aes, envelope.SealOptions{Suite: dare.DARE2}, 0},
	} {
		all = append(all, fixture{name: name, object: sealObject(t, c.w, &c.opts, pattern(c.n)), keys: keys})
	}
	return all
}

// checkOwnOpens opens what was accepted: to the right bytes, or not at all.
func checkOwnOpens(t *testing.T, what string, f fixture, h *envelope.Header) {
	t.Helper()
	opts := everything()
	opts.Bind = ownPlace
	opener, err := envelope.NewOpener(t.Context(), h, f.keys, &opts)
	if err != nil {
		return
	}
	r, err := opener.Reader(bytes.NewReader(f.body), int64(len(f.body)))
	if err != nil {
		return
	}
	if got, err := io.ReadAll(r); err == nil && !bytes.Equal(got, f.plain) {
		t.Errorf("%s: opens to %x, want %x", what, got, f.plain)
	}
}

// TestOwnMutantHeaders changes the metadata of our own objects in every way of
// the list, adds the names of all other formats, and compares with the
// reference. What is accepted opens to the right bytes, or not at all.
func TestOwnMutantHeaders(t *testing.T) {
	parsed, accepted := 0, 0
	for _, f := range ownFixtures(t) {
		checkModel(t, f.meta)
		mutants(f.meta, func(what string, changed map[string]string) {
			parsed++
			checkModel(t, changed)
			if h, err := envelope.ParseHeader(changed, dare.DARE2); err == nil {
				accepted++
				checkOwnOpens(t, f.name+", "+what, f, h)
			}
		})
	}
	if parsed < 4000 || accepted < 300 || accepted > parsed/2 {
		t.Errorf("%d of %d mutants were accepted", accepted, parsed)
	}
	t.Logf("%d of %d mutants were accepted", accepted, parsed)
}

// TestOwnMutantFiles does the same with instruction files, and moves names.
func TestOwnMutantFiles(t *testing.T) {
	parsed, accepted := 0, 0
	for _, f := range ownFixtures(t) {
		f.object = f.split(t)
		file := fileValues(t, f.file)
		check := func(what string, meta, file map[string]string) {
			parsed++
			checkFileModel(t, meta, file)
			data := must[[]byte](t)(json.Marshal(file))
			if h, err := envelope.ParseInstructionFile(meta, bytes.NewReader(data), dare.DARE2); err == nil {
				accepted++
				checkOwnOpens(t, f.name+", "+what, f, h)
			}
		}
		check("unchanged", f.meta, file)
		mutants(file, func(what string, changed map[string]string) { check("file: "+what, f.meta, changed) })
		mutants(f.meta, func(what string, changed map[string]string) { check("object: "+what, changed, file) })
		for name := range exclusive() {
			meta, values := maps.Clone(f.meta), maps.Clone(file)
			move(values, meta, name)
			check("to the object: "+name, meta, values)
			meta, values = maps.Clone(f.meta), maps.Clone(file)
			move(meta, values, name)
			check("to the file: "+name, meta, values)
		}
		if got, err := f.open(t.Context(), f.keys, ownOpen(ownPlace)); err != nil || !bytes.Equal(got, f.plain) {
			t.Errorf("%s with a file: %d bytes, %v", f.name, len(got), err)
		}
	}
	t.Logf("%d of %d mutants were accepted", accepted, parsed)
	if parsed < 4000 || accepted < 300 || accepted > parsed/2 {
		t.Errorf("%d of %d mutants were accepted", accepted, parsed)
	}
}

// TestOwnRelabelled gives the wrapped key and body of one format the names of
// another one, both ways. Wraps bind the format, so that nothing opens.
func TestOwnRelabelled(t *testing.T) {
	for _, p := range []pair{{envelope.V3, wrap.AESGCM}, {envelope.V3, wrap.RSAOAEPSHA1}, {envelope.V3, wrap.KMSContext}} {
		v3 := sealObject(t, p.key(t), &envelope.SealOptions{}, pattern(100))
		for _, suite := range ownSuites {
			own := sealObject(t, p.key(t), &envelope.SealOptions{Suite: suite}, pattern(100))
			asOwn, asV3 := own.clone(), v3.clone()
			asOwn.meta["s3seal-key"], asV3.meta["x-amz-3"] = v3.meta["x-amz-3"], own.meta["s3seal-key"]
			for name, o := range map[string]object{"V3 as own": asOwn, "own as V3": asV3} {
				for _, body := range [][]byte{v3.body, own.body} {
					o.body = body
					rejected(t, o, p.key(t), fmt.Sprint(name, p, suite), 0)
				}
			}
			if p.alg == wrap.KMSContext { // with the context that was sealed
				asOwn.meta["s3seal-matdesc"] = v3.meta["x-amz-t"]
				if _, err := asOwn.header(); !isMetadata(err) {
					t.Errorf("%v: a context of V3: %v", suite, err)
				}
			}
		}
		chunked := sealObject(t, p.key(t), &envelope.SealOptions{Suite: envelope.Chunked}, pattern(100))
		chunked.meta["s3seal-suite"], chunked.meta["s3seal-salt"] = "dare2", b64(32)
		if got, err := chunked.open(t.Context(), p.key(t), ownOpen(ownPlace)); err != envelope.ErrDecrypt && !isMetadata(err) || len(got) > 0 {
			t.Errorf("%v: Chunked as DARE2: %d bytes, %v", p, len(got), err)
		}
	}
}

// TestOwnUnknown: a format that was not passed in, and one that nobody knows,
// are named; what reads AWS's formats only, reads nothing.
func TestOwnUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"dare2":  `envelope: metadata s3seal-suite: unknown suite "dare2", which is neither built in nor passed in`,
		"future": `envelope: metadata s3seal-suite: unknown suite "future", which is neither built in nor passed in`,
	} {
		meta := valid()["DARE2"]
		meta["s3seal-suite"] = text
		if _, err := envelope.ParseHeader(meta); err == nil || err.Error() != want {
			t.Errorf("ParseHeader = %v, want %s", err, want)
		}
	}
	none := envelope.NewSuite(nil)
	if _, err := envelope.NewSealer(t.Context(), fipsGCM.key(t), &envelope.SealOptions{Suite: none}); err == nil || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("NewSealer of a suite that is none = %v", err)
	}
	if _, err := envelope.ParseHeader(valid()["DARE2"], none, envelope.V3); !isMetadata(err) {
		t.Errorf("ParseHeader with suites that are not it = %v", err)
	}
	for _, f := range ownFixtures(t) {
		aws := make(map[string]string) // what a client of AWS looks at
		for name, value := range f.meta {
			if strings.HasPrefix(name, "x-amz-") {
				aws[name] = value
			}
		}
		if _, err := envelope.ParseHeader(aws); !errors.Is(err, envelope.ErrNotEncrypted) {
			t.Errorf("%s: AWS's names alone: %v, want ErrNotEncrypted", f.name, err)
		}
	}
}

// TestOwnSpoofed: names of ours beside those of another format, and the other
// way round, are refused before any key is used, whichever the reader believes.
func TestOwnSpoofed(t *testing.T) {
	for a, first := range valid() {
		for b, second := range valid() {
			if strings.HasPrefix(a, "V") == strings.HasPrefix(b, "V") {
				continue
			}
			for name, value := range second {
				meta := maps.Clone(first)
				meta[name] = value
				if h, err := envelope.ParseHeader(meta, dare.DARE2); !isMetadata(err) {
					t.Errorf("%s with %s of %s: %v, %v; want a MetadataError", a, name, b, h, err)
				}
			}
		}
	}
}

// TestOwnPolicy: Chunked opens without any option, DARE needs both of its own,
// and says which before a key is used.
func TestOwnPolicy(t *testing.T) {
	key := &counter{Unwrapper: fipsGCM.key(t)}
	o := sealOwn(t, dare.DARE2, envelope.Binding{}, pattern(10))
	for option, opts := range map[string]*envelope.OpenOptions{
		"AllowUncommitted": {ExtraSuites: []envelope.Suite{dare.DARE2}},
		"ExtraSuites":      {AllowUncommitted: true, ExtraSuites: []envelope.Suite{envelope.Chunked}},
	} {
		_, err := o.open(t.Context(), key, opts)
		wantPolicy(t, option, err, option)
	}
	if key.calls != 0 {
		t.Errorf("%d unwraps before the policy", key.calls)
	}
	h := must[*envelope.Header](t)(o.header())
	required := h.Required()
	if got, err := o.open(t.Context(), key, &required); err != nil || !bytes.Equal(got, o.plain) {
		t.Errorf("with what it requires: %d bytes, %v", len(got), err)
	}
	o = sealOwn(t, envelope.Chunked, envelope.Binding{}, pattern(10))
	if got, err := o.open(t.Context(), key, nil); err != nil || !bytes.Equal(got, o.plain) {
		t.Errorf("Chunked without options: %d bytes, %v", len(got), err)
	}
}

// TestOwnHeaderCheck: headers made by hand are held to the same rules, whoever
// uses them first.
func TestOwnHeaderCheck(t *testing.T) {
	key, one := make([]byte, 60), envelope.Recipient{Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60)}
	good := envelope.Header{Suite: envelope.Chunked, Wrap: wrap.AESGCM, WrappedKey: key}
	for name, change := range map[string]func(h *envelope.Header){
		"s3seal-key-9":  func(h *envelope.Header) { h.Recipients = slices.Repeat([]envelope.Recipient{one}, 8) },
		"s3seal-key-2":  func(h *envelope.Header) { h.Recipients = []envelope.Recipient{{Wrap: wrap.AESGCM}} },
		"s3seal-wrap-2": func(h *envelope.Header) { h.Recipients = []envelope.Recipient{{Wrap: wrap.AESKW, WrappedKey: key}} },
		"s3seal-matdesc-3": func(h *envelope.Header) {
			h.Recipients = []envelope.Recipient{one, {Wrap: wrap.KMSContext, WrappedKey: key}}
		},
		"s3seal-salt":  func(h *envelope.Header) { h.IV = make([]byte, 32) },
		"s3seal-empty": func(h *envelope.Header) { h.Empty = true },
		"s3seal-wrap":  func(h *envelope.Header) { h.Wrap = wrap.Unnamed },
		"x-amz-d":      func(h *envelope.Header) { h.Commitment = make([]byte, 28) },
		"s3seal-key-2 of V3": func(h *envelope.Header) {
			*h = envelope.Header{Wrap: wrap.AESGCM, WrappedKey: key, IV: key[:28], Commitment: key[:28], Recipients: []envelope.Recipient{one}}
		},
		"s3seal-key-2 of DARE": func(h *envelope.Header) {
			h.Suite, h.IV, h.Recipients = dare.DARE2, key[:32], []envelope.Recipient{one}
		},
		"s3seal-bound of V2": func(h *envelope.Header) { h.Suite, h.IV, h.Bound = envelope.V2GCM, key[:12], true },
		"s3seal-empty of V2": func(h *envelope.Header) { h.Suite, h.IV, h.Empty = envelope.V2GCM, key[:12], true },
	} {
		h := good
		change(&h)
		opts := everything()
		_, errOpen := envelope.NewOpener(t.Context(), &h, fixedKey{cek: kek}, &opts)
		_, errWrap := envelope.Rewrap(t.Context(), &h, fixedKey{cek: kek}, fipsGCM.key(t), nil)
		_, errMeta := h.Metadata()
		for _, err := range []error{errOpen, errWrap, errMeta} {
			var bad *envelope.MetadataError
			if want, _, _ := strings.Cut(name, " "); !errors.As(err, &bad) || bad.Name != want {
				t.Errorf("%s: %v, want a MetadataError about %s", name, err, want)
			}
		}
	}
	h := good
	h.Recipients = slices.Repeat([]envelope.Recipient{one}, 7)
	if _, err := h.Metadata(); err != nil {
		t.Errorf("8 recipients: %v", err)
	}
	if got := h.String(); !strings.HasPrefix(got, "Chunked, key wrapped by AES/GCM and by AES/GCM and by ") {
		t.Errorf("String = %q", got)
	}
	h.Recipients[6].MatDesc = map[string]string{"\xff": ""}
	if _, err := h.Metadata(); !isMetadata(err) {
		t.Errorf("a description that is not UTF-8: %v", err)
	}
}

// TestOwnParts: there are none, and the sealer is still good.
func TestOwnParts(t *testing.T) {
	for _, suite := range ownSuites {
		p := pair{suite, wrap.AESGCM}
		s := p.sealer(t)
		if _, err := s.Parts(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: Parts = %v, want ErrUnsupported", suite, err)
		}
		if _, err := s.Reader(strings.NewReader("x")); err != nil {
			t.Errorf("%v: Reader after Parts = %v", suite, err)
		}
		key := &counter{Unwrapper: p.key(t)}
		if _, err := envelope.ResumeParts(t.Context(), s.Header(), key, make([]byte, 1000)); !errors.Is(err, errors.ErrUnsupported) || key.calls != 0 {
			t.Errorf("%v: ResumeParts = %v after %d unwraps", suite, err, key.calls)
		}
	}
}
