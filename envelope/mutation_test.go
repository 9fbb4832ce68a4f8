// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
)

// These tests change the headers of real objects, and their instruction files,
// in every way of a list. What is accepted then is what the reference says; and
// what is accepted opens to the right bytes, or not at all.

// exclusive are values for the names of all formats, to be added where they do
// not belong.
func exclusive() map[string]string {
	all := map[string]string{"x-amz-key-v9": b64(40), "x-amz-unencrypted-content-length": "9", "x-amz-unencrypted-content-md5": "x"}
	for _, meta := range valid() {
		maps.Copy(all, meta)
	}
	return all
}

// mutantValues are what can become of a value.
func mutantValues(name, value string) map[string]string {
	m := map[string]string{
		"emptied": "", "blank": " ", "junk": "?", "lower case": strings.ToLower(value), "upper case": strings.ToUpper(value),
		"leading blank": " " + value, "trailing blank": value + " ", "trailing newline": value + "\r\n", "NUL": value + "\x00",
		"joined": value + "," + value, "joined, blank": value + ", " + value, "twice": value + value, "not ASCII": value + "\xff",
		"one less": value[:len(value)-1], "one more": value + "A", "one first": "0" + value, "quoted": `"` + value + `"`,
	}
	raw, err := decode(value)
	if err != nil || len(raw) == 0 || strings.HasSuffix(name, "-len") {
		return m
	}
	cut := len(value) / 2
	m["newline inside"] = value[:cut] + "\n" + value[cut:]
	m["padding removed"] = strings.TrimRight(value, "=")
	m["padding added"] = value + "="
	m["URL alphabet"] = strings.NewReplacer("+", "-", "/", "_").Replace(value)
	m["other spelling"] = otherSpelling(value)
	for _, n := range []int{0, 1, 12, 15, 16, 17, 27, 28, 29, len(raw) - 1, len(raw) + 1} {
		b := make([]byte, n)
		copy(b, raw)
		m[fmt.Sprintf("%d bytes", n)] = b64of(b)
	}
	return m
}

// otherSpelling sets a bit of the last character that a lenient decoder drops.
func otherSpelling(value string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(value, "=")
	if body == value {
		return value
	}
	last := strings.IndexByte(alphabet, body[len(body)-1])
	return body[:len(body)-1] + string(alphabet[last^1]) + value[len(body):]
}

// mutants calls f for all changes of one map. f must not keep the map.
func mutants(meta map[string]string, f func(what string, changed map[string]string)) {
	change := func(what string, apply func(map[string]string)) {
		c := maps.Clone(meta)
		apply(c)
		f(what, c)
	}
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		value := meta[name]
		if value == "" {
			continue
		}
		change(name+" removed", func(c map[string]string) { delete(c, name) })
		for _, other := range []string{
			strings.ToUpper(name), textproto.CanonicalMIMEHeaderKey(name), "x-amz-meta-" + name, "X-Amz-Meta-" + name,
			"x-amz-meta-x-amz-meta-" + name, name + " ", " " + name, name + "\x00", strings.TrimPrefix(name, "x-amz-"), strings.ReplaceAll(name, "-", "_"),
		} {
			change(name+" as "+other, func(c map[string]string) { delete(c, name); c[other] = value })
			change(name+" and "+other, func(c map[string]string) { c[other] = value })
			change(name+" and another "+other, func(c map[string]string) { c[other] = value + "A" })
		}
		for what, v := range mutantValues(name, value) {
			change(name+" "+what, func(c map[string]string) { c[name] = v })
		}
		for _, v := range slices.Concat(goodValues, goodObjects) {
			change(name+" = "+v, func(c map[string]string) { c[name] = v })
		}
	}
	for name, value := range exclusive() {
		if meta[name] == "" {
			change(name+" added", func(c map[string]string) { c[name] = value })
			change(name+" added with junk", func(c map[string]string) { c[name] = "x" })
			change(name+" added empty", func(c map[string]string) { c[name] = "" })
		}
	}
}

// writers are the fixtures of which the plaintext has 17 bytes: one of each
// configuration, and enough for more than a block.
func writers(t *testing.T) []fixture {
	t.Helper()
	all := slices.DeleteFunc(loadFixtures(t), func(f fixture) bool { return len(f.plain) != 17 })
	if len(all) < 25 {
		t.Fatalf("%d fixtures of 17 bytes, want 25", len(all))
	}
	return all
}

// checkOpens opens what was accepted: right, or not at all.
func checkOpens(t *testing.T, what string, f fixture, h *envelope.Header) {
	t.Helper()
	opts := everything()
	opener, err := envelope.NewOpener(t.Context(), h, f.keys, &opts)
	if err != nil {
		return
	}
	if r, err := opener.Reader(bytes.NewReader(f.body), int64(len(f.body))); err == nil {
		var got bytes.Buffer
		if _, err = got.ReadFrom(r); err == nil && !bytes.Equal(got.Bytes(), f.plain) && opener.Authenticated() {
			t.Errorf("%s: opens, authenticated, to %x, want %x", what, got.Bytes(), f.plain)
		}
	}
}

// TestMutantHeaders changes the metadata of an object of every writer.
func TestMutantHeaders(t *testing.T) {
	parsed, accepted := 0, 0
	for _, f := range writers(t) {
		if f.file != nil {
			continue
		}
		checkModel(t, f.meta)
		mutants(f.meta, func(what string, changed map[string]string) {
			parsed++
			checkModel(t, changed)
			if h, err := envelope.ParseHeader(changed); err == nil {
				accepted++
				if !strings.HasPrefix(f.name, "rsa") { // which takes long
					checkOpens(t, f.name+", "+what, f, h)
				}
			}
		})
	}
	if parsed < 10_000 || accepted < 1000 || accepted > parsed/2 {
		t.Errorf("%d of %d mutants were accepted", accepted, parsed)
	}
	t.Logf("%d of %d mutants were accepted", accepted, parsed)
}

// TestMutantFiles changes the instruction file of an object of every writer,
// and the metadata beside it; and moves names from one to the other.
func TestMutantFiles(t *testing.T) {
	parsed, accepted := 0, 0
	for _, f := range writers(t) {
		if f.file == nil {
			continue
		}
		file := fileValues(t, f.file)
		check := func(what string, meta, file map[string]string) {
			parsed++
			checkFileModel(t, meta, file)
			data := must[[]byte](t)(json.Marshal(file))
			if h, err := envelope.ParseInstructionFile(meta, bytes.NewReader(data)); err == nil {
				accepted++
				checkOpens(t, f.name+", "+what, f, h)
			}
		}
		check("unchanged", f.meta, file)
		mutants(file, func(what string, changed map[string]string) { check("file: "+what, f.meta, changed) })
		mutants(f.meta, func(what string, changed map[string]string) { check("object: "+what, changed, file) })
		for name := range exclusive() {
			toObject, toFile := [2]map[string]string{maps.Clone(f.meta), maps.Clone(file)}, [2]map[string]string{maps.Clone(f.meta), maps.Clone(file)}
			if toObject[0] == nil {
				toObject[0] = map[string]string{}
			}
			move(toObject[1], toObject[0], name)
			move(toFile[0], toFile[1], name)
			check("to the object: "+name, toObject[0], toObject[1])
			check("to the file: "+name, toFile[0], toFile[1])
		}
	}
	if parsed < 4000 || accepted < 500 || accepted > parsed/2 {
		t.Errorf("%d of %d mutants were accepted", accepted, parsed)
	}
	t.Logf("%d of %d mutants were accepted", accepted, parsed)
}

// fileValues reads a file of another client, of which some write numbers.
func fileValues(t *testing.T, file []byte) map[string]string {
	t.Helper()
	values, out := map[string]any{}, map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	if err := dec.Decode(&values); err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		out[name] = fmt.Sprint(value)
	}
	return out
}

// TestMutantDialects writes the files of all writers in other kinds of JSON:
// numbers for some names only, blanks and escapes everywhere, one object and
// nothing else, and no name twice.
func TestMutantDialects(t *testing.T) {
	seen := 0
	for _, f := range writers(t) {
		if f.file == nil {
			continue
		}
		seen++
		text, blanks := string(f.file), bytes.NewBufferString(" \n\t")
		if err := json.Indent(blanks, f.file, "\r", "  "); err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			file string
			ok   bool
		}{
			"unchanged":      {text, true},
			"blanks":         {blanks.String() + " \r\n", true},
			"escaped slash":  {strings.ReplaceAll(strings.ReplaceAll(text, `\/`, `/`), `/`, `\/`), true},
			"escaped names":  {strings.ReplaceAll(text, `"x-amz-`, `"\u0078\u002Damz-`), true},
			"unknown":        {`{"hello":[{"x-amz-key":"y"}],` + text[1:], true},
			"byte order":     {"\ufeff" + text, false},
			"trailing brace": {text + "}", false},
			"trailing text":  {text + "x", false},
			"two":            {text + text, false},
			"in a list":      {"[" + text + "]", false},
			"in a text":      {string(must[[]byte](t)(json.Marshal(text))), false},
			"comma":          {strings.TrimSuffix(strings.TrimSpace(text), "}") + ",}", false},
			"comment":        {"/**/" + text, false},
			"upper case":     {strings.ToUpper(text), false},
			"large":          {text + strings.Repeat(" ", 64<<10), false},
			"as large":       {text + strings.Repeat(" ", 64<<10-len(text)), true},
		} {
			h, err := envelope.ParseInstructionFile(f.meta, strings.NewReader(c.file))
			if (err == nil) != c.ok || err != nil && !isMetadata(err) {
				t.Errorf("%s, %s: ParseInstructionFile = %v; want it read: %t", f.name, what, err, c.ok)
			}
			if err == nil {
				checkOpens(t, f.name+", "+what, f, h)
			}
		}
		for name, value := range fileValues(t, f.file) {
			checkTypes(t, f, name, value)
		}
	}
	if seen < 7 {
		t.Errorf("%d writers of instruction files, want 7", seen)
	}
}

// checkTypes writes a value of the file twice, and as other types than it is.
func checkTypes(t *testing.T, f fixture, name, value string) {
	t.Helper()
	values := fileValues(t, f.file)
	delete(values, name)
	rest := string(must[[]byte](t)(json.Marshal(values)))[1:]
	quoted := string(must[[]byte](t)(json.Marshal(value)))
	read := func(text string, ok bool) {
		t.Helper()
		file := `{"` + name + `":` + text + "," + rest
		if h, err := envelope.ParseInstructionFile(f.meta, strings.NewReader(file)); (err == nil) != ok || err != nil && !isMetadata(err) {
			t.Errorf("%s: ParseInstructionFile(%s) = %v, %v; want it read: %t", f.name, file, h, err, ok)
		}
	}
	read(quoted, true)
	read(quoted+`,"`+name+`":`+quoted, false)
	read(quoted+`,"x-amz-\u00`+fmt.Sprintf("%02x", name[6])+name[7:]+`":`+quoted, false)
	if strings.HasPrefix(name, "x-amz-unencrypted-") {
		read("17", true) // nobody looks at it
		return
	}
	for _, text := range []string{"null", "true", "[" + quoted + "]", `{"a":` + quoted + "}", "-1"} {
		read(text, false)
	}
	if value != "" && strings.Trim(value, "0123456789") == "" && value[0] != '0' {
		read(value, name == "x-amz-tag-len")
	}
}
