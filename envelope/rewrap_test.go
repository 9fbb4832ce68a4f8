// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// rewrapped returns o with the header that Rewrap makes.
func (o object) rewrapped(t testing.TB, u wrap.Unwrapper, w wrap.Wrapper, opts *envelope.RewrapOptions) (object, error) {
	t.Helper()
	h := must[*envelope.Header](t)(o.header())
	before := must[*envelope.Header](t)(o.header())
	again, err := envelope.Rewrap(t.Context(), h, u, w, opts)
	if !reflect.DeepEqual(h, before) {
		t.Errorf("Rewrap has changed its argument to %v", h)
	}
	if err != nil {
		if again != nil {
			t.Errorf("Rewrap = %v with %v", again, err)
		}
		return object{}, err
	}
	c := o.clone()
	c.meta, c.file = must[map[string]string](t)(again.Metadata()), nil
	if parsed, err := c.header(); err != nil || !reflect.DeepEqual(parsed, again) {
		t.Errorf("Rewrap = %#v, which reads back as %#v, %v", again, parsed, err)
	}
	return c, nil
}

// TestRewrap gives an object of each format another key: the body and all else
// stay, the new key opens it, and the old one does not.
func TestRewrap(t *testing.T) {
	for _, p := range sealable() {
		other := p.key(t)
		switch p.alg {
		case wrap.AESGCM:
			other = aesKey(t, 2)
		case wrap.AESKW, wrap.AESECB, wrap.KMSPlain:
		default:
			other = pair{p.suite, wrap.AESGCM}.key(t)
		}
		if p.suite == envelope.V1 {
			other = p.key(t)
		}
		o := sealObject(t, p.key(t), p.options(), pattern(100))
		opts := &envelope.RewrapOptions{Open: everything(), MatDesc: map[string]string{"new": "1"}}
		if p.alg == wrap.KMSPlain {
			opts.MatDesc["kms_cmk_id"] = "key"
		}
		again, err := o.rewrapped(t, p.key(t), other, opts)
		if err != nil {
			t.Errorf("%v: Rewrap = %v", p, err)
			continue
		}
		all := everything()
		if got, err := again.open(t.Context(), other, &all); err != nil || !bytes.Equal(got, o.plain) {
			t.Errorf("%v: by the new key: %d bytes, %v", p, len(got), err)
		}
		h := must[*envelope.Header](t)(again.header())
		if h.MatDesc["new"] != "1" || h.MatDesc["user"] != "" {
			t.Errorf("%v: description %q", p, h.MatDesc)
		}
		old := must[*envelope.Header](t)(o.header())
		if h.Suite != old.Suite || !bytes.Equal(h.IV, old.IV) || !bytes.Equal(h.Commitment, old.Commitment) || bytes.Equal(h.WrappedKey, old.WrappedKey) && p.alg == wrap.AESGCM {
			t.Errorf("%v: header %+v of %+v", p, h, old)
		}
		if p.alg == wrap.AESGCM {
			if got, err := again.open(t.Context(), p.key(t), &all); err != envelope.ErrDecrypt || len(got) > 0 {
				t.Errorf("%v: by the old key: %d bytes, %v", p, len(got), err)
			}
		}
	}
}

// TestRewrapRecipients: from one to three and from three to one other, bound or
// not, without the body.
func TestRewrapRecipients(t *testing.T) {
	o := sealObject(t, aesKey(t, 1), &envelope.SealOptions{Suite: envelope.Chunked, Bind: ownPlace}, pattern(100))
	opts := &envelope.RewrapOptions{
		Open:       envelope.OpenOptions{Bind: ownPlace},
		Recipients: []envelope.SealRecipient{{Wrapper: aesKey(t, 3), MatDesc: map[string]string{"kid": "3"}}, {Wrapper: newFakeKMS(t, wrap.KMSContext)}},
	}
	three, err := o.rewrapped(t, aesKey(t, 1), aesKey(t, 2), opts)
	if err != nil {
		t.Fatal(err)
	}
	one, err := three.rewrapped(t, newFakeKMS(t, wrap.KMSContext), aesKey(t, 4), &envelope.RewrapOptions{Open: opts.Open})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    object
		keys map[byte]bool
	}{{three, map[byte]bool{1: false, 2: true, 3: true, 4: false}}, {one, map[byte]bool{1: false, 2: false, 3: false, 4: true}}} {
		for key, ok := range c.keys {
			if got, err := c.o.open(t.Context(), aesKey(t, key), &opts.Open); (err == nil) != ok || ok != bytes.Equal(got, o.plain) {
				t.Errorf("key %d: %d bytes, %v; want it opened: %t", key, len(got), err, ok)
			}
		}
	}
	if len(one.meta) != 5 {
		t.Errorf("for one key: %q", one.meta)
	}
}

// TestRewrapSpellings: what only old clients wrote comes out as what is written
// now, and still opens.
func TestRewrapSpellings(t *testing.T) {
	opts := &envelope.RewrapOptions{Open: everything()}
	w := newWorld(t)
	for _, o := range wireObjects(t, w) {
		h := must[*envelope.Header](t)(o.header())
		target := pair{h.Suite, wrap.AESGCM}
		if h.Suite == envelope.V1 {
			target.alg = wrap.AESECB
		}
		again, err := o.rewrapped(t, o.wire.unwrap(t, w, w.right), target.key(t), opts)
		if h.Suite == envelope.V2CTR {
			if err == nil {
				t.Errorf("%s: Rewrap of what can only be read", o.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: Rewrap = %v", o.name, err)
			continue
		}
		read := everything()
		if got, err := again.open(t.Context(), target.key(t), &read); err != nil || string(got) != goldenPlain {
			t.Errorf("%s: %q, %v", o.name, got, err)
		}
	}
}

// TestRewrapRefused: the policy of opening holds, wraps do not become weaker, and
// an exchanged key is noticed where there is a commitment.
func TestRewrapRefused(t *testing.T) {
	gcm := pair{envelope.V2GCM, wrap.AESGCM}
	v2, v3 := sealObject(t, gcm.key(t), gcm.options(), pattern(10)), sealObject(t, gcm.key(t), nil, pattern(10))
	bound, old := sealOwn(t, dare.DARE2, ownPlace, pattern(10)), pair{envelope.V2GCM, wrap.AESKW}.key(t)
	swapped := v3.clone()
	swapped.meta["x-amz-3"] = sealObject(t, gcm.key(t), nil, pattern(10)).meta["x-amz-3"]
	all := everything()
	for name, c := range map[string]struct {
		o        object
		u        wrap.Unwrapper
		w        wrap.Wrapper
		opts     *envelope.RewrapOptions
		want     error
		unwraps  int
		unworded bool
	}{
		"policy":        {o: v2, u: gcm.key(t), w: gcm.key(t), want: envelope.ErrPolicy},
		"names":         {o: bound, u: gcm.key(t), w: gcm.key(t), opts: &envelope.RewrapOptions{Open: all}, want: envelope.ErrPolicy},
		"weaker":        {o: v2, u: gcm.key(t), w: old, opts: &envelope.RewrapOptions{Open: all}, unworded: true},
		"weaker for V3": {o: v3, u: gcm.key(t), w: old, unworded: true},
		"no new key":    {o: v3, u: gcm.key(t), want: wrap.ErrNoKey},
		"no old key":    {o: v3, w: gcm.key(t), want: wrap.ErrNoKey},
		"wrong key":     {o: v3, u: aesKey(t, 9), w: gcm.key(t), want: envelope.ErrDecrypt, unwraps: 1},
		"exchanged":     {o: swapped, u: gcm.key(t), w: gcm.key(t), want: envelope.ErrDecrypt, unwraps: 1},
		"two for V3": {
			o: v3, u: gcm.key(t), w: gcm.key(t), unworded: true,
			opts: &envelope.RewrapOptions{Recipients: []envelope.SealRecipient{{Wrapper: gcm.key(t)}}},
		},
	} {
		var u wrap.Unwrapper
		key := &counter{Unwrapper: c.u}
		if c.u != nil {
			u = key
		}
		_, err := c.o.rewrapped(t, u, c.w, c.opts)
		if err == nil || !c.unworded && !errors.Is(err, c.want) || key.calls != c.unwraps || c.want == envelope.ErrDecrypt && err != c.want {
			t.Errorf("%s: Rewrap = %v after %d unwraps, want %v after %d", name, err, key.calls, c.want, c.unwraps)
		}
	}
	if _, err := envelope.Rewrap(t.Context(), nil, gcm.key(t), gcm.key(t), nil); !errors.Is(err, envelope.ErrNotEncrypted) {
		t.Errorf("Rewrap without a header = %v", err)
	}
	failing := fmt.Errorf("no")
	if _, err := v3.rewrapped(t, failingKey{failing}, gcm.key(t), nil); !errors.Is(err, failing) {
		t.Errorf("Rewrap with a key that fails = %v, want %v", err, failing)
	}
}

// TestRewrapErrors: what a new key says comes through, and no header with it.
func TestRewrapErrors(t *testing.T) {
	o := sealOwn(t, envelope.Chunked, envelope.Binding{}, pattern(10))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h, key := must[*envelope.Header](t)(o.header()), fipsGCM.key(t)
	if again, err := envelope.Rewrap(ctx, h, key, ctxWrapper{}, nil); again != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Rewrap = %v, %v; want context.Canceled", again, err)
	}
	second := &envelope.RewrapOptions{Recipients: []envelope.SealRecipient{{Wrapper: ctxWrapper{}}}}
	if again, err := envelope.Rewrap(ctx, h, key, key, second); again != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Rewrap for two = %v, %v; want context.Canceled", again, err)
	}
	if again, err := envelope.Rewrap(t.Context(), h, key, ctxWrapper{}, nil); again != nil || !isMetadata(err) {
		t.Errorf("Rewrap to an empty wrapped key = %v, %v; want a MetadataError", again, err)
	}
}

// TestRewrapClears: the CEK is gone afterwards.
func TestRewrapClears(t *testing.T) {
	keep := &keeper{Key: fipsGCM.key(t)}
	o := sealObject(t, keep, nil, pattern(10))
	if _, err := o.rewrapped(t, keep, keep, nil); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"unwrapped": keep.out, "wrapped again": keep.in} {
		if !bytes.Equal(key, make([]byte, 32)) {
			t.Errorf("the %s CEK was not cleared", name)
		}
	}
}
