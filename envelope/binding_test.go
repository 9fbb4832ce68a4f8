// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// TestBinding: a bound object opens under its names only, whatever its size;
// without names it says what it lacks, before a key is used.
func TestBinding(t *testing.T) {
	for _, suite := range ownSuites {
		for _, n := range []int{0, 100} {
			o := sealOwn(t, suite, ownPlace, pattern(n))
			for name, bind := range map[string]envelope.Binding{
				"another key":    {Bucket: "bucket", Key: "a/key2"},
				"another bucket": {Bucket: "bucket2", Key: "a/key"},
				"moved border":   {Bucket: "bucketa", Key: "/key"},
				"no bucket":      {Key: "bucket\x00\x05a/key"},
				"swapped":        {Bucket: "a/key", Key: "bucket"},
			} {
				if got, err := o.open(t.Context(), fipsGCM.key(t), ownOpen(bind)); err != envelope.ErrDecrypt || len(got) > 0 {
					t.Errorf("%v of %d, %s: %d bytes, %v; want ErrDecrypt", suite, n, name, len(got), err)
				}
			}
			if got, err := o.open(t.Context(), fipsGCM.key(t), ownOpen(ownPlace)); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("%v of %d, its names: %d bytes, %v", suite, n, len(got), err)
			}
			key := &counter{Unwrapper: fipsGCM.key(t)}
			_, err := o.open(t.Context(), key, ownOpen(envelope.Binding{}))
			wantPolicy(t, suite.String(), err, "Bind")
			if key.calls != 0 || !strings.Contains(err.Error(), "is bound") && !strings.Contains(err.Error(), "asked for") {
				t.Errorf("%v: %v after %d unwraps", suite, err, key.calls)
			}
		}
	}
}

// TestBindingMark: taking the mark away, or adding it, does not move an object.
func TestBindingMark(t *testing.T) {
	for _, suite := range ownSuites {
		for _, n := range []int{0, 100} {
			bound, free := sealOwn(t, suite, ownPlace, pattern(n)), sealOwn(t, suite, envelope.Binding{}, pattern(n))
			delete(bound.meta, "s3seal-bound")
			free.meta["s3seal-bound"] = "1"
			for name, o := range map[string]object{"mark removed": bound, "mark added": free} {
				if got, err := o.open(t.Context(), fipsGCM.key(t), ownOpen(ownPlace)); err != envelope.ErrDecrypt || len(got) > 0 {
					t.Errorf("%v of %d, %s: %d bytes, %v; want ErrDecrypt", suite, n, name, len(got), err)
				}
			}
		}
	}
}

// TestRequireBound: names alone do not keep out what is not bound, the option
// does, for all formats.
func TestRequireBound(t *testing.T) {
	opts := everything()
	opts.Bind = ownPlace
	for _, p := range []pair{{envelope.Chunked, wrap.AESGCM}, {dare.DARE2, wrap.AESGCM}, {envelope.V3, wrap.AESGCM}, {envelope.V2GCM, wrap.AESGCM}} {
		o := sealObject(t, p.key(t), &envelope.SealOptions{Suite: p.suite}, pattern(10))
		opts.RequireBound = false
		if got, err := o.open(t.Context(), p.key(t), &opts); err != nil || !bytes.Equal(got, o.plain) {
			t.Errorf("%v: with names: %d bytes, %v", p, len(got), err)
		}
		opts.RequireBound = true
		_, err := o.open(t.Context(), p.key(t), &opts)
		wantPolicy(t, p.suite.String(), err, "RequireBound")
	}
	bound := sealOwn(t, envelope.Chunked, ownPlace, pattern(10))
	if _, err := bound.open(t.Context(), fipsGCM.key(t), &opts); err != nil {
		t.Errorf("bound: %v", err)
	}
}

// TestBindingRefused: names that cannot be, and formats that cannot be bound, are
// errors before a key is used.
func TestBindingRefused(t *testing.T) {
	long := strings.Repeat("x", 65536)
	for name, c := range map[string]struct {
		suite envelope.Suite
		bind  envelope.Binding
		ok    bool
	}{
		"no key":      {envelope.Chunked, envelope.Binding{Bucket: "b"}, false},
		"long key":    {envelope.Chunked, envelope.Binding{Key: long}, false},
		"long bucket": {envelope.Chunked, envelope.Binding{Key: "k", Bucket: long}, false},
		"longest":     {envelope.Chunked, envelope.Binding{Key: long[1:], Bucket: long[1:]}, true},
		"no bucket":   {envelope.Chunked, envelope.Binding{Key: "k"}, true},
		"V3":          {envelope.V3, ownPlace, false},
		"V2GCM":       {envelope.V2GCM, ownPlace, false},
	} {
		w := &wrapCounter{Wrapper: fipsGCM.key(t)}
		if s, err := envelope.NewSealer(t.Context(), w, &envelope.SealOptions{Suite: c.suite, Bind: c.bind}); (err == nil) != c.ok || (w.calls == 1) != c.ok {
			t.Errorf("%s: NewSealer = %v, %v after %d wraps, want ok = %t", name, s, err, w.calls, c.ok)
		}
		if c.suite != envelope.Chunked {
			continue
		}
		key := &counter{Unwrapper: fipsGCM.key(t)}
		o := sealOwn(t, c.suite, envelope.Binding{}, pattern(1))
		if _, err := o.open(t.Context(), key, &envelope.OpenOptions{Bind: c.bind}); (err == nil) != c.ok || (key.calls == 1) != c.ok {
			t.Errorf("%s: open = %v after %d unwraps, want ok = %t", name, err, key.calls, c.ok)
		}
	}
}
