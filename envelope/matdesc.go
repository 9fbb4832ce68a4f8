// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The names inside a materials description that belong to the formats.
const (
	descCEKAlg = "aws:x-amz-cek-alg" // binds the content algorithm to a kms+context wrap
	descCMK    = "kms_cmk_id"        // names the KMS key of a kms wrap
)

// parseMatDesc reads a materials description or encryption context: a JSON
// object of strings. Nobody compares the text itself, since every client
// orders and spaces it in its own way.
func parseMatDesc(name, text string) (map[string]string, error) {
	if text == "" {
		return map[string]string{}, nil
	}
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || loneSurrogate(text) {
		return nil, &MetadataError{name, "not valid JSON"}
	}
	desc, reason := decodeObject(text)
	if reason != "" {
		return nil, &MetadataError{name, reason}
	}
	return desc, nil
}

// decodeObject reads an object of strings. text is valid JSON.
func decodeObject(text string) (desc map[string]string, reason string) {
	values, reason := members(text)
	if reason != "" {
		return nil, reason
	}
	desc = make(map[string]string, len(values))
	for name, raw := range values {
		var s string
		if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
			return nil, "want string values only"
		}
		desc[name] = s
	}
	return desc, ""
}

// members splits an object into its members. It goes token by token, since
// json.Unmarshal lets the last of two equal names win. text is valid JSON, so
// the decoder itself cannot fail.
func members(text string) (values map[string]json.RawMessage, reason string) {
	dec := json.NewDecoder(strings.NewReader(text))
	if start, _ := dec.Token(); start != json.Delim('{') {
		return nil, "want a JSON object"
	}
	values = make(map[string]json.RawMessage)
	for dec.More() {
		key, _ := dec.Token()
		name, _ := key.(string)
		if _, dup := values[name]; dup {
			return nil, "name given twice"
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil || len(raw) == 0 {
			return nil, "not valid JSON"
		}
		values[name] = raw
	}
	return values, ""
}

// repairText undoes what S3 and HTTP do to a value outside ASCII: RFC 2047
// encoded words, and S3's habit of taking UTF-8 for Latin-1 and encoding it
// once more. Other stores encode only once, so the second step is taken only
// where it leads to valid UTF-8. No JSON object begins with "=?", so what
// cannot be decoded stays invalid if it is left as it is.
func repairText(s string) string {
	if strings.HasPrefix(s, "=?") {
		decoded, err := new(mime.WordDecoder).DecodeHeader(s)
		if err != nil || decoded == "" {
			return s
		}
		s = decoded
	}
	raw := make([]byte, 0, len(s))
	wide := false
	for _, r := range s {
		if r > 0xff {
			return s
		}
		wide = wide || r > 0x7f
		raw = append(raw, byte(r))
	}
	if wide && utf8.Valid(raw) {
		return string(raw)
	}
	return s
}

// loneSurrogate finds an escaped half of a surrogate pair in valid JSON. The
// decoder would replace it silently, and two names could become one.
func loneSurrogate(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // the escaped character, which may be another backslash
		r := escapedRune(text[i-1:])
		if !utf16.IsSurrogate(r) {
			continue
		}
		if utf16.DecodeRune(r, escapedRune(text[i+5:])) == utf8.RuneError {
			return true
		}
		i += 10 // the rest of both escapes
	}
	return false
}

// escapedRune returns the value of the escape, \u and four digits, at the start
// of text, or -1.
func escapedRune(text string) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	v, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return rune(v)
}

// encodeMatDesc writes desc as compact JSON with sorted names, in ASCII only:
// whatever a store or an SDK does to other bytes cannot happen to it.
func encodeMatDesc(name string, desc map[string]string) (string, error) {
	if len(desc) == 0 {
		return "{}", nil
	}
	for k, v := range desc {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return "", &MetadataError{name, "not valid UTF-8"}
		}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(desc); err != nil {
		return "", &MetadataError{name, "not representable as JSON"}
	}
	text := escapeASCII(strings.TrimSuffix(b.String(), "\n"))
	if len(text) > maxValue {
		return "", &MetadataError{name, fmt.Sprintf("want at most %d bytes, got %d", maxValue, len(text))}
	}
	return text, nil
}

// escapeASCII escapes what is not printable ASCII. In JSON such characters can
// stand inside strings only, where the escape means the same.
func escapeASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch hi, lo := utf16.EncodeRune(r); {
		case r < 0x7f:
			b.WriteByte(byte(r))
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		}
	}
	return b.String()
}
