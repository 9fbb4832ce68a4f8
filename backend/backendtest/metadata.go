// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"maps"
	"strings"
)

// metadataOfFormats stores the names that the S3 encryption formats use, each
// format as a whole. A storage that loses or renames one of them makes the
// object unreadable for ever.
func metadataOfFormats(e *env) {
	key28 := strings.Repeat("q", 38) + "=="
	for name, meta := range map[string]map[string]string{
		"V1": {
			"x-amz-key":     strings.Repeat("A", 64),
			"x-amz-iv":      "AAECAwQFBgcICQoLDA0ODw==",
			"x-amz-matdesc": "{}",
		},
		"V2": {
			"x-amz-key-v2":   strings.Repeat("/+", 342) + "==",
			"x-amz-iv":       "AAECAwQFBgcICQoL",
			"x-amz-matdesc":  `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding","a b":"c, d; e=\"f\""}`,
			"x-amz-cek-alg":  "AES/GCM/NoPadding",
			"x-amz-wrap-alg": "kms+context",
			"x-amz-tag-len":  "128",
		},
		"V3": {
			"x-amz-c": "115",
			"x-amz-3": strings.Repeat("Z9", 40),
			"x-amz-w": "02",
			"x-amz-d": key28,
			"x-amz-i": key28,
			"x-amz-m": `{"kid":"2026"}`,
			"x-amz-t": `{"aws:x-amz-cek-alg":"115"}`,
		},
		"own": {
			"s3seal-suite": "chunked1", "s3seal-key": "AAAA", "s3seal-key-2": "BBBB",
			"s3seal-wrap": "02", "s3seal-matdesc": "{}", "s3seal-salt": "CCCC", "s3seal-bound": "1",
		},
		"marker": {"x-amz-crypto-instr-file": "x"},
	} {
		e.run(name, func(e *env) {
			v := version{pattern(11, 33), meta}
			e.put("formats/"+name, v)
			e.want("formats/"+name, v)
		})
	}
}

// metadataValues stores values with every character that a header can carry.
func metadataValues(e *env) {
	var printable strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		printable.WriteByte(c)
	}
	v := version{pattern(12, 16), map[string]string{
		"printable":  printable.String(),
		"blanks":     "a  b   c",
		"looks-like": "=?not a coded word",
		"percent":    "100%25+1",
		"comma":      "a,b, c",
		"0-9_x.y":    "name with digits, dots and low lines",
	}}
	e.put("values", v)
	e.want("values", v)
}

// metadataNearLimit stores nearly the 2 KiB that S3 allows, which is what a
// large RSA key needs.
func metadataNearLimit(e *env) {
	v := version{pattern(13, 16), map[string]string{
		"x-amz-3": strings.Repeat("k", 1368),
		"comment": strings.Repeat("c", 600),
	}}
	e.put("limit", v)
	e.want("limit", v)
}

// metadataIsCallers changes every map that went in or came out: the object
// must not change with it.
func metadataIsCallers(e *env) {
	v := version{pattern(14, 16), map[string]string{"name": "value"}}
	info, err := e.tryPut(e.ctx, "own", newBody(v.data), 16, v.meta)
	if err != nil {
		e.Fatalf("Put = %v", err)
	}
	spoil := func(m map[string]string) {
		for k := range maps.Clone(m) {
			m[k] = "spoilt"
		}
	}
	spoil(info.Metadata)
	spoil(e.want("own", v).Metadata)
	stat, err := e.d.Stat(e.ctx, "own")
	if err != nil {
		e.Fatalf("Stat = %v", err)
	}
	spoil(stat.Metadata)
	e.want("own", v)
}
