// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// wrongFileEntries have an instruction file that is none, or not that of the
// object.
func wrongFileEntries() []entry {
	var all []entry
	bad := func(name, attacks, comment string, r recipe, edit func(*made)) {
		all = append(all, entry{"wrongfile-" + name, attacks, comment, r.inFile(), BadMetadata, edit})
	}
	file := func(change func(string) string) func(*made) {
		return func(m *made) { m.Instruction = []byte(change(string(m.Instruction))) }
	}
	for name, change := range map[string]func(string) string{
		"empty":      func(string) string { return "" },
		"html":       func(string) string { return "<html><body>403 Forbidden</body></html>" },
		"list":       func(s string) string { return "[" + s + "]" },
		"text":       quote,
		"null":       func(string) string { return "null" },
		"no-key":     func(string) string { return `{"invalid":"json"}` },
		"two":        func(s string) string { return s + s },
		"trailing":   func(s string) string { return s + "x" },
		"comma":      func(s string) string { return strings.TrimSuffix(s, "}") + ",}" },
		"bom":        func(s string) string { return "\ufeff" + s },
		"not-utf8":   func(s string) string { return strings.TrimSuffix(s, "}") + ",\"a\":\"\xff\"}" },
		"nul":        func(s string) string { return s + "\x00" },
		"surrogate":  func(s string) string { return `{"a":"\ud800",` + s[1:] },
		"twice":      func(s string) string { return `{"x-amz-matdesc":"{}",` + s[1:] },
		"twice-user": func(s string) string { return `{"a":"b","a":"b",` + s[1:] },
		"escaped":    func(s string) string { return `{"x-amz-mat\u0064esc":"{}",` + s[1:] },
		"nested":     func(s string) string { return strings.Replace(s, `"{}"`, `{}`, 1) },
		"key-null":   func(s string) string { return `{"x-amz-key":null,` + s[1:] },
		"upper-case": strings.ToUpper,
		"deep":       func(string) string { return strings.Repeat("[", 20_000) },
		"large":      func(s string) string { return s + strings.Repeat(" ", maxFile+1-len(s)) },
	} {
		bad(name, "B6 B7", "an instruction file that is none: "+name, usualGCM, file(change))
	}
	id := encode(make([]byte, 28))
	for name, value := range map[string]string{"x-amz-c": "115", "x-amz-d": id, "x-amz-i": id} {
		bad("v3-has-"+name, "A7 B6", "V3: the file has "+name+", too", usualV3, func(m *made) { m.inFile(name, value) })
		bad("v3-moved-"+name, "A7 B6", "V3: the file has "+name+", and the object has not", usualV3, func(m *made) {
			m.inFile(name, m.Get(name))
			m.Remove(name)
		})
	}
	bad("v3-all-in-file", "A7 B6", "V3: everything is in the file", usualV3, func(m *made) {
		for name := range strings.FieldsSeq(v3Stays) {
			m.inFile(name, m.Get(name))
			m.Remove(name)
		}
	})
	bad("v3-nothing-at-object", "A7 B6", "V3: the object has no commitment", usualV3, func(m *made) { m.Remove(strings.Fields(v3Stays)...) })
	bad("v3-object-v2-file", "A6 B6", "the commitment of V3, and a file of V2", usualV3, func(m *made) {
		m.Instruction = m.kit.make("other", usualGCM.inFile()).Instruction
	})
	bad("v2-names-at-object", "A6 B6", "a file, and some of the envelope at the object", usualGCM, func(m *made) { m.Set("x-amz-cek-alg", "AES/GCM/NoPadding") })
	bad("v1-and-v2", "A6 B6", "a file of two formats", usualGCM, func(m *made) { m.inFile("x-amz-key", encode(make([]byte, 48))) })
	bad("v3-and-v2", "A6 B6", "a file of two formats", usualV3, func(m *made) { m.inFile("x-amz-key-v2", encode(make([]byte, 60))) })
	bad("chunked-suite", "A6 B6", "a file that says which suite, too", usualOwn, func(m *made) { m.inFile("s3seal-suite", "chunked1") })
	bad("chunked-moved-suite", "A6 B6", "a file that says which suite, and the object does not", usualOwn, func(m *made) {
		m.inFile("s3seal-suite", "chunked1")
		m.Remove("s3seal-suite")
	})
	bad("dare2-moved-salt", "A6 B6", "a file with the salt", usualD2, func(m *made) {
		m.inFile("s3seal-salt", m.Get("s3seal-salt"))
		m.Remove("s3seal-salt")
	})
	return all
}

// swapEntries exchange whole parts of objects.
func swapEntries() []entry {
	other := func(m *made) *made { return m.kit.make(m.Name+"/other", m.recipe) }
	fileOf := func(m *made) { m.Instruction = other(m).Instruction }
	all := []entry{
		{"swap-file-v3", "A5", "V3: the instruction file of another object", usualV3.inFile(), Rejected, byKey(fileOf)},
		{"swap-file-v2", "A5", "V2: the instruction file of another object", usualGCM.inFile(), Rejected, func(m *made) {
			o := other(m)
			m.Instruction, m.key, m.iv = o.Instruction, o.key, o.iv
		}},
		{"swap-file-chunked", "A5", "Chunked: the instruction file of another object", usualOwn.inFile(), Rejected, byKey(fileOf)},
		{"swap-file-dare2", "A5", "DARE: the instruction file of another object", usualD2.inFile(), Rejected, byKey(fileOf)},
		{"swap-all-v3", "B5", "a whole other object under this name: nothing notices, since V3 is not bound", usualV3, Success, func(m *made) {
			o := other(m)
			m.Metadata, m.Body = o.Metadata, o.Body
		}},
		{"swap-all-chunked", "B5", "the same with Chunked that is not bound", usualOwn, Success, func(m *made) { m.Bind = place }},
	}
	return append(all, salamanderEntries()...)
}

// What follows is one body that opens under two CEKs, to two plaintexts.
const (
	salamanderIV   = "8246689825967af3d3b09bb3"
	salamanderBody = "4a4c9475981567063572b680fe9b6d50c22e92aef68d5b1adf562063e849a748f0fe1db7ad9f549cceadcf802ec1a63be841a7154fc7570500042a4eabb03c75" +
		"c72b0f29df8b102b822397ce8a380bf630e900354039f159fc740e81776935780649d0b6e233c08d938fc8f805723f7ccfb73952a7d87db882bb1693785e8701486d79413fb115d3c116090c2051bcdb"
)

var salamanderCEKs = []string{"0619ad621bf96950b363f4c5f165b580f0d979281c011a35336468ccba56219e", "402616bb545620b8bbb9598234f055a82f6879c832693a88e8c294d3a192e3d5"}

func salamanderEntries() (all []entry) {
	hexed := func(s string) []byte { return must(hex.DecodeString(s)) }
	for i, text := range salamanderCEKs {
		all = append(all, entry{fmt.Sprint("salamander-v2-", i+1), "A5", "V2: one body that opens under two CEKs", usualGCM, Success, func(m *made) {
			m.cek, m.Body = hexed(text), hexed(salamanderBody)
			m.Set("x-amz-iv", encode(hexed(salamanderIV)))
			m.rewrap(m.wrapCEK(AESGCM, m.cek, m.bound, nil))
			m.Released = gcmCTR(m.cek, hexed(salamanderIV), m.Body[:len(m.Body)-16])
		}})
	}
	return append(all, entry{"salamander-v3", "A5 A7", "V3: the commitment to one CEK, and the wrapped form of the other", usualV3.inFile(), Rejected, byKey(func(m *made) {
		_, commitment := v3Keys(hexed(salamanderCEKs[0]), decode(m.Get("x-amz-i")))
		m.Set("x-amz-d", encode(commitment))
		m.inFile("x-amz-3", encode(m.wrapCEK(AESGCM, slices.Clone(hexed(salamanderCEKs[1])), m.bound, nil)))
	})})
}
