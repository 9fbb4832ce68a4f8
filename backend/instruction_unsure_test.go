// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

// silent returns the on of a hooked driver that no longer answers these calls once
// the object is put.
func silent(calls ...string) func(op, key string) error {
	begun := false
	return func(op, key string) error {
		begun = begun || op == "put" && key == "key"
		if begun && slices.Contains(calls, op+" "+key) {
			return errDenied
		}
		return nil
	}
}

func wantSaid(t testing.TB, what string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v, want it to say %q", what, err, text)
	}
}

// TestInstructionPutUnknown: a put fails, and the storage does not say whether it
// has stored the object. Without a file, that would look like plaintext.
func TestInstructionPutUnknown(t *testing.T) {
	for _, p := range suites(t) {
		for what, opts := range map[string]*backend.PutOptions{"put": nil, "exclusive": {IfNoneMatch: true}} {
			what = p.name + ", " + what
			d := mem.New()
			h := &hooked{Driver: &lateFailure{d}, on: silent("stat key")}
			_, err := p.filing(h, nil).Put(t.Context(), "key", strings.NewReader("new"), 3, opts)
			wantErr(t, what, err, errCustom)
			wantErr(t, what, err, errDenied)
			wantSaid(t, what, err, `not known what became of the object, so instruction file "key.instruction" stays`)
			wantObject(t, p.opening(d, nil), "key", []byte("new"))
		}
		// What the object before needs is put back: of that it is known that it was there.
		d := filed(t, p, "key", []byte("old"))
		h := &hooked{Driver: d, on: silent("put key", "stat key")}
		_, err := p.filing(h, overwriting).Put(t.Context(), "key", strings.NewReader("new"), 3, nil)
		wantErr(t, p.name+", over a file", err, errDenied)
		wantSaid(t, p.name+", over a file", err, "not known what became of the object")
		wantObject(t, p.opening(d, nil), "key", []byte("old"))
	}
}

// A lateFile stores the first instruction file and reports a failure, as if the
// answer was lost.
type lateFile struct {
	backend.Driver
	lost bool
}

func (d *lateFile) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.Driver.Put(ctx, key, body, size, opts)
	if err == nil && strings.HasSuffix(key, suffix) && !d.lost {
		d.lost = true
		return nil, errCustom
	}
	return info, err
}

// TestInstructionFileUnknown: the put of the file itself fails, and the file is
// there all the same. An object before has its own again.
func TestInstructionFileUnknown(t *testing.T) {
	for _, p := range suites(t) {
		for what, opts := range map[string]*backend.PutOptions{"put": nil, "exclusive": {IfNoneMatch: true}} {
			d := mem.New()
			_, err := p.filing(&lateFile{Driver: d}, nil).Put(t.Context(), "key", untouched{t}, 3, opts)
			wantErr(t, p.name+", "+what, err, errCustom)
			wantNone(t, d, "key"+suffix)
		}
		d := filed(t, p, "key", []byte("old"))
		file := body(t, d, "key"+suffix)
		_, err := p.filing(&lateFile{Driver: d}, overwriting).Put(t.Context(), "key", untouched{t}, 3, nil)
		wantErr(t, p.name+", over a file", err, errCustom)
		if body(t, d, "key"+suffix) != file {
			t.Errorf("%s: the file is not the one that was there", p.name)
		}
		wantObject(t, p.opening(d, nil), "key", []byte("old"))
	}
}

// TestInstructionFileOfAnother: neither is it known whether the file was stored, nor
// what is there: it may be that of another put, and stays.
func TestInstructionFileOfAnother(t *testing.T) {
	p := profiles(t)[0]
	d := mem.New()
	h := &hooked{Driver: d}
	h.on = func(op, key string) error {
		switch op + " " + key {
		case "put key.instruction":
			must(p.filing(d, nil).Put(t.Context(), "key", strings.NewReader("of another"), -1, nil))(t)
			return errCustom
		case "get key.instruction":
			return errDenied
		}
		return nil
	}
	_, err := p.filing(h, nil).Put(t.Context(), "key", untouched{t}, 3, &backend.PutOptions{IfNoneMatch: true})
	wantErr(t, "Put", err, errCustom)
	wantErr(t, "Put", err, errDenied)
	wantSaid(t, "Put", err, `not known whether instruction file "key.instruction" was stored`)
	wantObject(t, p.opening(d, nil), "key", []byte("of another"))
}
