// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

func conditionBucket(t *testing.T, d backend.Driver, opts *backend.Options) *backend.Bucket {
	t.Helper()
	key := must(wrap.NewAESGCM(kek(32)))(t)
	return backend.NewBucket(d, key, key, opts)
}

// TestConditionalPut: conditions reach the storage, by Put and by Create.
func TestConditionalPut(t *testing.T) {
	b := conditionBucket(t, mem.New(), nil)
	put := func(text string, opts backend.PutOptions) error {
		_, err := b.Put(t.Context(), "k", strings.NewReader(text), -1, &opts)
		return err
	}
	create := func(text string, opts backend.PutOptions) error {
		w, err := b.Create(t.Context(), "k", &opts)
		if err != nil {
			return err
		}
		defer w.Abort(nil)
		opts.IfNoneMatch, opts.IfMatch = false, "" // is the caller's again
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
		return w.Close()
	}
	for name, store := range map[string]func(string, backend.PutOptions) error{"Put": put, "Create": create} {
		wantErr(t, name, store("none", backend.PutOptions{IfMatch: "0"}), backend.ErrChanged)
		if err := store("first", backend.PutOptions{IfNoneMatch: true}); err != nil {
			t.Fatalf("%s = %v", name, err)
		}
		wantErr(t, name, store("second", backend.PutOptions{IfNoneMatch: true}), backend.ErrExist)
		wantObject(t, b, "k", []byte("first"))
		etag := must(b.Stat(t.Context(), "k"))(t).ETag
		if err := store("third", backend.PutOptions{IfMatch: etag}); err != nil {
			t.Fatalf("%s = %v", name, err)
		}
		wantErr(t, name, store("fourth", backend.PutOptions{IfMatch: etag}), backend.ErrChanged)
		wantObject(t, b, "k", []byte("third"))
		if err := b.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnsupportedOptions: what the storage cannot keep is refused with nothing
// stored and before the source is read.
func TestUnsupportedOptions(t *testing.T) {
	d := mem.New()
	for name, opts := range map[string]backend.PutOptions{
		"tags":          {Tags: map[string]string{"a": "b"}},
		"storage class": {StorageClass: "STANDARD"},
		"SSE":           {SSE: new(backend.SSE)},
		"contradiction": {IfNoneMatch: true, IfMatch: "0"},
	} {
		src := &meanwhile{strings.NewReader("text"), func() { t.Errorf("%s: the source was read", name) }}
		_, err := conditionBucket(t, d, nil).Put(t.Context(), "k", src, -1, &opts)
		wantErr(t, name, err, errors.ErrUnsupported)
		wantNone(t, d, "k")
	}
	_, err := conditionBucket(t, d, &backend.Options{InstructionFile: true, AllowInstructionOverwrite: true}).
		Put(t.Context(), "k", strings.NewReader(""), -1, &backend.PutOptions{IfMatch: "0"})
	wantErr(t, "IfMatch with an instruction file", err, errors.ErrUnsupported)
	_, err = conditionBucket(t, simple{d}, &backend.Options{InstructionFile: true}).
		Put(t.Context(), "k", strings.NewReader(""), -1, &backend.PutOptions{IfNoneMatch: true})
	wantErr(t, "a storage without conditions", err, errors.ErrUnsupported)
	wantNone(t, d, "k.instruction")
}

// TestPutOptionsArePassedOn: the driver gets what the caller asks for, and the
// caller's maps stay his.
func TestPutOptionsArePassedOn(t *testing.T) {
	var got *backend.PutOptions
	d := &hooked{Driver: mem.New()}
	spy := optionsSpy{d, &got}
	opts := &backend.PutOptions{
		ContentType: "text/x-test", IfNoneMatch: true, StorageClass: "GLACIER",
		Tags: map[string]string{"a": "b"}, SSE: &backend.SSE{KMS: true, KMSKeyID: "id", KMSContext: map[string]string{"c": "d"}},
	}
	_, err := conditionBucket(t, spy, nil).Put(t.Context(), "k", strings.NewReader(""), 0, opts)
	wantErr(t, "Put", err, errors.ErrUnsupported)
	if got == nil || !got.IfNoneMatch || got.StorageClass != "GLACIER" || got.ContentType != "text/x-test" ||
		!maps.Equal(got.Tags, opts.Tags) || got.SSE == nil || got.SSE.KMSKeyID != "id" || !maps.Equal(got.SSE.KMSContext, opts.SSE.KMSContext) {
		t.Fatalf("driver got %+v", got)
	}
	if len(opts.Metadata) > 0 || got.SSE == opts.SSE {
		t.Error("options are shared with the caller")
	}
}

// TestInstructionCreateInterleaved runs two puts of a new object with an
// instruction file in every order of their requests, with and without one that
// fails: at most one stores its object, and what is there opens.
func TestInstructionCreateInterleaved(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		for _, fails := range []bool{false, true} {
			n := 0
			for order := []int{}; order != nil; n++ {
				order = instructionPutsMeet(t, order, overwrite, fails)
			}
			if n < 20 {
				t.Errorf("%d orders, want more", n)
			}
		}
	}
}

func instructionPutsMeet(t *testing.T, order []int, overwrite, fails bool) []int {
	t.Helper()
	store := mem.New()
	opts := &backend.Options{InstructionFile: true, AllowInstructionOverwrite: overwrite}
	data := [2][]byte{pattern(100), pattern(200)}
	var errs [2]error
	put := func(i int, d backend.Driver) {
		_, errs[i] = conditionBucket(t, d, opts).Put(t.Context(), "a", bytes.NewReader(data[i]), -1, &backend.PutOptions{IfNoneMatch: true})
	}
	taken := schedule(store, order, [2]func(backend.Driver){
		func(d backend.Driver) { put(0, d) },
		func(d backend.Driver) {
			if fails {
				d = broken{d}
			}
			put(1, d)
		},
	})
	stored := 0
	for _, err := range errs {
		switch {
		case err == nil:
			stored++
		case !errors.Is(err, backend.ErrExist) && !errors.Is(err, backend.ErrInstructionFile) && !errors.Is(err, errCustom):
			t.Fatalf("order %v: Put = %v", taken, err)
		}
	}
	if stored > 1 || stored == 0 && !fails {
		t.Fatalf("order %v, errors %v: %d puts have succeeded", taken, errs, stored)
	}
	b := conditionBucket(t, store, nil)
	got, err := readAll(b.Get(t.Context(), "a"))
	if stored == 0 && errors.Is(err, backend.ErrNotExist) {
		wantNone(t, store, "a"+envelope.InstructionSuffix)
		return following(taken)
	}
	if err != nil || !bytes.Equal(got, data[0]) && !bytes.Equal(got, data[1]) {
		t.Fatalf("order %v, errors %v: Get = %d bytes, %v", taken, errs, len(got), err)
	}
	return following(taken)
}

// TestInstructionCreateOverPlain: an object that was there, or comes meanwhile,
// keeps what it has, and gets no file that is not its own.
func TestInstructionCreateOverPlain(t *testing.T) {
	for _, late := range []bool{false, true} {
		d := mem.New()
		b := conditionBucket(t, d, &backend.Options{InstructionFile: true, AllowInstructionOverwrite: true})
		other := func() { mustPut(t, conditionBucket(t, d, nil), "k", []byte("of another")) }
		src := &meanwhile{strings.NewReader("mine"), other}
		if !late {
			other()
			src.do = func() { t.Error("the source was read") }
		}
		_, err := b.Put(t.Context(), "k", src, -1, &backend.PutOptions{IfNoneMatch: true})
		wantErr(t, "Put", err, backend.ErrExist)
		wantObject(t, b, "k", []byte("of another"))
		wantNone(t, d, "k"+envelope.InstructionSuffix)
	}
}

// TestInstructionLeftBehind: a file without an object stops a put that is to
// create both, until it is deleted.
func TestInstructionLeftBehind(t *testing.T) {
	d := mem.New()
	b := conditionBucket(t, d, &backend.Options{InstructionFile: true, AllowInstructionOverwrite: true})
	mustPut(t, b, "k", []byte("old"))
	if err := d.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	create := &backend.PutOptions{IfNoneMatch: true}
	_, err := b.Put(t.Context(), "k", strings.NewReader("new"), -1, create)
	wantErr(t, "Put", err, backend.ErrInstructionFile)
	wantErr(t, "Delete", b.Delete(t.Context(), "k"), backend.ErrNotExist)
	if _, err := b.Put(t.Context(), "k", strings.NewReader("new"), -1, create); err != nil {
		t.Fatalf("Put = %v", err)
	}
	wantObject(t, b, "k", []byte("new"))
}

// An optionsSpy keeps the options of a put.
type optionsSpy struct {
	backend.Driver
	got **backend.PutOptions
}

func (s optionsSpy) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	*s.got = opts
	return s.Driver.Put(ctx, key, body, size, opts)
}

func ExamplePutOptions() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM(make([]byte, 32)) // a real one is random
	if err != nil {
		log.Fatal(err)
	}
	bucket := backend.NewBucket(mem.New(), key, key, nil)
	create := &backend.PutOptions{IfNoneMatch: true}
	first, err := bucket.Put(ctx, "once", strings.NewReader("first"), 5, create)
	if err != nil {
		log.Fatal(err)
	}
	_, err = bucket.Put(ctx, "once", strings.NewReader("second"), 6, create)
	fmt.Println("created again:", errors.Is(err, backend.ErrExist))
	_, err = bucket.Put(ctx, "once", strings.NewReader("third"), 5, &backend.PutOptions{IfMatch: first.ETag})
	fmt.Println("replaced:", err == nil)
	// Output:
	// created again: true
	// replaced: true
}
