// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// A wrapped is one wrapped form of a CEK.
type wrapped struct {
	alg  string // one of the algorithms of keys, or empty: the kind of key decides
	key  []byte
	desc map[string]string
}

// A Header is what the reference reader makes of metadata.
type Header struct {
	Suite string

	keys           []wrapped
	iv, commitment []byte
	alg            string // what the wraps bind
	tagBytes       bool   // the tag length is given in bytes
	bound, empty   bool
}

// fields are the values of an envelope under their plain names.
type fields map[string]string

const (
	v1Names     = "x-amz-key"
	v2Names     = "x-amz-key-v2 x-amz-cek-alg x-amz-wrap-alg x-amz-tag-len"
	olderNames  = "x-amz-iv x-amz-matdesc x-amz-unencrypted-content-md5"
	v3Names     = "x-amz-3 x-amz-w x-amz-m x-amz-t " + v3Stays
	v3Stays     = "x-amz-c x-amz-d x-amz-i" // with the object, if there is an instruction file
	lengthName  = "x-amz-unencrypted-content-length"
	hintNames   = lengthName + " x-amz-unencrypted-content-md5"
	ownStays    = "s3seal-suite s3seal-salt s3seal-bound s3seal-empty"
	allNames    = v1Names + " " + v2Names + " " + olderNames + " " + v3Names + " " + lengthName
	maxFile     = 64 << 10
	maxInHeader = 64 << 10
)

func (f fields) has(names string) bool {
	return slices.ContainsFunc(strings.Fields(names), func(n string) bool { return f[n] != "" })
}

// only says whether f has no names but these.
func (f fields) only(names string) bool {
	for name := range f {
		if !slices.Contains(strings.Fields(names), name) {
			return false
		}
	}
	return true
}

func isEnvelope(name string) bool {
	return slices.Contains(strings.Fields(allNames), name) || strings.HasPrefix(name, "x-amz-key-") || strings.HasPrefix(name, "s3seal-")
}

// ParseMetadata reads the envelope of an object; file is its instruction file,
// or nil. The outcome is Success, NotEncrypted or BadMetadata.
func ParseMetadata(meta []Field, file []byte) (*Header, Outcome) {
	f, ok := plainNames(meta)
	if !ok {
		return nil, BadMetadata
	}
	if !f.has("x-amz-key x-amz-key-v2 x-amz-3 s3seal-key") {
		needs := f.needsFile()
		switch {
		case !needs || file == nil && len(f) > 0 && !f.only(hintNames):
			return nil, BadMetadata
		case file == nil:
			return nil, NotEncrypted
		}
		if f, ok = f.withFile(file); !ok {
			return nil, BadMetadata
		}
	}
	h, ok := f.header()
	if !ok {
		return nil, BadMetadata
	}
	return h, Success
}

// plainNames is step 1: names in lower case, without prefix, and values that
// are not empty.
func plainNames(meta []Field) (fields, bool) {
	f := fields{}
	for _, m := range meta {
		name := []byte(m.Name)
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				name[i] += 32
			}
		}
		plain, value := strings.TrimPrefix(string(name), "x-amz-meta-"), m.Value
		if value == "" || !isEnvelope(plain) {
			continue
		}
		if f[plain] != "" || len(value) > maxInHeader {
			return nil, false
		}
		if plain == "x-amz-matdesc" || plain == "x-amz-m" || plain == "x-amz-t" || strings.HasPrefix(plain, "s3seal-matdesc") {
			value = RepairText(value)
		}
		f[plain] = value
	}
	return f, true
}

// RepairText undoes the double encoding of text outside ASCII.
func RepairText(s string) string {
	if strings.HasPrefix(s, "=?") {
		if d, err := new(mime.WordDecoder).DecodeHeader(s); err == nil && d != "" {
			s = d
		}
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > 0xff }) {
		return s
	}
	var latin []byte
	for _, r := range s {
		latin = append(latin, byte(r))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) && utf8.Valid(latin) {
		return string(latin)
	}
	return s
}

// needsFile is step 3: whether what is there, without a key, is what an object
// keeps beside an instruction file.
func (f fields) needsFile() bool {
	switch {
	case f.has(ownStays):
		return f.only(ownStays) && f["s3seal-suite"] != ""
	case f.has(v3Stays):
		return f.only(v3Stays+" "+hintNames) && f["x-amz-c"] != "" && f["x-amz-d"] != "" && f["x-amz-i"] != ""
	}
	return f.only(hintNames)
}

// withFile adds an instruction file.
func (f fields) withFile(file []byte) (fields, bool) {
	values, ok := uniqueObject(file)
	if !ok || len(file) > maxFile {
		return nil, false
	}
	all := fields{}
	for name, raw := range values {
		if !isEnvelope(name) {
			continue
		}
		var s string
		number := raw[0] >= '0' && raw[0] <= '9'
		switch {
		case raw[0] == '"':
			if json.Unmarshal(raw, &s) != nil {
				return nil, false
			}
		case slices.Contains(strings.Fields(hintNames), name), number && (name == "x-amz-tag-len" || name == "x-amz-c"):
			s = string(raw)
		default:
			return nil, false
		}
		if s != "" {
			all[name] = s
		}
	}
	if all.has(v3Stays+" "+ownStays) || !all.has("x-amz-key x-amz-key-v2 x-amz-3 s3seal-key") {
		return nil, false
	}
	maps.Copy(all, f)
	return all, true
}

// uniqueObject reads one JSON object in which no name is there twice.
func uniqueObject(text []byte) (map[string]json.RawMessage, bool) {
	if !utf8.Valid(text) || !json.Valid(text) || halfSurrogate(text) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, _ := dec.Token(); t != json.Delim('{') {
		return nil, false
	}
	values := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		var raw json.RawMessage
		if err != nil || !ok || dec.Decode(&raw) != nil {
			return nil, false
		}
		if _, twice := values[name]; twice {
			return nil, false
		}
		values[name] = raw
	}
	if _, err := dec.Token(); err != nil && err != io.EOF {
		return nil, false
	}
	return values, true
}

// halfSurrogate finds an escape of half a character: the decoder makes U+FFFD of
// it, which valid text can also spell out.
func halfSurrogate(text []byte) bool {
	marked := bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`\\`), []byte("__")), []byte("\ufffd"), []byte("_"))
	for _, end := range []string{"fffd", "fffD", "ffFd", "ffFD", "fFfd", "fFfD", "fFFd", "fFFD", "Fffd", "FffD", "FfFd", "FfFD", "FFfd", "FFfD", "FFFd", "FFFD"} {
		marked = bytes.ReplaceAll(marked, []byte(`\u`+end), []byte("_"))
	}
	var any any
	if json.Unmarshal(marked, &any) != nil {
		return true
	}
	again, err := json.Marshal(any)
	return err != nil || bytes.Contains(again, []byte("\ufffd")) || bytes.Contains(again, []byte(`\ufffd`))
}

// object reads a description: a JSON object of strings.
func (f fields) object(name string) (map[string]string, bool) {
	desc := map[string]string{}
	if f[name] == "" {
		return desc, true
	}
	values, ok := uniqueObject([]byte(f[name]))
	for key, raw := range values {
		var s string
		ok = ok && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
		desc[key] = s
	}
	return desc, ok
}

// bytes reads base64 in its one spelling, with blanks after it.
func (f fields) bytes(name string, size int) ([]byte, bool) {
	text := strings.TrimRight(f[name], " \t\r\n")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(b) != text || size >= 0 && len(b) != size {
		return nil, false
	}
	return b, true
}

// header is step 2 and 4.
func (f fields) header() (*Header, bool) {
	switch {
	case slices.ContainsFunc(slices.Collect(maps.Keys(f)), func(n string) bool { return strings.HasPrefix(n, "s3seal-") }):
		return f.own()
	case f["x-amz-key"] != "" && !f.has(v2Names+" "+v3Names):
		return f.older(&Header{Suite: V1, alg: "AES/CBC/PKCS5Padding"}, "x-amz-key", 16)
	case f["x-amz-key-v2"] != "" && !f.has(v1Names+" "+v3Names):
		return f.v2()
	case f["x-amz-3"] != "" && !f.has(v1Names+" "+v2Names+" "+olderNames):
		return f.v3()
	}
	return nil, false
}

// older is what V1 and V2 have in common.
func (f fields) older(h *Header, name string, ivSize int) (*Header, bool) {
	var ok1, ok2, ok3, ok4 bool
	var w wrapped
	w.alg, ok4 = wrapAlg(f["x-amz-wrap-alg"])
	w.key, ok1 = f.bytes(name, -1)
	h.iv, ok2 = f.bytes("x-amz-iv", ivSize)
	w.desc, ok3 = f.object("x-amz-matdesc")
	h.keys = []wrapped{w}
	return h, ok1 && ok2 && ok3 && ok4 && h.sound()
}

func wrapAlg(text string) (string, bool) {
	alg, ok := map[string]string{
		"": "", "AES/GCM": AESGCM, "AESWrap": AESKW, "RSA-OAEP-SHA1": RSAOAEPSHA1,
		"RSA/ECB/OAEPWithSHA-256AndMGF1Padding": RSAOAEPSHA256, "kms": KMSPlain, "kms+context": KMSContext,
	}[text]
	return alg, ok
}

func (f fields) v2() (*Header, bool) {
	h := &Header{alg: f["x-amz-cek-alg"]}
	switch h.alg {
	case "AES/GCM/NoPadding":
		h.Suite, h.tagBytes = V2GCM, f["x-amz-tag-len"] == "16"
		if !slices.Contains([]string{"", "128", "16"}, f["x-amz-tag-len"]) {
			return nil, false
		}
		return f.older(h, "x-amz-key-v2", 12)
	case "AES/CTR/NoPadding":
		h.Suite = V2CTR
	case "":
		h.Suite, h.alg = V2CBC, "AES/CBC/PKCS5Padding"
	case "AES/CBC/PKCS5Padding", "AES/CBC/PKCS7Padding", "AES/CBC":
		h.Suite = V2CBC
	default:
		return nil, false
	}
	return f.older(h, "x-amz-key-v2", 16)
}

// wrapCodes are those of V3 and of s3seal's own formats.
var wrapCodes = map[string]string{"02": AESGCM, "12": KMSContext, "22": RSAOAEPSHA1}

func (f fields) v3() (*Header, bool) {
	var ok1, ok2, ok3, ok4 bool
	h, w, desc := &Header{Suite: V3, alg: "115"}, wrapped{alg: wrapCodes[f["x-amz-w"]]}, "x-amz-m"
	if w.alg == KMSContext {
		desc = "x-amz-t"
	}
	w.key, ok1 = f.bytes("x-amz-3", -1)
	h.commitment, ok2 = f.bytes("x-amz-d", 28)
	h.iv, ok3 = f.bytes("x-amz-i", 28)
	w.desc, ok4 = f.object(desc)
	h.keys = []wrapped{w}
	return h, w.alg != "" && f["x-amz-c"] == "115" && ok1 && ok2 && ok3 && ok4 && h.sound()
}

// own reads s3seal's own formats.
func (f fields) own() (*Header, bool) {
	h := &Header{Suite: Chunked, alg: "S3SEAL/CHUNKED1"}
	known := "s3seal-suite s3seal-bound"
	ok := f["s3seal-suite"] == "chunked1"
	if f["s3seal-suite"] == "dare2" {
		h.Suite, h.alg, known = DARE2, "S3SEAL/DARE2", known+" s3seal-salt s3seal-empty"
		h.iv, ok = f.bytes("s3seal-salt", 32)
	}
	for i := 1; i <= 8; i++ {
		suffix := ""
		if i > 1 {
			suffix = fmt.Sprint("-", i)
		}
		if f["s3seal-key"+suffix] == "" {
			break
		}
		var ok1, ok2 bool
		w := wrapped{alg: wrapCodes[f["s3seal-wrap"+suffix]]}
		w.key, ok1 = f.bytes("s3seal-key"+suffix, -1)
		w.desc, ok2 = f.object("s3seal-matdesc" + suffix)
		h.keys, ok = append(h.keys, w), ok && ok1 && ok2 && w.alg != ""
		known += " s3seal-key" + suffix + " s3seal-wrap" + suffix + " s3seal-matdesc" + suffix
	}
	h.bound, h.empty = f["s3seal-bound"] == "1", f["s3seal-empty"] == "1"
	ok = ok && (f["s3seal-bound"] == "" || h.bound) && (f["s3seal-empty"] == "" || h.empty)
	return h, ok && f.only(known) && len(h.keys) > 0 && (h.Suite == Chunked || len(h.keys) == 1) && h.sound()
}

// sound is what holds for all formats: no key is shorter than 16 bytes, and a
// context that names the content algorithm names the right one.
func (h *Header) sound() bool {
	for _, w := range h.keys {
		bound, ok := w.desc["aws:x-amz-cek-alg"]
		if len(w.key) < 16 || w.alg == KMSContext && bound != h.alg || w.alg == KMSPlain && ok && bound != h.alg {
			return false
		}
	}
	return true
}

// MatDesc is the description of the first recipient.
func (h *Header) MatDesc() map[string]string { return h.keys[0].desc }
