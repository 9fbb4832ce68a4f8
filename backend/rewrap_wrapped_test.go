// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// TestRewrapSkip gives all objects the key twice: those of which the first time
// shows are left alone the second, and open by the new key in any case.
func TestRewrapSkip(t *testing.T) {
	telling := []wrap.Algorithm{wrap.AESGCM, wrap.AESKW, wrap.RSAOAEPSHA1}
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		must(r.old(d).Put(t.Context(), "key", strings.NewReader("precious"), -1, nil))(t)
		written := 0
		opts := &backend.RewrapOptions{
			Wrappers: []wrap.Wrapper{r.to}, SkipWrapped: true, MustNotOpen: r.key,
			Before: func(*backend.ObjectInfo) error { written++; return nil },
		}
		if _, err := r.old(d).Rewrap(t.Context(), "key", opts); err != nil || written != 1 {
			t.Fatalf("first: Rewrap = %v, %d writes", err, written)
		}
		before := everythingIn(t, d)
		told := slices.Contains(telling, r.to.Algorithm()) && r.suite != envelope.V1 && (!r.opts.InstructionFile || r.suite == envelope.V3)
		b := r.renewed(d)
		if told {
			b = r.old(d) // the new key is known
		}
		_, err := b.Rewrap(t.Context(), "key", opts)
		if skipped := errors.Is(err, backend.ErrWrapped); skipped != told || !skipped && err != nil {
			t.Errorf("again: Rewrap = %v, want ErrWrapped: %t", err, told)
		}
		if told && (written != 1 || !reflect.DeepEqual(everythingIn(t, d), before)) {
			t.Error("it was written again")
		}
		o, err := r.renewed(d).Get(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(o, nil); err != nil || string(got) != "precious" {
			t.Errorf("by the new key: %q, %v", got, err)
		}
	})
}

// A wrapOnly is a public key: it does not open.
type wrapOnly struct{ wrap.Wrapper }

// TestRewrapSkipNot: an object that is not what it would become is written, or
// fails, as without SkipWrapped.
func TestRewrapSkipNot(t *testing.T) {
	old, young := gcmKey(t), must(wrap.NewAESGCM(newKEK(32)))(t)
	for name, c := range map[string]struct {
		change func(opts *backend.RewrapOptions)
		want   error
	}{
		"not asked for":      {func(o *backend.RewrapOptions) { o.SkipWrapped = false }, nil},
		"as it is":           {func(*backend.RewrapOptions) {}, backend.ErrWrapped},
		"same description":   {func(o *backend.RewrapOptions) { o.KeepMatDesc, o.MatDesc = true, map[string]string{"kid": "1"} }, backend.ErrWrapped},
		"dry run":            {func(o *backend.RewrapOptions) { o.DryRun = true }, backend.ErrWrapped},
		"other key":          {func(o *backend.RewrapOptions) { o.MustNotOpen = old }, backend.ErrWrapped},
		"other description":  {func(o *backend.RewrapOptions) { o.MatDesc = map[string]string{"kid": "2"} }, nil},
		"no description":     {func(o *backend.RewrapOptions) { o.MatDesc = nil }, nil},
		"further recipients": {func(o *backend.RewrapOptions) { o.Recipients = []envelope.SealRecipient{{Wrapper: old}} }, nil},
		"still opens":        {func(o *backend.RewrapOptions) { o.MustNotOpen = young }, backend.ErrStillOpens},
		"public key":         {func(o *backend.RewrapOptions) { o.Wrappers = []wrap.Wrapper{wrapOnly{young}} }, nil},
		"back again":         {func(o *backend.RewrapOptions) { o.Wrappers = []wrap.Wrapper{old} }, nil},
	} {
		d := mem.New()
		both := wrap.NewKeyring(old, young)
		b := backend.NewBucket(d, young, both, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked, MatDesc: map[string]string{"kid": "1"}}})
		must(b.Put(t.Context(), "key", strings.NewReader("x"), 1, nil))(t)
		opts := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{young}, MatDesc: map[string]string{"kid": "1"}, SkipWrapped: true}
		c.change(opts)
		if _, err := b.Rewrap(t.Context(), "key", opts); !errors.Is(err, c.want) {
			t.Errorf("%s: Rewrap = %v, want %v", name, err, c.want)
		}
	}
}

// TestRewrapSkipDropsRecipients: a further recipient opens the object, too, so it
// is not what it would become.
func TestRewrapSkipDropsRecipients(t *testing.T) {
	old, young := gcmKey(t), must(wrap.NewAESGCM(newKEK(32)))(t)
	d := mem.New()
	seal := envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: old}}}
	must(backend.NewBucket(d, young, nil, &backend.Options{Seal: seal}).Put(t.Context(), "key", strings.NewReader("x"), 1, nil))(t)
	b := backend.NewBucket(d, nil, young, nil)
	opts := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{young}, SkipWrapped: true}
	if _, err := b.Rewrap(t.Context(), "key", opts); !errors.Is(err, backend.ErrRecipients) {
		t.Errorf("Rewrap = %v, want ErrRecipients", err)
	}
	opts.DropRecipients = true
	if _, err := b.Rewrap(t.Context(), "key", opts); err != nil {
		t.Errorf("Rewrap = %v, want it done", err)
	}
	if _, err := backend.NewBucket(d, nil, old, nil).Get(t.Context(), "key"); !errors.Is(err, envelope.ErrDecrypt) {
		t.Errorf("Get by the recipient = %v, want ErrDecrypt", err)
	}
}

// TestRewrapSkipForged: what the new key does not vouch for, or policy does not
// allow, is not skipped.
func TestRewrapSkipForged(t *testing.T) {
	young := must(wrap.NewAESGCM(newKEK(32)))(t)
	opts := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{young}, SkipWrapped: true}
	d := mem.New()
	b := backend.NewBucket(d, young, young, nil)
	x := must(b.Put(t.Context(), "x", strings.NewReader("x"), 1, nil))(t)
	y := must(b.Put(t.Context(), "y", strings.NewReader("y"), 1, nil))(t)
	x.Metadata["x-amz-3"] = y.Metadata["x-amz-3"] // the commitment is to another content key
	must(d.ReplaceMetadata(t.Context(), "x", x.Metadata, x.ETag))(t)
	if _, err := b.Rewrap(t.Context(), "x", opts); !errors.Is(err, envelope.ErrDecrypt) {
		t.Errorf("a forged one: Rewrap = %v, want ErrDecrypt", err)
	}
	must(backend.NewBucket(d, young, nil, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2GCM}}).Put(t.Context(), "z", strings.NewReader("z"), 1, nil))(t)
	if _, err := b.Rewrap(t.Context(), "z", opts); !errors.Is(err, envelope.ErrPolicy) {
		t.Errorf("one that is not allowed: Rewrap = %v, want ErrPolicy", err)
	}
}
