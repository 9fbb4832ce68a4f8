// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// aesKey is the n-th of many AES/GCM keys.
func aesKey(t testing.TB, n byte) wrap.Key {
	return must[wrap.Key](t)(wrap.NewAESGCM(bytes.Repeat([]byte{n}, 32)))
}

// forMany seals Chunked for the keys 1 to n.
func forMany(t testing.TB, n byte) object {
	t.Helper()
	opts := &envelope.SealOptions{Suite: envelope.Chunked, MatDesc: map[string]string{"kid": "1"}}
	for i := byte(2); i <= n; i++ {
		opts.Recipients = append(opts.Recipients, envelope.SealRecipient{Wrapper: aesKey(t, i), MatDesc: map[string]string{"kid": fmt.Sprint(i)}})
	}
	return sealObject(t, aesKey(t, 1), opts, pattern(100))
}

// TestRecipients: each of up to 8 keys alone opens the object, with at most one
// call for each recipient; nobody else does.
func TestRecipients(t *testing.T) {
	for n := byte(1); n <= 8; n++ {
		o := forMany(t, n)
		if h := must[*envelope.Header](t)(o.header()); len(h.Recipients) != int(n)-1 {
			t.Errorf("%d recipients: header has %d more", n, len(h.Recipients))
		}
		for i := byte(1); i <= n; i++ {
			key := &counter{Unwrapper: aesKey(t, i)}
			got, err := o.open(t.Context(), key, nil)
			if err != nil || !bytes.Equal(got, o.plain) || key.calls != int(i) {
				t.Errorf("%d recipients, key %d: %d bytes, %v after %d calls", n, i, len(got), err, key.calls)
			}
			described := &counter{Unwrapper: aesKey(t, i)}
			ring := wrap.NewKeyring(wrap.Describe(described, map[string]string{"kid": fmt.Sprint(i)}), wrap.Describe(aesKey(t, 99), map[string]string{"kid": "99"}))
			if got, err := o.open(t.Context(), ring, nil); err != nil || !bytes.Equal(got, o.plain) || described.calls != 1 {
				t.Errorf("%d recipients, key %d with description: %d bytes, %v after %d calls", n, i, len(got), err, described.calls)
			}
		}
		stranger := &counter{Unwrapper: aesKey(t, 99)}
		if got, err := o.open(t.Context(), stranger, nil); err != envelope.ErrDecrypt || len(got) > 0 || stranger.calls != int(n) {
			t.Errorf("%d recipients, another key: %d bytes, %v after %d calls", n, len(got), err, stranger.calls)
		}
	}
}

// TestRecipientKinds: keys of different kinds, of which a reader has one.
func TestRecipientKinds(t *testing.T) {
	kms, pub := newFakeKMS(t, wrap.KMSContext), must[wrap.Key](t)(wrap.NewRSAOAEPKey(rsaKey(t)))
	gen := &generator{Key: kms}
	opts := &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: pub}, {Wrapper: aesKey(t, 1)}}}
	for name, first := range map[string]wrap.Wrapper{"KMS": kms, "KMS that generates": gen} {
		o := sealObject(t, first, opts, pattern(100))
		for name2, key := range map[string]wrap.Unwrapper{"KMS": kms, "RSA": pub, "AES": aesKey(t, 1)} {
			if got, err := o.open(t.Context(), key, nil); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("%s, opened by %s: %d bytes, %v", name, name2, len(got), err)
			}
		}
	}
	// A generator that is not the first only wraps.
	o := sealObject(t, aesKey(t, 1), &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: kms}}}, pattern(100))
	if got, err := o.open(t.Context(), kms, nil); err != nil || !bytes.Equal(got, o.plain) {
		t.Errorf("second of two: %d bytes, %v", len(got), err)
	}
	two := sealObject(t, pub, &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: pub}}}, pattern(100))
	if _, err := two.open(t.Context(), aesKey(t, 1), nil); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("for RSA keys, opened by AES: %v, want ErrNoKey", err)
	}
	if got, err := o.open(t.Context(), pub, nil); !errors.Is(err, wrap.ErrNoKey) || len(got) > 0 {
		t.Errorf("for AES and KMS, opened by RSA: %v, want ErrNoKey", err)
	}
}

// A scriptedKey answers one call after the other.
type scriptedKey struct {
	answers []error
	cek     []byte
	calls   int
}

func (k *scriptedKey) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	k.calls++
	if err := k.answers[k.calls-1]; err != nil {
		return nil, err
	}
	return bytes.Clone(k.cek), nil
}

// TestRecipientErrors: what is decided by content is one error; what could not
// be decided is said, unless another recipient does; and nothing is tried in vain.
func TestRecipientErrors(t *testing.T) {
	h := must[*envelope.Header](t)(forMany(t, 3).header())
	down := errors.New("KMS is down")
	rejected, noKey := fmt.Errorf("x: %w", wrap.ErrUnwrap), fmt.Errorf("x: %w", wrap.ErrNoKey)
	for _, c := range []struct {
		answers []error
		want    error
	}{
		{[]error{rejected, rejected, rejected}, envelope.ErrDecrypt},
		{[]error{noKey, rejected, noKey}, envelope.ErrDecrypt},
		{[]error{noKey, noKey, noKey}, wrap.ErrNoKey},
		{[]error{rejected, down, noKey}, down},
		{[]error{down, rejected, nil}, nil},
		{[]error{noKey, nil}, nil},
		{[]error{nil}, nil},
	} {
		key := &scriptedKey{answers: c.answers, cek: kek}
		_, err := envelope.NewOpener(t.Context(), h, key, nil)
		if !errors.Is(err, c.want) || key.calls != len(c.answers) || c.want == envelope.ErrDecrypt && err != c.want {
			t.Errorf("answers %v: %v after %d calls, want %v", c.answers, err, key.calls, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	key := &scriptedKey{answers: []error{context.Canceled}}
	if _, err := envelope.NewOpener(ctx, h, key, nil); !errors.Is(err, context.Canceled) || key.calls != 1 {
		t.Errorf("cancelled: %v after %d calls", err, key.calls)
	}
	for _, answer := range []error{rejected, noKey} { // by a key that needs no context
		key := &scriptedKey{answers: []error{answer}}
		if _, err := envelope.NewOpener(ctx, h, key, nil); !errors.Is(err, context.Canceled) || errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, wrap.ErrNoKey) || key.calls != 1 {
			t.Errorf("cancelled, and the first is %q: %v after %d calls, want what ended it", answer, err, key.calls)
		}
	}
}

// TestRecipientsRefused: too many, of a format that has one, without a key, or of
// a kind that binds nothing; before any key is used.
func TestRecipientsRefused(t *testing.T) {
	good := envelope.SealRecipient{Wrapper: aesKey(t, 2)}
	old := envelope.SealRecipient{Wrapper: must[wrap.Key](t)(wrap.NewAESKeyWrap(kek))}
	reserved := envelope.SealRecipient{Wrapper: aesKey(t, 2), MatDesc: map[string]string{"aws:x-amz-cek-alg": "x"}}
	for name, opts := range map[string]envelope.SealOptions{
		"9":        {Suite: envelope.Chunked, Recipients: slices.Repeat([]envelope.SealRecipient{good}, 8)},
		"V3":       {Recipients: []envelope.SealRecipient{good}},
		"V2GCM":    {Suite: envelope.V2GCM, Recipients: []envelope.SealRecipient{good}},
		"DARE":     {Suite: dare.DARE2, Recipients: []envelope.SealRecipient{good}},
		"none":     {Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{}}},
		"AESWrap":  {Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{good, old}},
		"reserved": {Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{reserved}},
	} {
		w := &wrapCounter{Wrapper: aesKey(t, 1)}
		if s, err := envelope.NewSealer(t.Context(), w, &opts); err == nil || s != nil || w.calls != 0 || errors.Is(err, wrap.ErrNoKey) != (name == "none") {
			t.Errorf("%s: NewSealer = %v, %v after %d wraps, want an error", name, s, err, w.calls)
		}
	}
	failing := &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: ctxWrapper{}}}}
	if s, err := envelope.NewSealer(t.Context(), aesKey(t, 1), failing); s != nil || !isMetadata(err) {
		t.Errorf("a recipient that wraps to nothing: %v, %v", s, err)
	}
}

// TestRecipientsAreNotAuthenticated documents what whoever can write metadata
// can do: take recipients away, change their order, and add some of other
// objects. None of it opens anything to anybody who could not open it before.
func TestRecipientsAreNotAuthenticated(t *testing.T) {
	o := forMany(t, 3)
	open := func(what string, o object, key byte, want error) {
		t.Helper()
		got, err := o.open(t.Context(), aesKey(t, key), nil)
		if err != want || err == nil && !bytes.Equal(got, o.plain) || err != nil && len(got) > 0 {
			t.Errorf("%s, key %d: %d bytes, %v; want %v", what, key, len(got), err, want)
		}
	}
	stripped := o.clone()
	for _, name := range []string{"key", "wrap", "matdesc"} {
		delete(stripped.meta, "s3seal-"+name+"-3")
		stripped.meta["s3seal-"+name], stripped.meta["s3seal-"+name+"-2"] = stripped.meta["s3seal-"+name+"-2"], stripped.meta["s3seal-"+name]
	}
	for key, want := range map[byte]error{1: nil, 2: nil, 3: envelope.ErrDecrypt} {
		open("stripped", stripped, key, want)
	}
	foreign := sealObject(t, aesKey(t, 4), &envelope.SealOptions{Suite: envelope.Chunked}, pattern(100))
	added := o.clone()
	added.meta["s3seal-key-4"], added.meta["s3seal-wrap-4"] = foreign.meta["s3seal-key"], "02"
	for key, want := range map[byte]error{1: nil, 3: nil, 4: envelope.ErrDecrypt} { // by the commitment
		open("added", added, key, want)
	}
}

// TestCommitmentOfRecipients: two recipients with different CEKs never read
// different things: one of them at most reads anything.
func TestCommitmentOfRecipients(t *testing.T) {
	a, b := forMany(t, 1), sealObject(t, aesKey(t, 2), &envelope.SealOptions{Suite: envelope.Chunked}, pattern(50))
	mixed := a.clone()
	mixed.meta["s3seal-key-2"], mixed.meta["s3seal-wrap-2"] = b.meta["s3seal-key"], "02"
	for body, opens := range map[string]byte{string(a.body): 1, string(b.body): 2} {
		for key := byte(1); key <= 2; key++ {
			mixed.body = []byte(body)
			got, err := mixed.open(t.Context(), aesKey(t, key), nil)
			if (err == nil) != (key == opens) || err != nil && (err != envelope.ErrDecrypt || len(got) > 0) {
				t.Errorf("body of key %d, opened by key %d: %d bytes, %v", opens, key, len(got), err)
			}
		}
	}
}
