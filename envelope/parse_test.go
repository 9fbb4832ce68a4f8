// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"pgregory.net/rapid"
)

func b64(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// valid returns metadata of each format that parses.
func valid() map[string]map[string]string {
	return map[string]map[string]string{
		"V1": {"x-amz-key": b64(48), "x-amz-iv": b64(16), "x-amz-matdesc": "{}"},
		"V2-GCM": {
			"x-amz-key-v2": b64(60), "x-amz-iv": b64(12), "x-amz-cek-alg": "AES/GCM/NoPadding",
			"x-amz-wrap-alg": "AES/GCM", "x-amz-matdesc": `{"a":"b"}`, "x-amz-tag-len": "128",
		},
		"V2-CBC": {
			"x-amz-key-v2": b64(40), "x-amz-iv": b64(16), "x-amz-cek-alg": "AES/CBC/PKCS5Padding",
			"x-amz-wrap-alg": "AESWrap", "x-amz-matdesc": "{}", "x-amz-tag-len": "0",
		},
		"V2-CTR": {
			"x-amz-key-v2": b64(40), "x-amz-iv": b64(16), "x-amz-cek-alg": "AES/CTR/NoPadding",
			"x-amz-wrap-alg": "AESWrap", "x-amz-matdesc": "{}", "x-amz-tag-len": "0",
		},
		"V3": {"x-amz-3": b64(60), "x-amz-c": "115", "x-amz-w": "02", "x-amz-d": b64(28), "x-amz-i": b64(28), "x-amz-m": "{}"},
		"V3 kms": {
			"x-amz-3": b64(60), "x-amz-c": "115", "x-amz-w": "12", "x-amz-d": b64(28), "x-amz-i": b64(28),
			"x-amz-t": `{"aws:x-amz-cek-alg":"115","user":"é"}`,
		},
		"Chunked": {"s3seal-suite": "chunked1", "s3seal-key": b64(60), "s3seal-wrap": "02", "s3seal-matdesc": "{}"},
		"Chunked for 3": {
			"s3seal-suite": "chunked1", "s3seal-bound": "1", "s3seal-key": b64(60), "s3seal-wrap": "12",
			"s3seal-matdesc": `{"aws:x-amz-cek-alg":"S3SEAL/CHUNKED1"}`, "s3seal-key-2": b64(256), "s3seal-wrap-2": "22",
			"s3seal-matdesc-2": `{"a":"b"}`, "s3seal-key-3": b64(60), "s3seal-wrap-3": "02",
		},
		"DARE2": {
			"s3seal-suite": "dare2", "s3seal-key": b64(60), "s3seal-wrap": "12", "s3seal-salt": b64(32),
			"s3seal-matdesc": `{"aws:x-amz-cek-alg":"S3SEAL/DARE2"}`,
		},
		"DARE2 empty": {
			"s3seal-suite": "dare2", "s3seal-key": b64(60), "s3seal-wrap": "02", "s3seal-salt": b64(32),
			"s3seal-matdesc": "{}", "s3seal-bound": "1", "s3seal-empty": "1",
		},
	}
}

// reference says what ParseHeader must make of metadata: the name of the
// suite, "none", or "bad". It is written from the description of the formats,
// as plainly as possible, and shares no code with the parser.
func reference(meta map[string]string) string {
	m, anyOwn := map[string]string{}, false
	for name, value := range meta {
		name = strings.TrimPrefix(strings.ToLower(name), "x-amz-meta-")
		own := strings.HasPrefix(name, "s3seal-")
		if !own && !strings.HasPrefix(name, "x-amz-") || value == "" {
			continue
		}
		if _, twice := m[name]; twice {
			return "bad"
		}
		m[name] = value
		anyOwn = anyOwn || own
	}
	has := func(names string) bool {
		return slices.ContainsFunc(strings.Fields(names), func(n string) bool { return m["x-amz-"+n] != "" })
	}
	const v2only, v3only = "key-v2 cek-alg wrap-alg tag-len", "3 c d i w m t"
	switch {
	case anyOwn:
		return referenceOwn(m)
	case m["x-amz-key"] != "" && !has(v2only+" "+v3only):
		return referenceV1(m)
	case m["x-amz-key-v2"] != "" && !has("key "+v3only):
		return referenceV2(m)
	case m["x-amz-3"] != "" && !has("key iv matdesc unencrypted-content-md5 "+v2only):
		return referenceV3(m)
	case has("key iv matdesc " + v2only + " " + v3only):
		return "bad"
	}
	for name := range m {
		if strings.HasPrefix(name, "x-amz-key-") {
			return "bad" // a format that is not known
		}
	}
	return "none"
}

func referenceV1(m map[string]string) string {
	if !isKey(m["x-amz-key"]) || !isBase64(m["x-amz-iv"], 16) || !isObject(m["x-amz-matdesc"]) {
		return "bad"
	}
	return "V1"
}

func referenceV2(m map[string]string) string {
	wraps := []string{"", "AES/GCM", "AESWrap", "RSA-OAEP-SHA1", "RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "kms", "kms+context"}
	if !isKey(m["x-amz-key-v2"]) || !isObject(m["x-amz-matdesc"]) || !slices.Contains(wraps, m["x-amz-wrap-alg"]) {
		return "bad"
	}
	suite, iv := "bad", 16
	switch m["x-amz-cek-alg"] {
	case "AES/GCM/NoPadding":
		suite, iv = "V2-GCM", 12
		if !slices.Contains([]string{"", "128", "16"}, m["x-amz-tag-len"]) {
			return "bad"
		}
	case "", "AES/CBC/PKCS5Padding", "AES/CBC/PKCS7Padding", "AES/CBC":
		suite = "V2-CBC"
	case "AES/CTR/NoPadding":
		suite = "V2-CTR"
	}
	if !isBase64(m["x-amz-iv"], iv) {
		return "bad"
	}
	alg := cmp.Or(m["x-amz-cek-alg"], "AES/CBC/PKCS5Padding") // what the oldest clients meant by none
	bound, ok := entries(m["x-amz-matdesc"])["aws:x-amz-cek-alg"]
	switch m["x-amz-wrap-alg"] {
	case "kms": // has no such entry, unless the name of the wrap was changed
		if ok && bound != alg {
			return "bad"
		}
	case "kms+context":
		if bound != alg {
			return "bad"
		}
	}
	return suite
}

func referenceV3(m map[string]string) string {
	desc, bound := m["x-amz-m"], true
	switch m["x-amz-w"] {
	case "02", "22":
	case "12":
		desc = m["x-amz-t"]
		bound = entries(desc)["aws:x-amz-cek-alg"] == "115"
	default:
		return "bad"
	}
	if m["x-amz-c"] != "115" || !isKey(m["x-amz-3"]) || !isBase64(m["x-amz-d"], 28) || !isBase64(m["x-amz-i"], 28) {
		return "bad"
	}
	if !isObject(desc) || !bound {
		return "bad"
	}
	return "V3"
}

// referenceOwn knows the names of s3seal's own formats, and no others may be
// beside them.
func referenceOwn(m map[string]string) string {
	alg := map[string]string{"chunked1": "S3SEAL/CHUNKED1", "dare2": "S3SEAL/DARE2"}[m["s3seal-suite"]]
	chunked, recipients := m["s3seal-suite"] == "chunked1", 0
	for n := 1; n <= 8; n++ {
		suffix := fmt.Sprint("-", n)
		if n == 1 {
			suffix = ""
		}
		if m["s3seal-key"+suffix] == "" {
			break
		}
		recipients++
		desc := m["s3seal-matdesc"+suffix]
		switch m["s3seal-wrap"+suffix] {
		case "02", "22":
		case "12":
			if entries(desc)["aws:x-amz-cek-alg"] != alg {
				return "bad"
			}
		default:
			return "bad"
		}
		if !isKey(m["s3seal-key"+suffix]) || !isObject(desc) {
			return "bad"
		}
		for _, name := range []string{"key", "wrap", "matdesc"} {
			delete(m, "s3seal-"+name+suffix)
		}
	}
	ok := alg != "" && recipients >= 1 && (chunked || recipients == 1 && isBase64(m["s3seal-salt"], 32))
	for name, value := range m {
		switch {
		case name == "s3seal-suite" || name == "x-amz-crypto-instr-file":
		case strings.HasPrefix(name, "x-amz-") && !strings.HasPrefix(name, "x-amz-key-") && !slices.Contains(modelNames, name):
		case name == "s3seal-bound", name == "s3seal-empty" && !chunked:
			ok = ok && value == "1"
		case name == "s3seal-salt" && !chunked:
		default:
			return "bad"
		}
	}
	if !ok {
		return "bad"
	}
	return map[bool]string{true: "Chunked", false: "DARE2"}[chunked]
}

// size is the size of what s encodes: standard base64, in the one spelling that
// an encoder writes, and blanks at the end. It is -1 for all else.
func size(s string) int {
	s = strings.TrimRight(s, " \r\n\t")
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return -1
	}
	return len(b)
}

func isBase64(s string, n int) bool { return size(s) == n }

func isKey(s string) bool { return size(s) >= 16 }

// entries are those of a JSON object of strings that has each name once. It is
// nil for all else, and empty where there is no text.
func entries(s string) map[string]string {
	m := map[string]string{}
	if s == "" {
		return m
	}
	if !json.Valid([]byte(s)) { // the decoder below takes more
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	if t, _ := dec.Token(); t != json.Delim('{') {
		return nil
	}
	for dec.More() {
		name, _ := dec.Token()
		value, _ := dec.Token()
		text, ok := value.(string)
		if _, twice := m[name.(string)]; twice || !ok {
			return nil
		}
		m[name.(string)] = text
	}
	return m
}

func isObject(s string) bool { return entries(s) != nil }

var (
	badObjects  = []string{"{", "[]", `"a"`, "null", `{"a":1}`, `{"a":"b","a":"c"}`, `{"a":"b"}{}`, `{"a":{}}`, `{"a":"b",}`, "{}\x00", "é"}
	goodObjects = []string{
		"{}", `{"aws:x-amz-cek-alg":"AES/CBC/PKCS5Padding","kms_cmk_id":"k"}`, "{ }", `{"a":"b"}`, `{"aws:x-amz-cek-alg":"115"}`, `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`,
		`{"aws:x-amz-cek-alg":"115","user":"é"}`, `{"aws:x-amz-cek-alg":"S3SEAL/CHUNKED1"}`, `{"aws:x-amz-cek-alg":"S3SEAL/DARE2"}`,
	}
	badBase64  = []string{"=", "A", "%%%%", "QUJD", b64(16)[:23] + "*", "\n" + b64(16), b64(12)[:8] + "\n" + b64(12)[8:]}
	goodValues = []string{
		"", b64(12), b64(13), b64(15), b64(16), b64(16) + "\n", b64(16) + " \r\n", b64(27), b64(28), b64(29), b64(40),
		"115", "114", "02", "12", "22", "01", "11", "21", "AES/GCM", "AESWrap", "kms", "kms+context", "AES", "RSA", "RSA-OAEP-SHA1",
		"RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "aes/gcm", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding", "AES/CBC/PKCS7Padding", "AES/CBC",
		"AES/CTR/NoPadding", "AES/ECB/PKCS5Padding", "128", "16", "0", "96", "0128", "128 ",
		"chunked1", "dare2", "chunked2", "Chunked1", "S3SEAL/CHUNKED1", "1", "true", b64(31), b64(32), b64(33),
	}
	modelNames = strings.Fields("x-amz-key x-amz-key-v2 x-amz-3 x-amz-iv x-amz-cek-alg x-amz-wrap-alg x-amz-matdesc x-amz-tag-len " +
		"x-amz-c x-amz-w x-amz-d x-amz-i x-amz-m x-amz-t x-amz-unencrypted-content-length x-amz-unencrypted-content-md5 " +
		"content-type user x-amz-crypto-instr-file x-amz-key-v9 " +
		"s3seal-suite s3seal-key s3seal-wrap s3seal-matdesc s3seal-salt s3seal-bound s3seal-empty s3seal-key-1 s3seal-key-2 s3seal-wrap-2 " +
		"s3seal-matdesc-2 s3seal-key-3 s3seal-wrap-3 s3seal-matdesc-3 s3seal-key-4 s3seal-wrap-4 s3seal-key-9 s3seal-unknown")
)

// A failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkModel compares ParseHeader with the reference.
func checkModel(t failer, meta map[string]string) {
	t.Helper()
	want := reference(meta)
	h, err := envelope.ParseHeader(meta, dare.DARE2)
	got := "bad"
	switch metaErr := new(envelope.MetadataError); {
	case err == nil:
		got = h.Suite.String()
	case errors.Is(err, envelope.ErrNotEncrypted):
		got = "none"
	case !errors.As(err, &metaErr) || metaErr.Name == "" || metaErr.Reason == "":
		t.Errorf("ParseHeader(%q): %v is neither ErrNotEncrypted nor a full MetadataError", meta, err)
	}
	if got != want {
		t.Errorf("ParseHeader(%q) = %s (%v), want %s", meta, got, err, want)
	}
}

// TestParseModel changes valid metadata at random and compares with the
// reference.
func TestParseModel(t *testing.T) {
	formats := slices.Sorted(maps.Keys(valid()))
	values := slices.Concat(goodValues, goodObjects, badObjects, badBase64)
	rapid.Check(t, func(t *rapid.T) {
		meta := valid()[rapid.SampledFrom(formats).Draw(t, "format")]
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			name := rapid.SampledFrom(modelNames).Draw(t, "name")
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0:
				delete(meta, name)
			case 1, 2:
				meta[name] = rapid.SampledFrom(values).Draw(t, "value")
			case 3:
				rename(meta, name, strings.ToUpper(name))
			case 4:
				rename(meta, name, "X-Amz-Meta-"+name)
			}
		}
		checkModel(t, meta)
	})
}

func rename(meta map[string]string, from, to string) {
	if value, ok := meta[from]; ok {
		delete(meta, from)
		meta[to] = value
	}
}

// TestParseEachChange makes every single change there is.
func TestParseEachChange(t *testing.T) {
	values := slices.Concat(goodValues, goodObjects, badObjects, badBase64)
	for format := range valid() {
		checkModel(t, valid()[format])
		for _, name := range modelNames {
			removed := valid()[format]
			delete(removed, name)
			checkModel(t, removed)
			twice := valid()[format]
			twice[strings.ToUpper(name)] = "x"
			checkModel(t, twice)
			for _, value := range values {
				changed := valid()[format]
				changed[name] = value
				checkModel(t, changed)
			}
		}
	}
	checkModel(t, nil)
	checkModel(t, map[string]string{"x-amz-key": "", "user": "x"})
}

// TestParseNames pins what the model leaves out.
func TestParseNames(t *testing.T) {
	good := valid()["V2-GCM"]
	prefixed := make(map[string]string)
	for name, value := range good {
		prefixed["X-Amz-Meta-"+strings.ToUpper(name)] = value
	}
	for name, meta := range map[string]map[string]string{"bare": good, "prefixed": prefixed} {
		if h, err := envelope.ParseHeader(meta); err != nil || h.Suite != envelope.V2GCM {
			t.Errorf("%s: ParseHeader = %v, %v; want V2-GCM", name, h, err)
		}
	}
	for name, c := range map[string]struct {
		meta map[string]string
		want string
	}{
		"prefix twice":       {map[string]string{"x-amz-meta-x-amz-meta-x-amz-key": b64(48)}, "envelope: object is not encrypted"},
		"kelvin sign":        {map[string]string{"x-amz-\u212aey": b64(48)}, "envelope: object is not encrypted"},
		"unknown version":    {map[string]string{"x-amz-key-v9": b64(48)}, "x-amz-key-v9: present without a wrapped key, or of an unknown format"},
		"instruction file":   {map[string]string{"x-amz-c": "115", "x-amz-d": b64(28), "x-amz-i": b64(28)}, "in an instruction file"},
		"length left behind": {map[string]string{"x-amz-unencrypted-content-length": "5"}, "envelope: object is not encrypted"},
		"key removed":        {map[string]string{"x-amz-iv": b64(16), "x-amz-matdesc": "{}"}, "x-amz-iv: present without a wrapped key"},
	} {
		_, err := envelope.ParseHeader(c.meta)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ParseHeader = %v, want %q", name, err, c.want)
		}
	}
}

// TestParseRefusals pins the errors that name what was refused.
func TestParseRefusals(t *testing.T) {
	for _, c := range []struct{ format, name, value, want string }{
		{"V2-GCM", "x-amz-cek-alg", "AES/ECB/PKCS5Padding", "envelope: metadata x-amz-cek-alg: content in AES/ECB is never decrypted"},
		{"V2-GCM", "x-amz-cek-alg", "115", "envelope: metadata x-amz-cek-alg: 115 belongs to format V3"},
		{"V2-GCM", "x-amz-cek-alg", "ChaCha20", `envelope: metadata x-amz-cek-alg: unknown algorithm "ChaCha20"`},
		{"V2-GCM", "x-amz-wrap-alg", "AES", `envelope: metadata x-amz-wrap-alg: unknown algorithm "AES"`},
		{"V2-GCM", "x-amz-tag-len", "96", `envelope: metadata x-amz-tag-len: want 128, got "96"`},
		{"V2-GCM", "x-amz-iv", b64(16), "envelope: metadata x-amz-iv: want 12 bytes, got 16"},
		{"V2-GCM", "x-amz-key-v2", b64(15), "envelope: metadata x-amz-key-v2: want at least 16 bytes, got 15"},
		{"V2-GCM", "x-amz-c", "115", "envelope: metadata x-amz-c: does not belong to format V2"},
		{"V2-GCM", "x-amz-cek-alg", strings.Repeat("x", 1000), `envelope: metadata x-amz-cek-alg: unknown algorithm "` + strings.Repeat("x", 64) + `..."`},
		{"V2-GCM", "x-amz-matdesc", strings.Repeat("x", 65537), "envelope: metadata x-amz-matdesc: want at most 65536 bytes, got 65537"},
		{"V3", "x-amz-c", "112", `envelope: metadata x-amz-c: want 115, got "112"`},
		{"V3", "x-amz-w", "AES/GCM", `envelope: metadata x-amz-w: want 02, 12 or 22, got "AES/GCM"`},
		{"V3", "x-amz-d", b64(27), "envelope: metadata x-amz-d: want 28 bytes, got 27"},
		{"V3", "x-amz-key-v2", b64(60), "envelope: metadata x-amz-3: does not belong to format V2"},
		{"V3 kms", "x-amz-t", `{}`, `envelope: metadata x-amz-t: entry aws:x-amz-cek-alg: want 115, got ""`},
	} {
		meta := valid()[c.format]
		meta[c.name] = c.value
		if _, err := envelope.ParseHeader(meta); err == nil || err.Error() != c.want {
			t.Errorf("%s, %s=%.20q: ParseHeader = %v, want %s", c.format, c.name, c.value, err, c.want)
		}
	}
}

// TestParseRelabelledKMS: a context made for kms+context keeps its promise
// when the wrap is relabelled to kms.
func TestParseRelabelledKMS(t *testing.T) {
	meta := map[string]string{
		"x-amz-key-v2": b64(60), "x-amz-iv": b64(16), "x-amz-cek-alg": "AES/CBC/PKCS5Padding",
		"x-amz-wrap-alg": "kms", "x-amz-matdesc": `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`,
	}
	var bad *envelope.MetadataError
	if _, err := envelope.ParseHeader(meta); !errors.As(err, &bad) || bad.Name != "x-amz-matdesc" {
		t.Errorf("ParseHeader = %v, want a MetadataError about x-amz-matdesc", err)
	}
	meta["x-amz-matdesc"] = `{"kms_cmk_id":"k"}`
	if _, err := envelope.ParseHeader(meta); err != nil {
		t.Errorf("ParseHeader of a real kms header = %v", err)
	}
}

// TestParseGarbage: whatever storage returns, there is no panic.
func TestParseGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		meta := rapid.MapOf(rapid.SampledFrom(modelNames), rapid.String()).Draw(t, "meta")
		if h, err := envelope.ParseHeader(meta); err == nil && h == nil {
			t.Error("ParseHeader returned neither a header nor an error")
		}
	})
}
