// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// policyEntries open no more than the options say, before a key is used.
func policyEntries() []entry {
	without := func(option string) func(*made) {
		return func(m *made) {
			m.Allow = slices.DeleteFunc(m.Allow, func(o string) bool { return o == option })
		}
	}
	var all []entry
	refused := func(name, attacks, comment string, r recipe, edit func(*made)) {
		all = append(all, entry{"policy-" + name, attacks, comment, r, Policy, edit})
	}
	refused("v2-gcm", "A5", "V2 commits to no key", usualGCM, without(Uncommitted))
	refused("v2-gcm-file", "A5", "the same with an instruction file", usualGCM.inFile(), without(Uncommitted))
	refused("v2-cbc", "A1", "CBC is a padding oracle", usualCBC.wrapped(AESGCM), without(LegacyCBC))
	refused("v2-cbc-forged", "A1 A2", "refused before its body could say anything", usualCBC, func(m *made) {
		without(LegacyCBC)(m)
		m.flipBody(-1)
	})
	refused("v1", "A1", "V1 is CBC, too", usualV1, without(LegacyCBC))
	refused("v1-wrap", "A9", "and has a wrap without a name", usualV1, without(LegacyWraps))
	refused("v1-rsa", "A9", "PKCS #1 v1.5 is decided before the RSA operation", usualV1.wrapped(RSAPKCS1), without(LegacyWraps))
	refused("v1-rsa-forged", "A9", "so that a forged one is refused in the same way", usualV1.wrapped(RSAPKCS1), func(m *made) {
		without(LegacyWraps)(m)
		m.rewrap(m.draw("random", 256))
	})
	refused("v2-ctr", "A2", "CTR has nothing to notice an alteration by", usualCTR, without(Unauthenticated))
	refused("v2-gcm-as-ctr", "A2", "GCM relabelled as CTR", usualGCM.wrapped(AESKW), func(m *made) {
		m.metadata("x-amz-cek-alg", "AES/CTR/NoPadding", "x-amz-iv", encode(slices.Concat(m.iv, []byte{0, 0, 0, 2})))
	})
	for _, alg := range []string{AESKW, KMSPlain, RSAOAEPSHA256} {
		refused("v2-wrap-"+alg, "A8", "a wrap that does not bind the content algorithm", usualGCM.wrapped(alg), without(LegacyWraps))
	}
	refused("v2-unnamed", "A8", "a wrap without a name", usualGCM.wrapped(AESECB).with(func(r *recipe) { r.unnamed = true }), without(LegacyWraps))
	refused("v2-tag-bytes", "B4", "a tag length in bytes", usualGCM, func(m *made) { m.Set("x-amz-tag-len", "16") })
	refused("dare2", "A5", "DARE commits to no key", usualD2, without(Uncommitted))
	refused("v3-content-aad", "", "the reader insists on additional data, which V3 does not have", usualV3, func(m *made) { m.ContentAAD = []byte("x") })
	refused("chunked-bound-nowhere", "B5", "bound, and the reader does not say what it has asked for", usualOwn.at(place), func(m *made) { m.Bind = nil })
	refused("chunked-unbound", "B5", "not bound, as the reader requires", usualOwn, func(m *made) { m.Allow, m.Bind = append(m.Allow, RequireBound), place })
	refused("v3-unbound", "B5", "V3 is never bound", usualV3, func(m *made) { m.Allow = append(m.Allow, RequireBound) })
	return all
}

// mixedEntries have names of more than one format, or too few.
func mixedEntries() []entry {
	var all []entry
	bad := func(name, comment string, r recipe, edit func(*made)) {
		all = append(all, entry{"mixed-" + name, "A6", comment, r, BadMetadata, edit})
	}
	add := func(name string, r recipe, fields ...string) {
		bad(name, fmt.Sprintf("%s with %s added", r.suite, fields[0]), r, func(m *made) { m.metadata(fields...) })
	}
	id := encode(make([]byte, 28))
	add("v2-and-v3-suite", usualGCM, "x-amz-c", "115")
	add("v2-and-v3-wrap", usualGCM, "x-amz-w", "02")
	add("v2-and-v3-commitment", usualGCM, "x-amz-d", id)
	add("v2-and-v3-message-id", usualGCM, "x-amz-i", id)
	add("v2-and-v3-key", usualGCM, "x-amz-3", encode(make([]byte, 60)))
	add("v2-and-v3-description", usualGCM, "x-amz-m", "{}")
	add("v2-and-all-of-v3", usualGCM, "x-amz-c", "115", "x-amz-w", "02", "x-amz-d", id, "x-amz-i", id, "x-amz-3", encode(make([]byte, 60)))
	add("v2-and-v1", usualGCM, "x-amz-key", encode(make([]byte, 48)))
	add("v1-and-v2", usualV1, "x-amz-key-v2", encode(make([]byte, 60)))
	add("v1-and-cipher", usualV1, "x-amz-cek-alg", "AES/GCM/NoPadding")
	add("v1-and-tag-length", usualV1, "x-amz-tag-len", "128")
	add("v3-and-v1", usualV3, "x-amz-key", encode(make([]byte, 48)))
	add("v3-and-v2", usualV3, "x-amz-key-v2", encode(make([]byte, 60)))
	add("v3-and-iv", usualV3, "x-amz-iv", encode(make([]byte, 12)))
	add("v3-and-cipher", usualV3, "x-amz-cek-alg", "AES/GCM/NoPadding")
	add("v3-and-matdesc", usualV3, "x-amz-matdesc", "{}")
	add("chunked-and-v3", usualOwn, "x-amz-c", "115")
	add("chunked-and-v2-key", usualOwn, "x-amz-key-v2", encode(make([]byte, 60)))
	add("chunked-and-length", usualOwn, "x-amz-unencrypted-content-length", "17")
	add("chunked-and-unknown", usualOwn, "s3seal-rules", "1")
	add("chunked-and-salt", usualOwn, "s3seal-salt", encode(make([]byte, 32)))
	add("v3-and-own", usualV3, "s3seal-bound", "1")
	add("dare2-and-recipient", usualD2, "s3seal-key-2", encode(make([]byte, 60)), "s3seal-wrap-2", "02")
	add("chunked-gap", usualOwn, "s3seal-key-3", encode(make([]byte, 60)), "s3seal-wrap-3", "02")
	for _, name := range []string{"x-amz-c", "x-amz-w", "x-amz-d", "x-amz-i", "x-amz-3"} {
		bad("v3-without-"+name, "V3 without "+name, usualV3, func(m *made) { m.Remove(name) })
	}
	bad("v2-without-key", "what is left of V2 without its key", usualGCM, func(m *made) { m.Remove("x-amz-key-v2") })
	bad("v2-without-iv", "V2 without an IV", usualGCM, func(m *made) { m.Remove("x-amz-iv") })
	bad("v3-without-key-but-wrap", "V3 without its key, as if it was in an instruction file, but with the wrap", usualV3.inFile(), func(m *made) { m.Set("x-amz-w", "02") })
	bad("unknown-version", "a wrapped key of a version that does not exist", usualGCM, func(m *made) { m.Rename("x-amz-key-v2", "x-amz-key-v9") })
	bad("chunked-without-suite", "no suite", usualOwn, func(m *made) { m.Remove("s3seal-suite") })
	return append(all, nothingEntries()...)
}

// nothingEntries have no envelope.
func nothingEntries() []entry {
	plain := func(m *made) { m.Metadata, m.Suite, m.Body = nil, "", m.plain }
	return []entry{
		{"plain", "B8", "no envelope: plaintext, or an object whose instruction file is gone", usualGCM, NotEncrypted, plain},
		{"plain-user-metadata", "B8", "no envelope, but other metadata", usualGCM, NotEncrypted, func(m *made) {
			plain(m)
			m.metadata("user", "x", "x-amz-meta-x-amz-meta-x-amz-key", "AAAA", "x-amz-\u212aey", "AAAA", "x-amz-iv ", "AAAA")
		}},
		{"plain-hint", "B8", "no envelope, but a length that some client has left behind", usualGCM, NotEncrypted, func(m *made) {
			plain(m)
			m.Set("x-amz-unencrypted-content-length", "17")
		}},
		{"plain-file-gone", "B6 B8", "the ciphertext of V2 without its instruction file", usualGCM.inFile(), NotEncrypted, func(m *made) { m.Instruction, m.Suite = nil, "" }},
		{"plain-file-gone-v3", "B6 B8", "V3 without its instruction file says so", usualV3.inFile(), BadMetadata, func(m *made) { m.Instruction = nil }},
	}
}

// valueEntries have values that are out of range.
func valueEntries() (all []entry) {
	bad := func(name, attacks string, r recipe, field, value string) {
		all = append(all, entry{"value-" + name, attacks, fmt.Sprintf("%s of %s: %.40q", field, r.suite, value), r, BadMetadata, func(m *made) { m.Set(field, value) }})
	}
	for _, v := range []string{"0", "96", "120", "129", "0128", "+128", "128 ", "12 8", "1e2", "-128"} {
		bad("tag-length-"+strings.ReplaceAll(v, " ", "_"), "B4", usualGCM, "x-amz-tag-len", v)
	}
	for _, n := range []int{0, 11, 13, 16} {
		bad(fmt.Sprint("gcm-iv-", n), "B4", usualGCM, "x-amz-iv", cmp.Or(encode(make([]byte, n)), "="))
	}
	bad("cbc-iv-12", "B4", usualCBC, "x-amz-iv", encode(make([]byte, 12)))
	bad("v1-iv-17", "B4", usualV1, "x-amz-iv", encode(make([]byte, 17)))
	bad("ctr-iv-12", "B4", usualCTR, "x-amz-iv", encode(make([]byte, 12)))
	bad("key-15", "C4", usualGCM, "x-amz-key-v2", encode(make([]byte, 15)))
	bad("key-0", "", usualV1, "x-amz-key", "=")
	for _, v := range []string{"AES/ECB/PKCS5Padding", "115", "aes/gcm/nopadding", "AES/GCM", "AES/GCM/NoPadding ", "AES_256_GCM"} {
		bad("cipher-"+strings.NewReplacer("/", "-", " ", "_").Replace(v), "A2", usualGCM, "x-amz-cek-alg", v)
	}
	for _, v := range []string{"AES", "RSA", "aes/gcm", "AES/GCM ", "AES/ECB", "02"} {
		bad("wrap-"+strings.NewReplacer("/", "-", " ", "_").Replace(v), "A8", usualGCM, "x-amz-wrap-alg", v)
	}
	for _, v := range []string{"01", "11", "21", "2", "002", "AES/GCM", "kms"} {
		bad("v3-wrap-"+strings.ReplaceAll(v, "/", "-"), "A8", usualV3, "x-amz-w", v)
	}
	for _, v := range []string{"112", "113", "114", "116", "0x73", "0115", "115 "} {
		bad("v3-suite-"+strings.ReplaceAll(v, " ", "_"), "A7", usualV3, "x-amz-c", v)
	}
	bad("own-suite", "", usualOwn, "s3seal-suite", "chunked2")
	bad("own-wrap", "A8", usualOwn, "s3seal-wrap", "01")
	bad("own-bound", "B5", usualOwn, "s3seal-bound", "true")
	bad("dare2-empty", "B2", usualD2, "s3seal-empty", "yes")
	bad("dare2-salt-31", "B4", usualD2, "s3seal-salt", encode(make([]byte, 31)))
	return append(all, hintEntries()...)
}

// hintEntries have hints, which nobody may rely on.
func hintEntries() (all []entry) {
	for i, v := range []string{"0", "-1", "9223372036854775808", "1e9", "+17", "17 bytes"} {
		all = append(all, entry{
			fmt.Sprint("hint-length-", i), "B4", fmt.Sprintf("an unencrypted length of %s is no reason for anything", v),
			usualGCM, Success, func(m *made) { m.Set("x-amz-unencrypted-content-length", v) },
		})
	}
	return append(all,
		entry{"hint-length-v3", "B4", "V3 with a length, which some stores carry over", usualV3, Success, func(m *made) { m.Set("x-amz-unencrypted-content-length", "5") }},
		entry{
			"hint-md5", "A3", "an MD5 of the plaintext, a wrong one: it should never have been there, and is not looked at", usualGCM, Success,
			func(m *made) { m.Set("x-amz-unencrypted-content-md5", "d41d8cd98f00b204e9800998ecf8427e") },
		},
		entry{
			"hint-md5-v3", "A3 A6", "V3 has no such name", usualV3, BadMetadata,
			func(m *made) { m.Set("x-amz-unencrypted-content-md5", "d41d8cd98f00b204e9800998ecf8427e") },
		})
}

// spellingEntries spell names and values in other ways.
func spellingEntries() []entry {
	text := func(name string, change func(string) string) func(*made) {
		return func(m *made) { m.Set(name, change(m.Get(name))) }
	}
	suffix := func(s string) func(string) string { return func(v string) string { return v + s } }
	bad := func(name, comment, field string, change func(string) string) entry {
		return entry{"spelling-" + name, "B7", comment, usualGCM, BadMetadata, text(field, change)}
	}
	renamed := func(how func(string) string) func(*made) {
		return func(m *made) {
			for i := range m.Metadata {
				m.Metadata[i].Name = how(m.Metadata[i].Name)
			}
		}
	}
	return []entry{
		{"spelling-upper-case", "B7", "names in upper case, as HTTP may deliver them", usualGCM, Success, renamed(strings.ToUpper)},
		{"spelling-prefix", "B7", "names with their prefix", usualV3, Success, renamed(func(s string) string { return "X-Amz-Meta-" + s })},
		{"spelling-newline-at-end", "B7", "base64 with a newline at its end, as old encoders leave it", usualV1, Success, text("x-amz-key", suffix("\n"))},
		{"spelling-twice", "A4 B7", "a second wrapped key under the same name", usualGCM, BadMetadata, func(m *made) { m.Set("X-AMZ-KEY-V2", encode(make([]byte, 60))) }},
		{"spelling-twice-equal", "A4 B7", "the same wrapped key twice", usualGCM, BadMetadata, func(m *made) { m.Set("X-Amz-Meta-X-Amz-Key-V2", m.Get("x-amz-key-v2")) }},
		bad("joined", "two wrapped keys, joined by a proxy", "x-amz-key-v2", func(v string) string { return v + "," + v }),
		bad("newline-inside", "a newline within base64", "x-amz-key-v2", func(v string) string { return v[:8] + "\n" + v[8:] }),
		bad("blank-before", "a blank before base64", "x-amz-iv", func(v string) string { return " " + v }),
		bad("padding-added", "too much padding", "x-amz-iv", suffix("=")),
		bad("url-alphabet", "the other alphabet of base64", "x-amz-key-v2", func(v string) string { return "-_" + v[2:] }),
		bad("nul", "a NUL at the end", "x-amz-key-v2", suffix("\x00")),
		bad("hexadecimal", "hexadecimal", "x-amz-iv", func(v string) string { return fmt.Sprintf("%x", decode(v)) }),
		{"spelling-padding-missing", "B7", "base64 without its padding", usualCBC, BadMetadata, text("x-amz-iv", func(v string) string { return strings.TrimRight(v, "=") })},
		{"spelling-loose-bits", "B7", "base64 whose last character has bits that nobody decodes", usualV3, BadMetadata, text("x-amz-d", func(v string) string {
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
			last := len(v) - 3 // two signs of padding
			return v[:last] + string(alphabet[strings.IndexByte(alphabet, v[last])^1]) + v[last+1:]
		})},
	}
}

// descriptionEntries have other materials descriptions.
func descriptionEntries() (all []entry) {
	for i, v := range []string{
		"[]", "null", `"{}"`, `{"a":1}`, `{"a":null}`, `{"a":{}}`, `{"a":"b","a":"b"}`, `{"a":"b","\u0061":"c"}`, `{"a":"b"}{}`, `{"a":"b",}`,
		`{"a":"\ud800"}`, "{}\x00", "{", "{'a':'b'}",
	} {
		all = append(all, entry{
			fmt.Sprintf("description-bad-%02d", i), "B7", fmt.Sprintf("a description of %q", v), usualGCM, BadMetadata,
			func(m *made) { m.Set("x-amz-matdesc", v) },
		})
	}
	user := usualGCM.wrapped(KMSContext).with(func(r *recipe) { r.desc = map[string]string{"name": "Jos\u00e9"} })
	return append(all,
		entry{"description-order", "", "a context with blanks, escapes, and in another order", user, Success, func(m *made) {
			m.Set("x-amz-matdesc", `{ "name" : "Jos\u00e9", "aws:x-amz-cek-alg":"AES\/GCM\/NoPadding" }`)
		}},
		entry{"description-latin", "B7", "a context that was encoded twice, as S3 does it", user, Success, func(m *made) {
			m.Set("x-amz-matdesc", latin(m.Get("x-amz-matdesc")))
		}},
		entry{"description-words", "B7", "a context in encoded words, and encoded twice", user, Success, func(m *made) {
			m.Set("x-amz-matdesc", "=?UTF-8?B?"+encode([]byte(latin(m.Get("x-amz-matdesc"))))+"?=")
		}},
		entry{"description-words-once", "B7", "a context in encoded words, as MinIO does it", user, Success, func(m *made) {
			m.Set("x-amz-matdesc", "=?UTF-8?b?"+encode([]byte(m.Get("x-amz-matdesc")))+"?=")
		}},
		entry{"description-words-broken", "B7", "encoded words that are none", user, BadMetadata, func(m *made) {
			m.Set("x-amz-matdesc", "=?UTF-8?B?e30?=")
		}},
		entry{"description-hint", "", "for a raw key a description is a hint, which nothing authenticates", usualGCM, Success, func(m *made) {
			m.Set("x-amz-matdesc", `{"kid":"2"}`)
		}},
		entry{"description-context-altered", "A8 B7", "a context is authenticated by the KMS", user, Rejected, func(m *made) {
			m.byTheKey()
			m.Set("x-amz-matdesc", strings.ReplaceAll(m.Get("x-amz-matdesc"), "Jos", "jos"))
		}})
}

// latin takes the bytes of UTF-8 for Latin-1.
func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
