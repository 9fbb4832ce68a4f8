// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// fileOf makes an instruction file out of Go-like text: K is a wrapped key, I
// an IV for CBC and N one for GCM.
func fileOf(text string) string {
	return strings.NewReplacer("<K>", b64(48), "<I>", b64(16), "<N>", b64(12)).Replace(text)
}

const (
	fileV1    = `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-matdesc":"{}"}`
	fileV2    = `"x-amz-key-v2":"<K>","x-amz-iv":"<N>","x-amz-wrap-alg":"AES/GCM","x-amz-cek-alg":"AES/GCM/NoPadding"`
	fileV3    = `"x-amz-3":"<K>","x-amz-w":"02"`
	fileNet   = `{"EncryptedEnvelopeKey":"<K>","IV":"<I>"}`
	filePlain = `{"invalid":"json"}`
)

// TestInstructionDialects reads what the clients write that differ.
func TestInstructionDialects(t *testing.T) {
	v3, _ := splitOf("V3")
	for name, c := range map[string]struct {
		meta map[string]string
		file string
		want string
		desc map[string]string
	}{
		"Ruby V1":          {nil, fileV1, "V1", nil},
		"length on object": {map[string]string{"x-amz-meta-x-amz-unencrypted-content-length": "5"}, fileV1, "V1", nil},
		"PHP": {
			nil, `{` + fileV2 + `,"x-amz-unencrypted-content-length":17,"x-amz-tag-len":128,"x-amz-matdesc":"{\"a\":\"b\\\/c\"}"}`,
			"V2-GCM",
			map[string]string{"a": "b/c"},
		},
		"PHP slashes":       {nil, strings.ReplaceAll(`{`+fileV2+`}`, "AES/", `AES\/`), "V2-GCM", nil},
		"PHP MD5":           {nil, `{` + fileV2 + `,"x-amz-unencrypted-content-md5":"x"}`, "V2-GCM", nil},
		"Go, empty tag-len": {nil, `{"x-amz-key-v2":"<K>","x-amz-iv":"<I>","x-amz-cek-alg":"AES/CBC/PKCS5Padding","x-amz-tag-len":""}`, "V2-CBC", nil},
		"C++ tag-len":       {nil, `{"x-amz-key-v2":"<K>","x-amz-iv":"<I>","x-amz-cek-alg":"AES/CBC/PKCS5Padding","x-amz-tag-len":0}`, "V2-CBC", nil},
		"Python spaces":     {nil, "{\"x-amz-key\": \"<K>\", \"x-amz-iv\": \"<I>\", \"x-amz-matdesc\": \"{\\\"a\\\": \\\"b\\\"}\"}\n", "V1", map[string]string{"a": "b"}},
		"blanks everywhere": {nil, " \r\n\t{ \"x-amz-key\" :\n\"<K>\" ,\"x-amz-iv\":\t\"<I>\" } \n", "V1", nil},
		"escaped name":      {nil, `{"x-amz-\u006bey":"<K>","x-amz-iv":"<I>"}`, "V1", nil},
		"newline in base64": {nil, `{"x-amz-key":"<K>\n","x-amz-iv":"<I>"}`, "V1", nil},
		"unknown names":     {nil, `{"a":1,"b":null,"c":[{"c":1,"c":2}],"d":{"x-amz-key":"x"},"X-Amz-Key":"","e":true,"x-amz-key":"<K>","x-amz-iv":"<I>"}`, "V1", nil},
		"V3":                {v3, `{` + fileV3 + `}`, "V3", nil},
		"V3 with t":         {v3, `{` + fileV3 + `,"x-amz-t":"{\"no\":\"context\"}","x-amz-m":"{\"a\":\"b\"}"}`, "V3", map[string]string{"a": "b"}},
		"V3 empty m, c":     {v3, `{` + fileV3 + `,"x-amz-m":"","x-amz-c":""}`, "V3", nil},
		// A file was never in a header, so nothing in it is repaired.
		"UTF-8": {nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-matdesc":"{\"a\":\"é\"}"}`, "V1", map[string]string{"a": "é"}},
		"like double UTF-8": {
			nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-matdesc":"{\"a\":\"Ã©\"}"}`,
			"V1",
			map[string]string{"a": "Ã©"},
		},
	} {
		h, err := envelope.ParseInstructionFile(c.meta, strings.NewReader(fileOf(c.file)))
		if err != nil || h.Suite.String() != c.want || !maps.Equal(h.MatDesc, c.desc) {
			t.Errorf("%s: ParseInstructionFile = %v, %v; want %s with %q", name, h, err, c.want, c.desc)
		}
	}
}

// TestInstructionRefusals pins what no client writes, and the error.
func TestInstructionRefusals(t *testing.T) {
	v3, _ := splitOf("V3")
	v1 := valid()["V1"]
	const bad = "envelope: metadata instruction file: "
	for name, c := range map[string]struct {
		meta map[string]string
		file string
		want string
	}{
		"empty":            {nil, ``, bad + "not valid JSON"},
		"HTML":             {nil, `<html>`, bad + "not valid JSON"},
		"cut":              {nil, fileV1[:20], bad + "not valid JSON"},
		"trailing":         {nil, fileV1 + fileV1, bad + "not valid JSON"},
		"trailing NUL":     {nil, fileV1 + "\x00", bad + "not valid JSON"},
		"byte order mark":  {nil, "\ufeff" + fileV1, bad + "not valid JSON"},
		"UTF-16":           {nil, "{\x00}\x00", bad + "not valid JSON"},
		"not UTF-8":        {nil, "{\"a\":\"\xff\"}", bad + "not valid JSON"},
		"lone surrogate":   {nil, `{"\ud800":"x"}`, bad + "not valid JSON"},
		"array":            {nil, `[` + fileV1 + `]`, bad + "want a JSON object"},
		"null":             {nil, `null`, bad + "want a JSON object"},
		"text":             {nil, `"x"`, bad + "want a JSON object"},
		"no names":         {nil, `{}`, bad + "holds no wrapped key"},
		"foreign":          {nil, filePlain, bad + "holds no wrapped key"},
		"foreign, V3":      {v3, filePlain, bad + "holds no wrapped key"},
		"upper case":       {nil, strings.ToUpper(`{"x-amz-key":`) + `"<K>","x-amz-iv":"<I>"}`, bad + "holds no wrapped key"},
		"prefix":           {nil, `{"x-amz-meta-x-amz-key":"<K>","x-amz-iv":"<I>"}`, bad + "holds no wrapped key"},
		"unknown version":  {nil, `{"x-amz-key-v9":"<K>","x-amz-iv":"<I>"}`, bad + "holds no wrapped key"},
		".NET":             {nil, fileNet, bad + "holds no wrapped key"},
		"key twice":        {nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-key":"<K>"}`, bad + "name given twice"},
		"key escaped too":  {nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-\u006bey":"<K>"}`, bad + "name given twice"},
		"unknown twice":    {nil, `{"a":1,"x-amz-key":"<K>","x-amz-iv":"<I>","a":1}`, bad + "name given twice"},
		"number for key":   {nil, `{"x-amz-key":5,"x-amz-iv":"<I>"}`, "envelope: metadata x-amz-key: want a string"},
		"null for key":     {nil, `{"x-amz-key":null,"x-amz-iv":"<I>"}`, "envelope: metadata x-amz-key: want a string"},
		"object for desc":  {nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-matdesc":{}}`, "envelope: metadata x-amz-matdesc: want a string"},
		"number for w":     {v3, `{"x-amz-3":"<K>","x-amz-w":22}`, "envelope: metadata x-amz-w: want a string"},
		"list for tag-len": {nil, `{` + fileV2 + `,"x-amz-tag-len":[128]}`, "envelope: metadata x-amz-tag-len: want a string"},
		"negative tag-len": {nil, `{` + fileV2 + `,"x-amz-tag-len":-128}`, "envelope: metadata x-amz-tag-len: want a string"},
		"short tag":        {nil, `{` + fileV2 + `,"x-amz-tag-len":96}`, `envelope: metadata x-amz-tag-len: want 128, got "96"`},
		"decimals":         {nil, `{` + fileV2 + `,"x-amz-tag-len":128.0}`, `envelope: metadata x-amz-tag-len: want 128, got "128.0"`},
		"encoded word": {
			nil, `{"x-amz-key":"<K>","x-amz-iv":"<I>","x-amz-matdesc":"=?UTF-8?B?e30=?="}`,
			"envelope: metadata x-amz-matdesc: not valid JSON",
		},
		"number c": {
			v3, `{` + fileV3 + `,"x-amz-c":115}`,
			"envelope: metadata x-amz-c: belongs in the metadata of the object, not in its instruction file",
		},
		"V1 beside V3":     {v3, fileV1, "envelope: metadata x-amz-c: does not belong to format V1"},
		"V2 beside V3":     {v3, `{` + fileV2 + `}`, "envelope: metadata x-amz-c: does not belong to format V2"},
		"V2 and V3":        {v3, `{` + fileV2 + `,` + fileV3 + `}`, "envelope: metadata x-amz-3: does not belong to format V2"},
		"V1 and V2":        {nil, `{` + fileV2 + `,"x-amz-key":"<K>"}`, "envelope: metadata x-amz-key-v2: does not belong to format V1"},
		"V3 alone":         {nil, `{` + fileV3 + `}`, "envelope: metadata x-amz-c: missing in the metadata of the object, which the instruction file says is V3"},
		"V3 without w":     {v3, `{"x-amz-3":"<K>"}`, "envelope: metadata x-amz-w: missing"},
		"whole envelope":   {v1, fileV1, "envelope: metadata x-amz-key: present: this object does not have its key in an instruction file"},
		"part of one":      {map[string]string{"x-amz-iv": b64(16)}, fileV1, "envelope: metadata x-amz-iv: present without a wrapped key, or of an unknown format"},
		"half of V3":       {map[string]string{"x-amz-c": "115"}, `{` + fileV3 + `}`, "envelope: metadata x-amz-d: missing"},
		"other V3":         {map[string]string{"x-amz-c": "114", "x-amz-d": b64(28), "x-amz-i": b64(28)}, `{` + fileV3 + `}`, `envelope: metadata x-amz-c: want 115, got "114"`},
		"V1 beside V3's c": {map[string]string{"x-amz-c": "115"}, fileV1, "envelope: metadata x-amz-d: missing"},
	} {
		_, err := envelope.ParseInstructionFile(c.meta, strings.NewReader(fileOf(c.file)))
		if bad := new(envelope.MetadataError); !errors.As(err, &bad) || err.Error() != c.want {
			t.Errorf("%s: ParseInstructionFile = %v, want %s", name, err, c.want)
		}
	}
}

// TestDotNetInstructionFile: the oldest dialect is read by its own function.
func TestDotNetInstructionFile(t *testing.T) {
	v3, _ := splitOf("V3")
	for name, c := range map[string]struct {
		meta map[string]string
		file string
		ok   bool
	}{
		"as written":    {nil, fileNet, true},
		"with others":   {nil, `{"EncryptedEnvelopeKey":"<K>","Comment":7,"IV":"<I>"}`, true},
		"usual file":    {nil, fileV1, true},
		"mixed":         {nil, `{"EncryptedEnvelopeKey":"<K>","IV":"<I>","x-amz-matdesc":"{}"}`, false},
		"two keys":      {nil, `{"EncryptedEnvelopeKey":"<K>","IV":"<I>","x-amz-key":"<K>"}`, false},
		"two keys, IV":  {nil, `{"EncryptedEnvelopeKey":"<K>","x-amz-iv":"<I>"}`, false},
		"no IV":         {nil, `{"EncryptedEnvelopeKey":"<K>"}`, false},
		"no key":        {nil, `{"IV":"<I>"}`, false},
		"empty key":     {nil, `{"EncryptedEnvelopeKey":"","IV":"<I>"}`, false},
		"short IV":      {nil, `{"EncryptedEnvelopeKey":"<K>","IV":"<N>"}`, false},
		"number":        {nil, `{"EncryptedEnvelopeKey":5,"IV":"<I>"}`, false},
		"lower case":    {nil, strings.ToLower(`{"EncryptedEnvelopeKey":`) + `"<K>","IV":"<I>"}`, false},
		"twice":         {nil, `{"EncryptedEnvelopeKey":"<K>","IV":"<I>","IV":"<I>"}`, false},
		"beside V3":     {v3, fileNet, false},
		"beside itself": {valid()["V1"], fileNet, false},
	} {
		h, err := envelope.ParseDotNetInstructionFile(c.meta, strings.NewReader(fileOf(c.file)))
		if (err == nil) != c.ok || err != nil && !isMetadata(err) {
			t.Errorf("%s: ParseDotNetInstructionFile = %v, %v; want it read: %t", name, h, err, c.ok)
		}
		if c.ok && (h.Suite != envelope.V1 || h.Wrap != wrap.Unnamed || len(h.WrappedKey) != 48 || len(h.IV) != 16) {
			t.Errorf("%s: header = %v with %d and %d bytes, want V1 with 48 and 16", name, h, len(h.WrappedKey), len(h.IV))
		}
		if c.meta == nil {
			if ok, err := envelope.IsInstructionFile(strings.NewReader(fileOf(c.file))); ok != c.ok || err != nil {
				t.Errorf("%s: IsInstructionFile = %t, %v; want %t", name, ok, err, c.ok)
			}
		}
	}
}

// TestDotNetObject opens an object through the old dialect.
func TestDotNetObject(t *testing.T) {
	p := pair{envelope.V1, wrap.AESECB}
	o := sealObject(t, p.key(t), &envelope.SealOptions{Suite: envelope.V1}, pattern(37))
	file := `{"EncryptedEnvelopeKey":"` + o.meta["x-amz-key"] + `","IV":"` + o.meta["x-amz-iv"] + `"}`
	h := must[*envelope.Header](t)(envelope.ParseDotNetInstructionFile(nil, strings.NewReader(file)))
	o.meta = must[map[string]string](t)(h.Metadata())
	opts := h.Required()
	if got, err := o.open(t.Context(), p.key(t), &opts); err != nil || string(got) != string(o.plain) {
		t.Errorf("open = %x, %v; want %x", got, err, o.plain)
	}
}
