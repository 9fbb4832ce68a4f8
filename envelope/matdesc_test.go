// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"pgregory.net/rapid"
)

// parseDesc reads text as the description of a V1 header.
func parseDesc(text string) (map[string]string, error) {
	meta := valid()["V1"]
	meta["x-amz-matdesc"] = text
	h, err := envelope.ParseHeader(meta)
	if err != nil {
		return nil, err
	}
	return h.MatDesc, nil
}

// TestMatDescText reads what clients write, and refuses what no client should.
func TestMatDescText(t *testing.T) {
	for text, want := range map[string]map[string]string{
		``:                             {},
		`{}`:                           {},
		"{\n}\n":                       {},
		`{"a":"b"}`:                    {"a": "b"},
		`{"a": "b", "c": "d"}`:         {"a": "b", "c": "d"},
		`{"n":"AES\/GCM\/NoPad"}`:      {"n": "AES/GCM/NoPad"},
		`{"n":"\u003c\u0026\u003e"}`:   {"n": "<&>"},
		`{"n":"\ud83d\ude00"}`:         {"n": "😀"},
		`{"\\ud83d":"\\"}`:             {`\ud83d`: `\`},
		`{"A":"b","a":"c"}`:            {"A": "b", "a": "c"},
		`{"":""}`:                      {"": ""},
		`=?UTF-8?B?eyJhIjoiYiJ9?=`:     {"a": "b"},
		`=?utf-8?q?{"a":"=C3=A9"}?=`:   {"a": "é"},
		`=?ISO-8859-1?Q?{"a":"=E9"}?=`: {"a": "é"},
	} {
		if got, err := parseDesc(text); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		" ", "x", "null", "[]", `"a"`, "1", "{", "{}{}", "{} x", `{"a"}`, `{"a":}`, `{"a":"b",}`, `{,}`, `{a:"b"}`, `{'a':'b'}`,
		`{"a":1}`, `{"a":null}`, `{"a":true}`, `{"a":[]}`, `{"a":{}}`, `{"a":"b","a":"b"}`, `{"a":"b","\u0061":"c"}`,
		`{"\ud800":"x"}`, `{"\ude00\ud83d":"x"}`, `{"a":"\ud83dx"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\ud83d\\ude00"}`, `{"a":"\uD83D"}`,
		"{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}", "\ufeff{}", `=?UTF-8?B?!!!?=`, `=?UTF-8?Q??=`, `=?UTF-8?B??=`, `=?KOI8-R?B?eyJhIjoiYiJ9?=`, `=?UTF-8?B?`,
	} {
		got, err := parseDesc(text)
		if bad := new(envelope.MetadataError); !errors.As(err, &bad) || bad.Name != "x-amz-matdesc" {
			t.Errorf("%q = %q, %v; want a MetadataError", text, got, err)
		}
	}
}

// TestMatDescDoubleEncoding reads descriptions outside ASCII as S3 returns
// them (encoded twice), as other stores do (once), and with or without the
// RFC 2047 words that some SDKs decode.
func TestMatDescDoubleEncoding(t *testing.T) {
	var file struct {
		Vectors []struct {
			Original string
			Twice    string `json:"after_first_pass_utf8_hex"`
			RFC2047  string `json:"rfc2047_b"`
		}
	}
	parseJSON(t, readFile(t, "testdata", "formats_double_encoding.json"), &file)
	if len(file.Vectors) != 4 {
		t.Fatalf("vectors: want 4, got %d", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		var want map[string]string
		parseJSON(t, []byte(v.Original), &want)
		for _, text := range []string{v.Original, string(vectors.DecodeHex(t, v.Twice)), v.RFC2047} {
			if got, err := parseDesc(text); err != nil || !maps.Equal(got, want) {
				t.Errorf("%q = %q, %v; want %q", text, got, err, want)
			}
		}
	}
	once := "=?UTF-8?b?eyJrIjoiw6nmvKIifQ==?=" // {"k":"é漢"}
	if got, err := parseDesc(once); err != nil || got["k"] != "é漢" {
		t.Errorf("%q = %q, %v; want é漢", once, got, err)
	}
}

// TestMatDescRoundTrip writes any description as ASCII JSON that reads back,
// also by another JSON parser.
func TestMatDescRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desc := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "desc")
		h := &envelope.Header{Suite: envelope.V1, WrappedKey: make([]byte, 48), IV: make([]byte, 16), MatDesc: desc}
		meta, err := h.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		text := meta["x-amz-matdesc"]
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not printable ASCII", text)
		}
		if got, err := parseDesc(text); err != nil || !maps.Equal(got, desc) {
			t.Errorf("%q reads back as %q, %v; want %q", text, got, err, desc)
		}
		var other map[string]string
		if err := json.Unmarshal([]byte(text), &other); err != nil || !maps.Equal(other, desc) {
			t.Errorf("%q reads back as %q, %v; want %q", text, other, err, desc)
		}
	})
}

// TestMatDescStrictForm pins the one form that is written.
func TestMatDescStrictForm(t *testing.T) {
	for want, desc := range map[string]map[string]string{
		`{}`:                                   nil,
		`{"a":"1","b":"2"}`:                    {"b": "2", "a": "1"},
		`{"k":"\u00e9\ud83d\ude00<&>/\u007f"}`: {"k": "é😀<&>/\x7f"},
	} {
		h := &envelope.Header{Suite: envelope.V1, WrappedKey: make([]byte, 48), IV: make([]byte, 16), MatDesc: desc}
		meta, err := h.Metadata()
		if err != nil || meta["x-amz-matdesc"] != want {
			t.Errorf("Metadata of %q = %q, %v; want %q", desc, meta["x-amz-matdesc"], err, want)
		}
	}
	for name, desc := range map[string]map[string]string{
		"invalid name":  {"\xff": ""},
		"invalid value": {"": "\xff"},
		"too long":      {"a": strings.Repeat("x", 1<<16)},
	} {
		h := &envelope.Header{Suite: envelope.V1, WrappedKey: make([]byte, 48), IV: make([]byte, 16), MatDesc: desc}
		meta, err := h.Metadata()
		if bad := new(envelope.MetadataError); !errors.As(err, &bad) || meta != nil {
			t.Errorf("%s: Metadata = %v, want a MetadataError", name, err)
		}
	}
}

// TestMatDescGarbage: texts that are almost JSON never panic, and what is
// accepted is what encoding/json accepts.
func TestMatDescGarbage(t *testing.T) {
	pieces := []string{"{", "}", `"`, `"a"`, ":", ",", `\`, `\u`, `\ud83d`, `\ude00`, "d83d", "é", "\xff", "=?", "?=", "[", "1", " ", "UTF-8?Q?"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "text"), "")
		got, err := parseDesc(text)
		if err != nil || text == "" || strings.HasPrefix(text, "=?") {
			return
		}
		var want map[string]string
		if err := json.Unmarshal([]byte(text), &want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q = %q, want %q (%v)", text, got, want, err)
		}
	})
}
