// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
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
