// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/internal/vectors"
)

// metadataSeeds are texts, and cases of the test kit with what is done to them.
func metadataSeeds(t testing.TB) (seeds [][]any) {
	given := func(text []byte) { seeds = append(seeds, []any{uint32(0), []byte{}, text}) }
	for _, x := range fixtures(t) {
		given(joinMap(x.Metadata))
	}
	for i, c := range cases(t) {
		given(joinFields(c.Metadata))
		n := byte(i)
		for op := range len(headerAlterations) {
			if (i+op)%4 == 0 {
				seeds = append(seeds, []any{uint32(i + 1), []byte{byte(op), n * 3, n, byte(op + i), n * 7, n * 5}, []byte{}})
			}
		}
	}
	if data, ok := vectors.Find(t, "formats_ses_metadata.json"); ok {
		var file struct{ Metadata map[string]string }
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		given(joinMap(file.Metadata))
	}
	return seeds
}

// FuzzMetadataParse: metadata is accepted if and only if the reference accepts
// it, for the same suite; and what can be written comes back the same. It is given,
// or added to that of a case, which is then altered.
func FuzzMetadataParse(f *testing.F) {
	plant(f, metadataSeeds(f))
	all := cases(f)
	f.Fuzz(func(t *testing.T, which uint32, ops, text []byte) {
		fields := splitFields(text)
		if i := int(which % uint32(len(all)+1)); i > 0 {
			c := &testkit.Case{Metadata: slices.Clone(all[i-1].Metadata)}
			alterHeader(c, all[i%len(all)], ops, text)
			fields = c.Metadata
		}
		h, err := envelope.ParseHeader(asMap(fields), dare.DARE2)
		ref, want := testkit.ParseMetadata(fields, nil)
		checkParsed(t, h, err, ref, want)
		if err == nil {
			checkRewritten(t, h)
		}
	})
}

// alterHeader does to metadata what alterObject does to objects.
func alterHeader(c, other *testkit.Case, ops, meta []byte) {
	own := make([]byte, 0, len(ops))
	for ops = ops[:min(len(ops), 30)]; len(ops) >= 3; ops = ops[3:] {
		own = append(own, byte(len(alterations)+int(ops[0])%len(headerAlterations)), ops[1], ops[2])
	}
	alterObject(c, other, own, meta)
}

// checkParsed compares with the reference.
func checkParsed(t *testing.T, h *envelope.Header, err error, ref *testkit.Header, want testkit.Outcome) {
	t.Helper()
	meta := new(envelope.MetadataError)
	switch {
	case err == nil && want == testkit.Success:
		if got := h.Suite.String(); got != ref.Suite {
			t.Fatalf("suite %s, want %s", got, ref.Suite)
		}
	case errors.Is(err, envelope.ErrNotEncrypted) && want == testkit.NotEncrypted:
	case errors.As(err, &meta) && want == testkit.BadMetadata:
	default:
		t.Fatalf("%v, %v; want %s", h, err, want)
	}
}

// checkRewritten writes what was read, if that can be, and reads it again.
func checkRewritten(t *testing.T, h *envelope.Header) {
	t.Helper()
	written, err := h.Metadata()
	if err != nil {
		return // can be read, is never written
	}
	again, err := envelope.ParseHeader(written, dare.DARE2)
	if err != nil {
		t.Fatalf("ParseHeader of %q = %v", written, err)
	}
	rewritten := must[map[string]string](t)(again.Metadata())
	if diff := cmp.Diff(written, rewritten); diff != "" || !maps.Equal(h.MatDesc, again.MatDesc) {
		t.Fatalf("metadata changed when read and written again (-first +second):\n%s", diff)
	}
	if meta, file, err := h.InstructionFile(); err == nil {
		if h, err := envelope.ParseInstructionFile(meta, bytes.NewReader(file), dare.DARE2); err != nil || h.Suite != again.Suite {
			t.Fatalf("ParseInstructionFile of %q and %s = %v, %v", meta, file, h, err)
		}
	}
}

func instructionSeeds(t testing.TB) (seeds [][]any) {
	for _, x := range fixtures(t) {
		if x.file != nil {
			seeds = append(seeds, []any{joinMap(x.Metadata), x.file})
		}
	}
	for _, c := range cases(t) {
		if c.Instruction != nil && len(c.Instruction) < 4096 {
			seeds = append(seeds, []any{joinFields(c.Metadata), c.Instruction})
		}
	}
	return append(seeds, []any{[]byte{}, []byte(`{"EncryptedEnvelopeKey":"AAAAAAAAAAAAAAAAAAAAAA==","IV":"AAAAAAAAAAAAAAAAAAAAAA=="}`)})
}

// FuzzInstructionJSON: an instruction file is accepted, beside the metadata of
// its object, if and only if the reference accepts it; and then it is one for
// whoever only asks that.
func FuzzInstructionJSON(f *testing.F) {
	plant(f, instructionSeeds(f))
	f.Fuzz(func(t *testing.T, text, file []byte) {
		fields := splitFields(text)
		meta := asMap(fields)
		h, err := envelope.ParseInstructionFile(meta, bytes.NewReader(file), dare.DARE2)
		if errors.Is(err, envelope.ErrNotEncrypted) {
			t.Fatal("an instruction file is not encrypted")
		}
		if _, err := envelope.ParseDotNetInstructionFile(meta, bytes.NewReader(file), dare.DARE2); h != nil && err != nil {
			t.Fatalf("read as the file that it is, but not with other names: %v", err)
		}
		is, ioErr := envelope.IsInstructionFile(bytes.NewReader(file), dare.DARE2)
		if ioErr != nil || err == nil && !is {
			t.Fatalf("IsInstructionFile = %t, %v of a file that was read", is, ioErr)
		}
		if envelope.NeedsInstructionFile(meta) {
			ref, want := testkit.ParseMetadata(fields, append([]byte{}, file...))
			checkParsed(t, h, err, ref, want)
		} else if err == nil {
			t.Fatal("a file was read for an object that needs none")
		}
	})
}

func doubleSeeds(t testing.TB) (seeds [][]any) {
	var file any
	data := must[[]byte](t)(os.ReadFile("../envelope/testdata/formats_double_encoding.json"))
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts(file) {
		seeds = append(seeds, []any{text, text, uint8(len(seeds))})
	}
	for _, c := range cases(t) {
		if strings.HasPrefix(c.Name, "description-") {
			seeds = append(seeds, []any{c.Get("x-amz-matdesc"), "\u00e9\u6f22", uint8(len(seeds))})
		}
	}
	return seeds
}

// texts are all strings in a JSON value.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	}
	return all
}

// FuzzS3DoubleEncoding: a description means what the reference makes of it, and
// one that went through a store means what it did before.
func FuzzS3DoubleEncoding(f *testing.F) {
	plant(f, doubleSeeds(f))
	f.Fuzz(func(t *testing.T, stored, value string, mode uint8) {
		description(t, stored)
		value = strings.ToValidUTF8(value, "?")
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]string{"k": value}); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(b.String(), "\n")
		sent := text
		if mode&1 != 0 { // S3 takes the bytes for Latin-1
			sent = latin(text)
		} else if testkit.RepairText(text) != text {
			return // looks as if it was that already
		}
		switch mode >> 1 % 3 {
		case 1:
			sent = mime.BEncoding.Encode("UTF-8", sent)
		case 2:
			sent = mime.QEncoding.Encode("UTF-8", sent)
		}
		if got, ok := description(t, sent); !ok || !maps.Equal(got, map[string]string{"k": value}) {
			t.Fatalf("%q was sent as %q and read as %q, %t", text, sent, got, ok)
		}
	})
}

// description reads one, by package envelope and by the reference.
func description(t *testing.T, text string) (map[string]string, bool) {
	t.Helper()
	key, iv := strings.Repeat("A", 64), strings.Repeat("A", 16)
	fields := []testkit.Field{
		{Name: "x-amz-key-v2", Value: key},
		{Name: "x-amz-iv", Value: iv},
		{Name: "x-amz-cek-alg", Value: "AES/GCM/NoPadding"},
		{Name: "x-amz-wrap-alg", Value: "AES/GCM"},
		{Name: "x-amz-matdesc", Value: text},
	}
	h, err := envelope.ParseHeader(asMap(fields))
	ref, want := testkit.ParseMetadata(fields, nil)
	checkParsed(t, h, err, ref, want)
	if err != nil {
		return nil, false
	}
	if !maps.Equal(h.MatDesc, ref.MatDesc()) {
		t.Fatalf("%q is %q, want %q", text, h.MatDesc, ref.MatDesc())
	}
	return h.MatDesc, true
}

// latin takes bytes for characters.
func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
