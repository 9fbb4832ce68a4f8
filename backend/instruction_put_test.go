// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

func overwriting(o *backend.Options) { o.AllowInstructionOverwrite = true }

// TestInstructionPutFails: when the object cannot be stored, the file goes
// again, or is what it was before.
func TestInstructionPutFails(t *testing.T) {
	data := pattern(2*chunk + 5)
	for _, p := range suites(t) {
		for _, cause := range sourceErrors {
			d := mem.New()
			_, err := p.filing(d, nil).Put(t.Context(), "key", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(cause)), -1, nil)
			wantErr(t, p.name+": source", err, cause)
			wantNone(t, d, "key")
			wantNone(t, d, "key"+suffix)
		}
		d := filed(t, p, "key", data)
		file, info := body(t, d, "key"+suffix), must(d.Stat(t.Context(), "key"+suffix))(t)
		b := p.filing(d, overwriting)
		_, err := b.Put(t.Context(), "key", strings.NewReader("short"), 6, nil)
		wantErr(t, p.name+": size", err, backend.ErrSize)
		now := must(d.Stat(t.Context(), "key"+suffix))(t)
		if body(t, d, "key"+suffix) != file || now.ContentType != info.ContentType || now.Metadata["x-amz-crypto-instr-file"] == "" {
			t.Errorf("%s: after a failed put the file is not what it was", p.name)
		}
		wantObject(t, b, "key", data)
		if _, err := b.Put(t.Context(), "key", strings.NewReader("new"), 3, nil); err != nil {
			t.Errorf("%s: Put = %v", p.name, err)
		}
		wantObject(t, b, "key", []byte("new"))
	}
}

// TestInstructionPutCalls fails one call of a put after the other.
func TestInstructionPutCalls(t *testing.T) {
	p := profiles(t)[0]
	for call, left := range map[string][]string{
		"get key.instruction": {"get key.instruction"},
		"stat key":            {"get key.instruction", "stat key"},
		"put key.instruction": {"get key.instruction", "stat key", "put key.instruction", "get key.instruction"},
		"put key":             {"get key.instruction", "stat key", "put key.instruction", "put key", "stat key", "get key.instruction", "delete key.instruction"},
	} {
		d := &hooked{Driver: mem.New(), on: failing(call, errDenied)}
		wantErr(t, call, second(p.filing(d, nil).Put(t.Context(), "key", strings.NewReader("x"), 1, nil)), errDenied)
		d.wantCalls(t, left...)
		wantNone(t, d.Driver, "key")
		wantNone(t, d.Driver, "key"+suffix)
	}
	// Nothing can be done if the way back fails too, but it is said.
	d := &hooked{Driver: mem.New()}
	d.on = func(op, key string) error {
		switch op + " " + key {
		case "put key":
			return errCustom
		case "delete key.instruction":
			return errDenied
		}
		return nil
	}
	_, err := p.filing(d, nil).Put(t.Context(), "key", strings.NewReader("x"), 1, nil)
	wantErr(t, "way back", err, errCustom)
	wantErr(t, "way back", err, errDenied)
	if err != nil && !strings.Contains(err.Error(), `"key.instruction" is left behind`) {
		t.Errorf("error %q does not say what is left", err)
	}
}

// TestInstructionPutCancelled cancels a put; the file goes all the same.
func TestInstructionPutCancelled(t *testing.T) {
	p := profiles(t)[0]
	ctx, cancel := context.WithCancel(t.Context())
	d := &hooked{Driver: mem.New()}
	d.on = func(op, key string) error {
		if op == "put" && key == "key" {
			cancel()
		}
		return nil
	}
	wantErr(t, "Put", second(p.filing(d, nil).Put(ctx, "key", strings.NewReader("x"), 1, nil)), context.Canceled)
	wantNone(t, d.Driver, "key")
	wantNone(t, d.Driver, "key"+suffix)
	wantErr(t, "Put", second(p.filing(d, nil).Put(ctx, "key", strings.NewReader("x"), 1, nil)), context.Canceled)
	wantNone(t, d.Driver, "key"+suffix)
}

// TestInstructionPutLies has a storage that takes half a file for a whole one.
func TestInstructionPutLies(t *testing.T) {
	p := profiles(t)[0]
	d := mem.New()
	f := backendtest.Faulty(d, backendtest.Faults{PutStops: true, PutAt: 20})
	wantErr(t, "Put", second(p.filing(f, nil).Put(t.Context(), "key", strings.NewReader("x"), 1, nil)), backend.ErrSize)
	wantNone(t, d, "key")
	wantNone(t, d, "key"+suffix)
}

// TestInstructionPutCommits has a storage that stores an object and reports a
// failure: its file must stay, or ciphertext would look like plaintext.
func TestInstructionPutCommits(t *testing.T) {
	for _, p := range suites(t) {
		for what, old := range map[string]func(d backend.Driver){
			"nothing":   func(backend.Driver) {},
			"plaintext": func(d backend.Driver) { raw(t, d, "key", "plain", nil) },
			"a file": func(d backend.Driver) {
				must(p.filing(d, nil).Put(t.Context(), "key", strings.NewReader("old"), 3, nil))(t)
			},
		} {
			d := mem.New()
			old(d)
			lying := &lateFailure{d}
			_, err := p.filing(lying, overwriting).Put(t.Context(), "key", strings.NewReader("new"), 3, nil)
			wantErr(t, p.name+", "+what, err, errCustom)
			if err != nil && !strings.Contains(err.Error(), `"key.instruction" stays`) {
				t.Errorf("%s, %s: error %q does not say what stays", p.name, what, err)
			}
			wantObject(t, p.opening(d, nil), "key", []byte("new"))
		}
		// An object that was there and has not changed gets its state back.
		d := mem.New()
		raw(t, d, "key", "plain", nil)
		failed := &hooked{Driver: d, on: failing("put key", errCustom)}
		wantErr(t, p.name, second(p.filing(failed, nil).Put(t.Context(), "key", strings.NewReader("new"), 3, nil)), errCustom)
		wantNone(t, d, "key"+suffix)
	}
}

// A lateFailure stores an object and then reports a failure.
type lateFailure struct{ backend.Driver }

func (d *lateFailure) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.Driver.Put(ctx, key, body, size, opts)
	if err == nil && key == "key" {
		return nil, errCustom
	}
	return info, err
}

// TestInstructionCreate goes through a Writer, which fails late.
func TestInstructionCreate(t *testing.T) {
	p := profiles(t)[0]
	d := mem.New()
	b := p.filing(d, nil)
	w, err := b.Create(t.Context(), "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(chunk)); err != nil {
		t.Fatal(err)
	}
	w.Abort(errCustom)
	wantErr(t, "Close after Abort", w.Close(), errCustom)
	wantNone(t, d, "key")
	wantNone(t, d, "key"+suffix)
	if w, err = b.Create(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReadFrom(bytes.NewReader(pattern(3 * chunk))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || w.Info().InstructionFile != "key"+suffix {
		t.Errorf("Close = %v, Info = %+v", err, w.Info())
	}
	wantObject(t, b, "key", pattern(3*chunk))
	if w, err = b.Create(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Close of a second object", w.Close(), backend.ErrInstructionFile)
	wantObject(t, b, "key", pattern(3*chunk))
}

// TestInstructionOverwrite: a file in the way is replaced only where the caller
// says so or the storage keeps it, and what is no file never.
func TestInstructionOverwrite(t *testing.T) {
	p := profiles(t)[0]
	d := &hooked{Driver: filed(t, p, "key", pattern(40))}
	_, err := p.filing(d, nil).Put(t.Context(), "key", untouched{t}, -1, nil)
	wantErr(t, "Put", err, backend.ErrInstructionFile)
	d.wantCalls(t, "get key.instruction")
	for id, want := range map[string]error{"": backend.ErrInstructionFile, "null": backend.ErrInstructionFile, "v1": nil} {
		d.info = func(info *backend.Info) { info.VersionID = id }
		_, err := p.filing(d, nil).Put(t.Context(), "key", strings.NewReader("new"), 3, nil)
		if want == nil && err != nil {
			t.Errorf("Put with version %q = %v", id, err)
		} else if want != nil {
			wantErr(t, "Put with version "+id, err, want)
		}
	}
	d.info = nil
	if _, err := p.filing(d, overwriting).Put(t.Context(), "key", strings.NewReader("newer"), 5, nil); err != nil {
		t.Errorf("Put = %v", err)
	}
	wantObject(t, v3(t, d), "key", []byte("newer"))
	for _, foreign := range []string{"", "text", `{"invalid":"json"}`, strings.Repeat("x", envelope.MaxInstructionSize+1)} {
		d := mem.New()
		raw(t, d, "key"+suffix, foreign, nil)
		_, err := p.filing(d, overwriting).Put(t.Context(), "key", untouched{t}, -1, nil)
		wantErr(t, "Put over a foreign object", err, backend.ErrInstructionFile)
		if body(t, d, "key"+suffix) != foreign {
			t.Errorf("the foreign object is not what it was")
		}
		wantNone(t, d, "key")
	}
}

// An untouched reader fails the test when it is read.
type untouched struct{ t *testing.T }

func (r untouched) Read([]byte) (int, error) {
	r.t.Error("the source was read")
	return 0, io.EOF
}

// TestInstructionReplacedByMetadata: an object with its envelope in metadata
// replaces one with a file at once, and the file no longer counts.
func TestInstructionReplacedByMetadata(t *testing.T) {
	p := profiles(t)[0]
	d := filed(t, p, "key", pattern(40))
	b := v3(t, d)
	if _, err := b.Put(t.Context(), "key", strings.NewReader("new"), 3, nil); err != nil {
		t.Fatal(err)
	}
	wantObject(t, b, "key", []byte("new"))
	if info, err := b.Stat(t.Context(), "key"); err != nil || info.InstructionFile != "" {
		t.Errorf("Stat = %+v, %v; want no instruction file", info, err)
	}
	if err := b.Delete(t.Context(), "key"); err != nil {
		t.Error(err)
	}
	wantNone(t, d, "key"+suffix)
}

// TestAttackB6Keys: nobody can put an object where readers look for files.
func TestAttackB6Keys(t *testing.T) {
	p := profiles(t)[0]
	d := &hooked{Driver: mem.New()}
	other := func(o *backend.Options) { o.InstructionSuffix = ".keys" }
	for key, b := range map[string]*backend.Bucket{
		"x.instruction":             v3(t, d),
		".instruction":              v3(t, d),
		"x.instruction.instruction": p.filing(d, nil),
		"y.instruction":             p.filing(d, other),
		"y.keys":                    p.filing(d, other),
	} {
		wantErr(t, "Put "+key, second(b.Put(t.Context(), key, untouched{t}, -1, nil)), backend.ErrKey)
		wantErr(t, "Create "+key, second(b.Create(t.Context(), key, nil)), backend.ErrKey)
	}
	d.wantCalls(t)
	for _, key := range []string{"x.instructions", "x.instruction/y", "instruction", "x.keys"} {
		if _, err := v3(t, d).Put(t.Context(), key, strings.NewReader("x"), 1, nil); err != nil {
			t.Errorf("Put %s = %v", key, err)
		}
	}
}

// TestAttackB6Delete: Delete removes an instruction file and nothing else.
func TestAttackB6Delete(t *testing.T) {
	for _, p := range suites(t) {
		d := &hooked{Driver: filed(t, p, "key", pattern(40))}
		raw(t, d.Driver, "key.key", "a wrapped key", nil)
		d.calls = nil
		if err := v3(t, d).Delete(t.Context(), "key"); err != nil {
			t.Errorf("%s: Delete = %v", p.name, err)
		}
		d.wantCalls(t, "delete key", "get key.instruction", "delete key.instruction")
		wantNone(t, d.Driver, "key")
		wantNone(t, d.Driver, "key"+suffix)
		if body(t, d.Driver, "key.key") != "a wrapped key" {
			t.Errorf("%s: key.key was altered", p.name)
		}
	}
	for _, foreign := range []string{"", "text", `{"invalid":"json"}`, strings.Repeat("x", envelope.MaxInstructionSize+1)} {
		d := mem.New()
		raw(t, d, "key", "x", nil)
		raw(t, d, "key"+suffix, foreign, nil)
		if err := v3(t, d).Delete(t.Context(), "key"); err != nil || body(t, d, "key"+suffix) != foreign {
			t.Errorf("Delete beside a foreign object: %v", err)
		}
		wantNone(t, d, "key")
	}
}

// TestInstructionDelete: what cannot be seen or removed is an error, and a
// second Delete does the rest.
func TestInstructionDelete(t *testing.T) {
	p := profiles(t)[0]
	for _, call := range []string{"get key.instruction", "delete key.instruction"} {
		d := &hooked{Driver: filed(t, p, "key", pattern(40)), on: failing(call, errDenied)}
		b := v3(t, d)
		err := b.Delete(t.Context(), "key")
		wantErr(t, call, err, errDenied)
		if errors.Is(err, backend.ErrNotExist) || err != nil && !strings.Contains(err.Error(), "the object is deleted") {
			t.Errorf("%s: error %v does not say that the object is deleted", call, err)
		}
		wantNone(t, d.Driver, "key")
		d.on = nil
		wantErr(t, "second Delete", b.Delete(t.Context(), "key"), backend.ErrNotExist)
		wantNone(t, d.Driver, "key"+suffix)
	}
	// If the object stays, so does its file.
	d := &hooked{Driver: filed(t, p, "key", pattern(40)), on: failing("delete key", errDenied)}
	wantErr(t, "Delete", v3(t, d).Delete(t.Context(), "key"), errDenied)
	wantObject(t, v3(t, d), "key", pattern(40))
	// A file can be deleted by its own key.
	if err := v3(t, d).Delete(t.Context(), "key"+suffix); err != nil {
		t.Errorf("Delete of the file = %v", err)
	}
	if last := d.calls[len(d.calls)-1]; last != "delete key.instruction" {
		t.Errorf("Delete of the file ended with %q", last)
	}
	wantErr(t, "Get", second(v3(t, d).Get(t.Context(), "key")), backend.ErrNoInstructionFile)
}

// TestInstructionMetadataLimit: what does not fit beside an envelope fits
// without it, and the error says so.
func TestInstructionMetadataLimit(t *testing.T) {
	d := mem.New()
	meta := map[string]string{"comment": strings.Repeat("c", 1250)}
	opts := &backend.PutOptions{Metadata: meta}
	put := func(file bool) error {
		b := backend.NewBucket(d, largeKey{}, nil, &backend.Options{InstructionFile: file})
		return second(b.Put(t.Context(), "key", strings.NewReader("x"), 1, opts))
	}
	err := put(false)
	wantErr(t, "Put", err, backend.ErrMetadata)
	if err != nil && !strings.Contains(err.Error(), "Options.InstructionFile") {
		t.Errorf("error %q does not name the way out", err)
	}
	if err := put(true); err != nil {
		t.Errorf("Put with an instruction file = %v", err)
	}
	meta["comment"] = strings.Repeat("c", 2000) // nothing helps
	for _, file := range []bool{false, true} {
		err := put(file)
		wantErr(t, "Put", err, backend.ErrMetadata)
		if err != nil && strings.Contains(err.Error(), "Options.InstructionFile") {
			t.Errorf("error %q names a way that is none", err)
		}
	}
}

// titled is a storage in which others have given an instruction file a header that
// no put takes, and which has no room for the object k.
type titled struct {
	backend.Driver
	header string
	full   bool
}

func (d *titled) Get(ctx context.Context, key string, o *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.Driver.Get(ctx, key, o)
	if err == nil && strings.HasSuffix(key, ".instruction") {
		info.Headers = map[string]string{"cache-control": d.header}
	}
	return body, info, err
}

func (d *titled) Put(ctx context.Context, key string, body io.Reader, size int64, o *backend.PutOptions) (*backend.Info, error) {
	if d.full && key == "k" {
		return nil, errors.New("storage is full")
	}
	return d.Driver.Put(ctx, key, body, size, o)
}

// TestInstructionTakenBackWithoutHeaders: a put that fails puts the old file back,
// whatever headers that had.
func TestInstructionTakenBackWithoutHeaders(t *testing.T) {
	for _, header := range []string{"no-store", "no-store; x=\u00e9"} {
		key := must(wrap.NewAESGCM(kek(32)))(t)
		d := &titled{Driver: mem.New(), header: header}
		b := backend.NewBucket(d, key, key, &backend.Options{
			Seal: envelope.SealOptions{Suite: envelope.V2GCM}, Open: envelope.OpenOptions{AllowUncommitted: true},
			InstructionFile: true, AllowInstructionOverwrite: true,
		})
		must(b.Put(t.Context(), "k", strings.NewReader("old"), 3, nil))(t)
		d.full = true
		if _, err := b.Put(t.Context(), "k", strings.NewReader("new"), 3, nil); err == nil {
			t.Fatal("want the put to fail")
		}
		o := must(b.Get(t.Context(), "k"))(t)
		if got, err := io.ReadAll(o); string(got) != "old" || err != nil {
			t.Errorf("%q: want the old object, got %q, %v", header, got, err)
		}
		o.Close()
	}
}
