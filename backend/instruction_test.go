// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// TestInstructionRoundTrip writes with an instruction file and reads in every
// way there is, with a bucket that has not been told of files.
func TestInstructionRoundTrip(t *testing.T) {
	for _, p := range profiles(t) {
		for _, n := range []int{0, 1, 16, chunk + 5} {
			what, data := fmt.Sprintf("%s, %d bytes", p.name, n), pattern(n)
			d := mem.New()
			opts := &backend.PutOptions{Metadata: map[string]string{"comment": "kept"}, ContentType: "text/plain"}
			put, err := p.filing(d, nil).Put(t.Context(), "key", bytes.NewReader(data), int64(n), opts)
			if err != nil {
				t.Fatalf("%s: Put = %v", what, err)
			}
			wantSplit(t, what, d, p.suite)
			b := p.opening(d, nil)
			stat, err := b.Stat(t.Context(), "key")
			if err != nil || stat.InstructionFile != "key"+suffix || put.InstructionFile != stat.InstructionFile ||
				!reflect.DeepEqual(stat.Header, put.Header) || stat.ContentType != "text/plain" || stat.Metadata["comment"] != "kept" {
				t.Errorf("%s: Stat = %+v, %v; Put = %+v", what, stat, err, put)
			}
			wantObject(t, b, "key", data)
			path := filepath.Join(t.TempDir(), "file")
			info, err := b.GetFile(t.Context(), "key", path)
			if err != nil || info.Authenticated != p.authenticated() || info.InstructionFile == "" || !bytes.Equal(must(os.ReadFile(path))(t), data) {
				t.Errorf("%s: GetFile = %+v, %v", what, info, err)
			}
			if p.authenticated() && n > 0 {
				o, err := b.GetRange(t.Context(), "key", -1, -1)
				if got, err := readAll(o, err); err != nil || !bytes.Equal(got, data[n-1:]) || o.Authenticated() {
					t.Errorf("%s: GetRange = %x, %v", what, got, err)
				}
			}
		}
	}
}

// wantSplit checks what is stored where.
func wantSplit(t *testing.T, what string, d backend.Driver, suite envelope.Suite) {
	t.Helper()
	object, file := must(d.Stat(t.Context(), "key"))(t), must(d.Stat(t.Context(), "key"+suffix))(t)
	want := map[string]bool{"comment": true}
	if suite == envelope.V3 {
		want = map[string]bool{"comment": true, "x-amz-c": true, "x-amz-d": true, "x-amz-i": true}
	}
	for name := range object.Metadata {
		if !want[name] {
			t.Errorf("%s: %s is in the metadata of the object", what, name)
		}
	}
	if len(object.Metadata) != len(want) {
		t.Errorf("%s: metadata %q, want %v", what, object.Metadata, want)
	}
	marker := map[string]string{"x-amz-crypto-instr-file": "default instruction file header"}
	if file.ContentType != "application/json" || !maps.Equal(file.Metadata, marker) || !json.Valid([]byte(body(t, d, "key"+suffix))) {
		t.Errorf("%s: instruction file %+v, want JSON with the marker and nothing else", what, file)
	}
}

// TestInstructionOrder: the file is written first, and read only where
// metadata has no envelope.
func TestInstructionOrder(t *testing.T) {
	p := profiles(t)[0]
	d := &hooked{Driver: mem.New()}
	b := p.filing(d, nil)
	if _, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, nil); err != nil {
		t.Fatal(err)
	}
	d.wantCalls(t, "get key.instruction", "stat key", "put key.instruction", "put key", "get key.instruction")
	wantObject(t, b, "key", []byte("x"))
	d.wantCalls(t, "get key", "get key.instruction", "stat key")
	if _, err := readAll(b.GetRange(t.Context(), "key", 0, 1)); err != nil {
		t.Error(err)
	}
	d.wantCalls(t, "stat key", "get key.instruction", "get key")
	if _, err := p.bucket(d).Put(t.Context(), "other", strings.NewReader("x"), 1, nil); err != nil {
		t.Fatal(err)
	}
	d.calls = nil
	wantObject(t, b, "other", []byte("x"))
	d.wantCalls(t, "get other")
}

// TestInstructionFixtures opens objects of AWS's clients, as they lay in their
// buckets.
func TestInstructionFixtures(t *testing.T) {
	dir := filepath.Join("..", "envelope", "testdata", "fixtures")
	names := must(filepath.Glob(filepath.Join(dir, "aes256-*-if-*.json")))(t)
	if len(names) != 15 {
		t.Fatalf("%d fixtures, want 15", len(names))
	}
	for _, name := range names {
		var f struct {
			Metadata  map[string]string
			KEK       struct{ Hex string }
			Plaintext struct{ Size int }
			File      struct {
				Body     string
				Metadata map[string]string
			} `json:"instruction_file"`
		}
		if err := json.Unmarshal(must(os.ReadFile(name))(t), &f); err != nil {
			t.Fatal(err)
		}
		d := mem.New()
		raw(t, d, "key", string(must(os.ReadFile(strings.TrimSuffix(name, ".json")+".bin"))(t)), f.Metadata)
		raw(t, d, "key"+suffix, f.File.Body, f.File.Metadata)
		kek := must(hex.DecodeString(f.KEK.Hex))(t)
		keys := wrap.NewKeyring(must(wrap.NewAESGCM(kek))(t), must(legacy.NewAESECB(kek))(t))
		plain := make([]byte, f.Plaintext.Size)
		for i := range plain {
			plain[i] = byte(i * 7)
		}
		wantObject(t, backend.NewBucket(d, nil, keys, &backend.Options{Open: everything(nil)}), "key", plain)
		if _, err := backend.NewBucket(d, nil, keys, nil).Get(t.Context(), "key"); err != nil && !errors.Is(err, envelope.ErrPolicy) {
			t.Errorf("%s: Get by default = %v, want ErrPolicy or nothing", name, err)
		}
	}
}

// TestInstructionMissing: without its file an object of V1 or V2 cannot be
// told from plaintext, one of V3 can.
func TestInstructionMissing(t *testing.T) {
	for _, p := range profiles(t) {
		d := filed(t, p, "key", pattern(40))
		if err := d.Delete(t.Context(), "key"+suffix); err != nil {
			t.Fatal(err)
		}
		f := backendtest.Faulty(d, backendtest.Faults{})
		want := envelope.ErrNotEncrypted
		if p.suite == envelope.V3 {
			want = backend.ErrNoInstructionFile
		}
		for how, read := range readings(t, p.opening(f, nil), "key") {
			got, err := read()
			wantErr(t, p.name+": "+how, err, want)
			if len(got) != 0 || errors.Is(err, backend.ErrNotExist) {
				t.Errorf("%s: %s: %d bytes, %v", p.name, how, len(got), err)
			}
			if _, damaged := errors.AsType[*envelope.MetadataError](err); damaged != (p.suite == envelope.V3) {
				t.Errorf("%s: %s: %v", p.name, how, err)
			}
		}
		_, err := p.opening(f, nil).Stat(t.Context(), "key")
		if p.suite == envelope.V3 {
			wantErr(t, "Stat", err, want)
		} else if err != nil {
			t.Errorf("%s: Stat = %v", p.name, err)
		}
		wantClosed(t, p.name, f)
		opts := everything(nil)
		opts.AllowPlaintext = true
		_, err = backend.NewBucket(f, nil, nil, &backend.Options{Open: opts}).Get(t.Context(), "key")
		if p.suite == envelope.V3 {
			wantErr(t, "Get with AllowPlaintext", err, want)
		}
	}
}

// TestInstructionKeyTooLong: no file can have this key, so there is none.
func TestInstructionKeyTooLong(t *testing.T) {
	d := &hooked{Driver: mem.New(), on: failing("get key.instruction", fmt.Errorf("%w: too long", backend.ErrKey))}
	raw(t, d, "key", "plain", nil)
	_, err := v3(t, d).Get(t.Context(), "key")
	wantErr(t, "Get", err, envelope.ErrNotEncrypted)
}

// TestInstructionUnreadable: a storage that does not answer has not said that
// there is no file.
func TestInstructionUnreadable(t *testing.T) {
	allow := &backend.Options{Open: everything(nil)}
	allow.Open.AllowPlaintext = true
	for _, p := range append(suites(t), profile{name: "plaintext"}) {
		var d backend.Driver = mem.New()
		if p.key == nil {
			raw(t, d, "key", "plain", nil)
		} else {
			d = filed(t, p, "key", pattern(40))
		}
		f := backendtest.Faulty(d, backendtest.Faults{})
		b := backend.NewBucket(&hooked{Driver: f, on: failing("get key.instruction", errDenied)}, nil, p.key, allow)
		for how, read := range readings(t, b, "key") {
			got, err := read()
			wantErr(t, p.name+": "+how, err, errDenied)
			if errors.Is(err, envelope.ErrNotEncrypted) || len(got) != 0 {
				t.Errorf("%s: %s: %d bytes, %v", p.name, how, len(got), err)
			}
		}
		wantErr(t, p.name+": Stat", second(b.Stat(t.Context(), "key")), errDenied)
		wantClosed(t, p.name, f)
	}
}

// TestInstructionBodyError lets the body of the file fail, end early, and go
// on.
func TestInstructionBodyError(t *testing.T) {
	p := profiles(t)[0]
	d := filed(t, p, "key", nil) // the body of the object is shorter than the file
	for _, c := range []struct {
		faults backendtest.Faults
		want   error
	}{
		{backendtest.Faults{GetError: errCustom, GetAt: 40}, errCustom},
		{backendtest.Faults{GetError: errCustom}, errCustom},
		{backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: 40}, io.ErrUnexpectedEOF},
		{backendtest.Faults{GetError: io.EOF, GetAt: 40}, backend.ErrSize},
		{backendtest.Faults{GetExtra: []byte(" ")}, backend.ErrSize},
	} {
		f := backendtest.Faulty(d, c.faults)
		wantErr(t, fmt.Sprintf("%+v", c.faults), second(p.opening(f, nil).Get(t.Context(), "key")), c.want)
		wantErr(t, fmt.Sprintf("%+v: Stat", c.faults), second(p.opening(f, nil).Stat(t.Context(), "key")), c.want)
		wantClosed(t, "body error", f)
	}
}

// TestInstructionForeign puts other things in the place of the file.
func TestInstructionForeign(t *testing.T) {
	allow := &backend.Options{Open: everything(nil)}
	allow.Open.AllowPlaintext = true
	for what, file := range map[string]string{
		"empty": "", "text": "Unpack and run.", "JSON": `{"invalid":"json"}`,
		"HTML": "<html>", "large": strings.Repeat(" ", envelope.MaxInstructionSize) + "x",
	} {
		for _, p := range append(suites(t), profile{name: "plaintext"}) {
			var d backend.Driver = mem.New()
			if p.key == nil {
				raw(t, d, "key", "plain", nil)
			} else {
				d = filed(t, p, "key", pattern(40))
			}
			raw(t, d, "key"+suffix, file, nil)
			f := backendtest.Faulty(d, backendtest.Faults{})
			for how, read := range readings(t, backend.NewBucket(f, nil, p.key, allow), "key") {
				got, err := read()
				if _, ok := errors.AsType[*envelope.MetadataError](err); !ok || errors.Is(err, envelope.ErrNotEncrypted) || len(got) != 0 {
					t.Errorf("%s, %s: %s = %d bytes, %v; want a MetadataError", p.name, what, how, len(got), err)
				}
			}
			wantClosed(t, p.name, f)
		}
	}
}

// TestInstructionHuge: a file is not read if its size says that it is none.
func TestInstructionHuge(t *testing.T) {
	p := profiles(t)[0]
	d := filed(t, p, "key", nil)
	for _, size := range []int64{5 << 30, envelope.MaxInstructionSize + 1, -1} {
		f := backendtest.Faulty(d, backendtest.Faults{GetError: errCustom, Info: func(info *backend.Info) {
			if info.Key == "key"+suffix {
				info.Size = size
			}
		}})
		_, err := p.opening(f, nil).Get(t.Context(), "key")
		if _, ok := errors.AsType[*envelope.MetadataError](err); !ok || errors.Is(err, errCustom) {
			t.Errorf("size %d: Get = %v, want a MetadataError before the body", size, err)
		}
		wantClosed(t, "huge", f)
	}
}

// TestInstructionChanged replaces the object while its file is being read.
func TestInstructionChanged(t *testing.T) {
	for _, p := range suites(t) {
		d := &hooked{Driver: filed(t, p, "key", pattern(40))}
		change := func() {
			if err := d.Driver.Delete(t.Context(), "key"+suffix); err != nil {
				t.Fatal(err)
			}
			if _, err := p.filing(d.Driver, nil).Put(t.Context(), "key", bytes.NewReader(pattern(50)), -1, nil); err != nil {
				t.Fatal(err)
			}
		}
		d.on = func(op, key string) error {
			if op == "get" && key == "key"+suffix {
				change()
			}
			return nil
		}
		for how, read := range readings(t, p.opening(d, nil), "key") {
			got, err := read()
			wantErr(t, p.name+": "+how, err, backend.ErrChanged)
			if len(got) != 0 {
				t.Errorf("%s: %s: %d bytes", p.name, how, len(got))
			}
		}
		change = func() { d.Driver.Delete(t.Context(), "key") }
		wantErr(t, "deleted", second(p.opening(d, nil).Get(t.Context(), "key")), backend.ErrChanged)
		d = &hooked{Driver: filed(t, p, "key", pattern(40)), on: failing("stat key", errDenied)}
		wantErr(t, "no answer", second(p.opening(d, nil).Get(t.Context(), "key")), errDenied)
	}
}

// TestInstructionAnotherSize: storage whose ETag stays what it was, and which then
// has an object of another size under the key.
func TestInstructionAnotherSize(t *testing.T) {
	for _, p := range suites(t) {
		for _, more := range []int64{-1, 1, 16} {
			d, op := &hooked{Driver: filed(t, p, "key", pattern(40))}, ""
			d.on = func(now, _ string) error { op = now; return nil }
			d.info = func(info *backend.Info) {
				if op == "stat" && info.Key == "key" {
					info.Size += more
				}
			}
			read := readings(t, p.opening(d, nil), "key")
			delete(read, "GetRange") // which asks for the size ahead of the body
			for how, read := range read {
				got, err := read()
				wantErr(t, fmt.Sprintf("%s: %s: %+d bytes", p.name, how, more), err, backend.ErrChanged)
				if len(got) != 0 {
					t.Errorf("%s: %s: %d bytes", p.name, how, len(got))
				}
			}
		}
	}
}

// TestInstructionDotNet reads what the first .NET client wrote, by the suffix
// that it used.
func TestInstructionDotNet(t *testing.T) {
	p := profiles(t)[5] // V1-AES
	d := stored(t, p, "key", pattern(40))
	info := must(d.Stat(t.Context(), "key"))(t)
	raw(t, d, "old", body(t, d, "key"), nil)
	raw(t, d, "oldINSTRUCTION_SUFFIX", `{"EncryptedEnvelopeKey":"`+info.Metadata["x-amz-key"]+`","IV":"`+info.Metadata["x-amz-iv"]+`"}`, nil)
	wantErr(t, "default suffix", second(p.opening(d, nil).Get(t.Context(), "old")), envelope.ErrNotEncrypted)
	net := p.filing(d, func(o *backend.Options) { o.InstructionSuffix = envelope.DotNetInstructionSuffix })
	wantObject(t, net, "old", pattern(40))
	if _, err := net.Put(t.Context(), "new", bytes.NewReader(pattern(41)), -1, nil); err != nil {
		t.Fatal(err)
	}
	wantObject(t, net, "new", pattern(41))
	wantNone(t, d, "new"+suffix)
	wantErr(t, "default suffix", second(p.filing(d, nil).Put(t.Context(), "usual", strings.NewReader("x"), 1, nil)), nil)
	wantObject(t, net, "usual", []byte("x")) // is looked for as well
	for _, key := range []string{"old", "new", "usual"} {
		if err := net.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
		wantNone(t, d, key+"INSTRUCTION_SUFFIX")
		wantNone(t, d, key+suffix)
	}
	raw(t, d, "old", "x", nil)
	raw(t, d, "old"+suffix, `{"EncryptedEnvelopeKey":"`+info.Metadata["x-amz-key"]+`","IV":"`+info.Metadata["x-amz-iv"]+`"}`, nil)
	_, err := p.opening(d, nil).Get(t.Context(), "old")
	if _, ok := errors.AsType[*envelope.MetadataError](err); !ok {
		t.Errorf("old dialect under the usual suffix: Get = %v, want a MetadataError", err)
	}
}

// TestAttackA5InstructionFile exchanges the files of two objects under the
// same key: V3 notices before the body is read, V2GCM by its tag.
func TestAttackA5InstructionFile(t *testing.T) {
	for _, p := range profiles(t)[:4] {
		d := filed(t, p, "a", pattern(40))
		if _, err := p.filing(d, nil).Put(t.Context(), "b", bytes.NewReader(pattern(40)), -1, nil); err != nil {
			t.Fatal(err)
		}
		raw(t, d, "a"+suffix, body(t, d, "b"+suffix), nil)
		f := backendtest.Faulty(d, backendtest.Faults{})
		got, err := readAll(p.opening(f, nil).Get(t.Context(), "a"))
		if !errors.Is(err, envelope.ErrDecrypt) || len(got) != 0 {
			t.Errorf("%s: Get = %d bytes, %v; want ErrDecrypt", p.name, len(got), err)
		}
		wantClosed(t, p.name, f)
	}
}

// TestAttackB8InstructionFile: AllowPlaintext does not hand out ciphertext
// whose envelope is in a file, key or no key.
func TestAttackB8InstructionFile(t *testing.T) {
	for _, p := range profiles(t) {
		d := filed(t, p, "key", pattern(40))
		for _, other := range []string{"", ".keys"} {
			opts := &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}, InstructionSuffix: other}
			for how, read := range readings(t, backend.NewBucket(d, nil, nil, opts), "key") {
				got, err := read()
				if err == nil || len(got) != 0 {
					t.Errorf("%s: %s = %d bytes, %v; want a refusal", p.name, how, len(got), err)
				}
				if p.suite != envelope.V3 && p.authenticated() && how != "GetRange" {
					wantErr(t, p.name+": "+how, err, envelope.ErrPolicy)
				}
			}
		}
	}
}
