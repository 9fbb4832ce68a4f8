// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// stays are the names that never leave the object.
var stays = []string{"x-amz-c", "x-amz-d", "x-amz-i"}

// staysOwn are those of s3seal's own formats.
var staysOwn = []string{"s3seal-suite", "s3seal-salt", "s3seal-bound", "s3seal-empty"}

// split moves the envelope of o into an instruction file.
func (o object) split(t testing.TB) object {
	t.Helper()
	c := o.clone()
	h := must[*envelope.Header](t)(o.header())
	var err error
	if c.meta, c.file, err = h.InstructionFile(); err != nil {
		t.Fatal(err)
	}
	return c
}

// alter changes the values of an instruction file.
func (o object) alter(t testing.TB, change func(values map[string]string)) object {
	t.Helper()
	c := o.clone()
	values := make(map[string]string)
	parseJSON(t, o.file, &values)
	change(values)
	c.file = must[[]byte](t)(json.Marshal(values))
	return c
}

// TestInstructionForm pins what is written, byte by byte.
func TestInstructionForm(t *testing.T) {
	key, iv16, iv12, id := make([]byte, 24), make([]byte, 16), make([]byte, 12), make([]byte, 28)
	const key64, id64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	staying := map[string]string{"x-amz-c": "115", "x-amz-d": id64, "x-amz-i": id64}
	for _, c := range []struct {
		h    *envelope.Header
		meta map[string]string
		file string
	}{
		{
			&envelope.Header{Suite: envelope.V1, WrappedKey: key, IV: iv16},
			map[string]string{},
			`{"x-amz-iv":"AAAAAAAAAAAAAAAAAAAAAA==","x-amz-key":"` + key64 + `","x-amz-matdesc":"{}"}`,
		},
		{
			&envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: key, IV: iv12, MatDesc: map[string]string{"a b": "é<"}},
			map[string]string{},
			`{"x-amz-cek-alg":"AES/GCM/NoPadding","x-amz-iv":"AAAAAAAAAAAAAAAA","x-amz-key-v2":"` + key64 +
				`","x-amz-matdesc":"{\"a\u0020b\":\"\\u00e9<\"}","x-amz-tag-len":"128","x-amz-wrap-alg":"AES/GCM"}`,
		},
		{
			&envelope.Header{Suite: envelope.V2CBC, Wrap: wrap.RSAOAEPSHA1, WrappedKey: key, IV: iv16},
			map[string]string{},
			`{"x-amz-cek-alg":"AES/CBC/PKCS5Padding","x-amz-iv":"AAAAAAAAAAAAAAAAAAAAAA==","x-amz-key-v2":"` + key64 +
				`","x-amz-matdesc":"{}","x-amz-wrap-alg":"RSA-OAEP-SHA1"}`,
		},
		{
			&envelope.Header{Wrap: wrap.AESGCM, WrappedKey: key, IV: id, Commitment: id}, staying,
			`{"x-amz-3":"` + key64 + `","x-amz-m":"{}","x-amz-w":"02"}`,
		},
		{
			&envelope.Header{
				Wrap: wrap.KMSContext, WrappedKey: key, IV: id, Commitment: id,
				MatDesc: map[string]string{"aws:x-amz-cek-alg": "115"},
			}, staying,
			`{"x-amz-3":"` + key64 + `","x-amz-t":"{\"aws:x-amz-cek-alg\":\"115\"}","x-amz-w":"12"}`,
		},
	} {
		meta, file, err := c.h.InstructionFile()
		if err != nil || !maps.Equal(meta, c.meta) || string(file) != c.file {
			t.Errorf("%v: InstructionFile = %q, %s, %v; want %q, %s", c.h, meta, file, err, c.meta, c.file)
		}
	}
}

// TestInstructionRefuses: what is not written as metadata is not written as a
// file, and neither is what no reader would take.
func TestInstructionRefuses(t *testing.T) {
	id := make([]byte, 28)
	large := map[string]string{"a": strings.Repeat("\x01", 11000)} // 6 bytes each
	for name, h := range map[string]*envelope.Header{
		"empty":     {},
		"V2CTR":     {Suite: envelope.V2CTR, Wrap: wrap.AESKW, WrappedKey: id, IV: id[:16]},
		"too large": {Wrap: wrap.AESGCM, WrappedKey: id, IV: id, Commitment: id, MatDesc: large},
		"large key": {Wrap: wrap.AESGCM, WrappedKey: make([]byte, 50000), IV: id, Commitment: id},
	} {
		if meta, file, err := h.InstructionFile(); err == nil || meta != nil || file != nil {
			t.Errorf("%s: InstructionFile = %q, %d bytes, nil; want an error", name, meta, len(file))
		}
	}
}

// TestInstructionRoundTrip: what is written reads back as the same header, and
// is what all readers can read.
func TestInstructionRoundTrip(t *testing.T) {
	pairs := sealable()
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHeader(rt, rapid.SampledFrom(pairs).Draw(rt, "pair"))
		meta, file, err := h.InstructionFile()
		if err != nil {
			rt.Fatal(err)
		}
		got, err := envelope.ParseInstructionFile(meta, bytes.NewReader(file), dare.DARE2)
		if err != nil || !reflect.DeepEqual(got, h) {
			rt.Fatalf("ParseInstructionFile = %#v, %v; want %#v", got, err, h)
		}
		if again, err := envelope.ParseDotNetInstructionFile(meta, bytes.NewReader(file), dare.DARE2); err != nil || !reflect.DeepEqual(again, h) {
			rt.Fatalf("ParseDotNetInstructionFile = %#v, %v; want %#v", again, err, h)
		}
		if ok, err := envelope.IsInstructionFile(bytes.NewReader(file), dare.DARE2); !ok || err != nil {
			rt.Fatalf("IsInstructionFile = %t, %v; want true", ok, err)
		}
		if !envelope.NeedsInstructionFile(meta) {
			rt.Fatalf("NeedsInstructionFile(%q) = false", meta)
		}
		values := make(map[string]string) // fails for all but strings
		if err := json.Unmarshal(file, &values); err != nil || slices.ContainsFunc(file, func(c byte) bool { return c <= ' ' || c > '~' }) {
			rt.Fatalf("file %q (%v), want strings without blanks, in ASCII", file, err)
		}
		all := must[map[string]string](t)(h.Metadata())
		maps.Copy(values, meta)
		if !maps.Equal(values, all) {
			rt.Fatalf("file and metadata hold %q, want %q", values, all)
		}
	})
}

// splitOf returns valid metadata split by hand.
func splitOf(format string) (meta, file map[string]string) {
	file, meta = valid()[format], make(map[string]string)
	for _, name := range slices.Concat(stays, staysOwn) {
		move(file, meta, name)
	}
	return meta, file
}

// move takes a value from one map to the other.
func move(from, to map[string]string, name string) {
	if value, ok := from[name]; ok {
		delete(from, name)
		to[name] = value
	}
}

// referenceFile says what ParseInstructionFile must make of an object and its
// file: the name of a suite, or "bad". It is written from the description of
// the formats and shares no code with the parser.
func referenceFile(meta, file map[string]string) string {
	object, all := make(map[string]string), make(map[string]string)
	for name, value := range meta {
		name = strings.TrimPrefix(strings.ToLower(name), "x-amz-meta-")
		aws := slices.Contains(modelNames, name) && strings.HasPrefix(name, "x-amz-") && name != "x-amz-crypto-instr-file"
		if !aws && !strings.HasPrefix(name, "s3seal-") || value == "" {
			continue
		}
		if object[name] != "" {
			return "bad"
		}
		object[name] = value
	}
	hints := []string{"x-amz-unencrypted-content-length", "x-amz-unencrypted-content-md5"}
	staying := 0
	for name := range object {
		if slices.Contains(stays, name) {
			staying++
		} else if !slices.Contains(hints, name) && !slices.Contains(staysOwn, name) {
			return "bad"
		}
	}
	for name, value := range file {
		if slices.Contains(slices.Concat(stays, staysOwn), name) && value != "" {
			return "bad"
		}
		if strings.HasPrefix(name, "x-amz-") && !strings.HasPrefix(name, "x-amz-meta-") || strings.HasPrefix(name, "s3seal-") {
			all[name] = value
		}
	}
	if staying != 0 && staying != 3 || staying == 3 && all["x-amz-3"] == "" || staying == 0 && all["x-amz-3"] != "" {
		return "bad"
	}
	maps.Copy(all, object)
	if suite := reference(all); suite != "none" {
		return suite
	}
	return "bad"
}

func checkFileModel(t failer, meta, file map[string]string) {
	t.Helper()
	data, err := json.Marshal(file)
	if err != nil {
		t.Errorf("Marshal: %v", err)
	}
	want, got := referenceFile(meta, file), "bad"
	h, err := envelope.ParseInstructionFile(meta, bytes.NewReader(data), dare.DARE2)
	if err == nil {
		got = h.Suite.String()
	} else if bad := new(envelope.MetadataError); !errors.As(err, &bad) || bad.Name == "" || bad.Reason == "" {
		t.Errorf("ParseInstructionFile(%q, %s) = %v, want a full MetadataError", meta, data, err)
	}
	if got != want {
		t.Errorf("ParseInstructionFile(%q, %s) = %s (%v), want %s", meta, data, got, err, want)
	}
}

// TestInstructionModel changes files and metadata at random and compares with
// the reference.
func TestInstructionModel(t *testing.T) {
	formats := slices.Sorted(maps.Keys(valid()))
	values := slices.Concat(goodValues, goodObjects, badObjects, badBase64)
	rapid.Check(t, func(t *rapid.T) {
		meta, file := splitOf(rapid.SampledFrom(formats).Draw(t, "format"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			name := rapid.SampledFrom(modelNames).Draw(t, "name")
			side, other := file, meta
			if rapid.Bool().Draw(t, "on the object") {
				side, other = meta, file
			}
			switch rapid.IntRange(0, 5).Draw(t, "change") {
			case 0:
				delete(side, name)
			case 1, 2:
				side[name] = rapid.SampledFrom(values).Draw(t, "value")
			case 3:
				rename(side, name, strings.ToUpper(name))
			case 4:
				rename(side, name, "X-Amz-Meta-"+name)
			case 5:
				move(side, other, name)
			}
		}
		checkFileModel(t, meta, file)
	})
}

// TestInstructionEachChange makes every single change there is.
func TestInstructionEachChange(t *testing.T) {
	values := slices.Concat(goodValues, goodObjects, badObjects, badBase64)
	for format := range valid() {
		checkFileModel(t, nil, valid()[format]) // V3 all in the file
		meta, file := splitOf(format)
		checkFileModel(t, meta, file)
		checkFileModel(t, valid()[format], file) // a file beside a whole envelope
		for _, name := range modelNames {
			for _, side := range []map[string]string{file, meta} {
				had, ok := side[name]
				delete(side, name)
				checkFileModel(t, meta, file)
				for _, value := range values {
					side[name] = value
					checkFileModel(t, meta, file)
				}
				delete(side, name)
				if ok {
					side[name] = had
				}
			}
		}
	}
}

// TestInstructionGarbage: whatever a file holds, there is no panic, and it is
// never "not encrypted".
func TestInstructionGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.SliceOf(rapid.Byte()).Draw(t, "file")
		h, err := envelope.ParseInstructionFile(nil, bytes.NewReader(file))
		if !isMetadata(err) || h != nil {
			t.Errorf("ParseInstructionFile(%q) = %v, %v; want a MetadataError", file, h, err)
		}
		if ok, err := envelope.IsInstructionFile(bytes.NewReader(file)); ok || err != nil {
			t.Errorf("IsInstructionFile(%q) = %t, %v; want false", file, ok, err)
		}
	})
}

// TestInstructionSource: a file is read to one byte past the limit and no
// further; its errors are passed on, and never as a bare end of data.
func TestInstructionSource(t *testing.T) {
	good := []byte(`{"x-amz-key":"` + b64(48) + `","x-amz-iv":"` + b64(16) + `"`)
	fill := func(n int) []byte { return append(bytes.Clone(good), bytes.Repeat([]byte(" "), n-len(good)-1)...) }
	for n, ok := range map[int]bool{envelope.MaxInstructionSize: true, envelope.MaxInstructionSize + 1: false} {
		file := append(fill(n), '}')
		for _, r := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
			if _, err := envelope.ParseInstructionFile(nil, r); (err == nil) != ok || err != nil && !isMetadata(err) {
				t.Errorf("file of %d bytes: %v, want it read: %t", n, err, ok)
			}
		}
	}
	endless := &io.LimitedReader{R: strings.NewReader(strings.Repeat(" ", 1<<20)), N: math.MaxInt64}
	if _, err := envelope.ParseInstructionFile(nil, endless); !isMetadata(err) || math.MaxInt64-endless.N != envelope.MaxInstructionSize+1 {
		t.Errorf("long file: %v after %d bytes, want a MetadataError after %d", err, math.MaxInt64-endless.N, envelope.MaxInstructionSize+1)
	}
	for _, cause := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe} {
		file := io.MultiReader(bytes.NewReader(append(fill(200), '}')), iotest.ErrReader(cause))
		if h, err := envelope.ParseInstructionFile(nil, file); !errors.Is(err, cause) || err == cause || h != nil || isMetadata(err) {
			t.Errorf("file that fails with %v: %v, %v", cause, h, err)
		}
		if ok, err := envelope.IsInstructionFile(iotest.ErrReader(cause)); ok || !errors.Is(err, cause) {
			t.Errorf("IsInstructionFile of a file that fails = %t, %v; want %v", ok, err, cause)
		}
	}
	if _, err := envelope.ParseInstructionFile(nil, stuck{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("file that never comes: %v, want ErrNoProgress", err)
	}
}

// TestInstructionMiscount: no reader makes the parser panic.
func TestInstructionMiscount(t *testing.T) {
	for _, n := range []int{-1, math.MaxInt} {
		if h, err := envelope.ParseInstructionFile(nil, miscounting(n)); err == nil || h != nil || isMetadata(err) {
			t.Errorf("count %d: ParseInstructionFile = %v, %v; want an error of the source", n, h, err)
		}
	}
}

type miscounting int

func (n miscounting) Read([]byte) (int, error) { return int(n), nil }

// A stuck reader returns neither bytes nor an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestNeedsInstructionFile: an envelope elsewhere is not to be confused with
// one that is damaged.
func TestNeedsInstructionFile(t *testing.T) {
	v3, _ := splitOf("V3")
	with := func(name, value string) map[string]string {
		m := maps.Clone(v3)
		m[name] = value
		return m
	}
	for name, c := range map[string]struct {
		meta map[string]string
		want bool
	}{
		"nothing":         {nil, true},
		"user's":          {map[string]string{"user": "x", "content-type": "y"}, true},
		"length":          {map[string]string{"X-Amz-Meta-X-Amz-Unencrypted-Content-Length": "5"}, true},
		"empty key":       {map[string]string{"x-amz-key": ""}, true},
		"V3":              {v3, true},
		"V3 with length":  {with("x-amz-unencrypted-content-length", "5"), true},
		"V3 without d":    {with("x-amz-d", ""), false},
		"V3 with w":       {with("x-amz-w", "02"), false},
		"V3 with iv":      {with("x-amz-iv", b64(12)), false},
		"d twice":         {with("X-AMZ-D", b64(28)), false},
		"iv only":         {map[string]string{"x-amz-iv": b64(16)}, false},
		"unknown version": {map[string]string{"x-amz-key-v9": b64(16)}, false},
	} {
		if got := envelope.NeedsInstructionFile(c.meta); got != c.want {
			t.Errorf("%s: NeedsInstructionFile = %t, want %t", name, got, c.want)
		}
	}
	for format, meta := range valid() {
		if envelope.NeedsInstructionFile(meta) {
			t.Errorf("%s: NeedsInstructionFile of a whole envelope = true", format)
		}
	}
}
