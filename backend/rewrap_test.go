// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// newKEK is another key than that of the profiles.
func newKEK(size int) []byte { return bytes.Repeat([]byte{0xc3}, size) }

var otherRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// A rotation is how objects are sealed, and the key that they are to have.
type rotation struct {
	profile
	to   wrap.Key
	opts backend.Options
}

// rotations returns every suite with every kind of key that it can be written by.
func rotations(t *testing.T) []rotation {
	t.Helper()
	private := must(otherRSA())(t)
	to := map[wrap.Algorithm]wrap.Key{
		wrap.AESGCM:      must(wrap.NewAESGCM(newKEK(32)))(t),
		wrap.RSAOAEPSHA1: must(wrap.NewRSAOAEPKey(private))(t),
		wrap.AESKW:       must(wrap.NewAESKeyWrap(newKEK(16)))(t),
		wrap.AESECB:      must(legacy.NewAESECB(newKEK(24)))(t),
		wrap.RSAPKCS1:    must(legacy.NewRSAPKCS1Key(private))(t),
	}
	var all []rotation
	for _, p := range append(profiles(t),
		profile{"Chunked", envelope.Chunked, gcmKey(t)},
		profile{"DARE", dare.DARE2, gcmKey(t)},
		profile{"V2CBC-AESWrap", envelope.V2CBC, must(wrap.NewAESKeyWrap(kek(16)))(t)},
		profile{"V2GCM-RSA", envelope.V2GCM, must(wrap.NewRSAOAEPKey(must(rsaKey())(t)))(t)},
	) {
		all = append(all, rotation{profile: p, to: to[p.key.Algorithm()]})
	}
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.V2CBC, envelope.Chunked} {
		client := newCountingKMS(t, "old", "new")
		all = append(all, rotation{
			profile: profile{fmt.Sprint(suite, "-KMS"), suite, must(wrap.NewKMS(client, "old"))(t)},
			to:      must(wrap.NewKMS(client, "new"))(t),
		})
	}
	for i := range all {
		all[i].opts = backend.Options{Seal: envelope.SealOptions{Suite: all[i].suite, MatDesc: map[string]string{"team": "a"}}, Open: everything(nil)}
		all[i].opts.Open.ExtraSuites = []envelope.Suite{dare.DARE2}
	}
	return all
}

// old and renewed are buckets of the key before and after.
func (r rotation) old(d backend.Driver) *backend.Bucket {
	return backend.NewBucket(d, r.key, r.key, &r.opts)
}

func (r rotation) renewed(d backend.Driver) *backend.Bucket {
	return backend.NewBucket(d, r.to, r.to, &r.opts)
}

// eachRotation runs f for each of them, with the envelope in metadata and in an
// instruction file.
func eachRotation(t *testing.T, f func(t *testing.T, r rotation, d *mem.Driver)) {
	for _, r := range rotations(t) {
		for _, file := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,file=%v", r.name, file), func(t *testing.T) {
				r.opts.InstructionFile = file
				f(t, r, mem.New())
			})
		}
	}
}

// A snapshot is all that is stored under a key.
type snapshot struct {
	body []byte
	info backend.Info
}

func snap(t testing.TB, d backend.Driver, key string) snapshot {
	t.Helper()
	body, info, err := d.Get(t.Context(), key, &backend.GetOptions{})
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	defer body.Close()
	return snapshot{must(io.ReadAll(body))(t), *info}
}

// everythingIn returns what is stored of an object, its instruction file included.
func everythingIn(t testing.TB, d *mem.Driver) map[string]snapshot {
	t.Helper()
	all := make(map[string]snapshot)
	for info, err := range d.List(t.Context(), &backend.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = snap(t, d, info.Key)
	}
	return all
}

var callers = map[string]string{"colour": "blue", "a.b_c": "x y"}

func (r rotation) put(t testing.TB, d backend.Driver, plain []byte) {
	t.Helper()
	opts := &backend.PutOptions{Metadata: maps.Clone(callers), ContentType: "text/x-test"}
	must(r.old(d).Put(t.Context(), "k", bytes.NewReader(plain), int64(len(plain)), opts))(t)
}

func (r rotation) rewrapOptions() *backend.RewrapOptions {
	return &backend.RewrapOptions{Wrappers: []wrap.Wrapper{nil, r.to}, MustNotOpen: r.key}
}

// TestRewrap gives every kind of object another key: the body and the caller's
// metadata stay, the new key opens it, and the old one does not.
func TestRewrap(t *testing.T) {
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		plain := pattern(100_003)
		r.put(t, d, plain)
		before := snap(t, d, "k")
		info := must(r.old(d).Rewrap(t.Context(), "k", r.rewrapOptions()))(t)
		after := snap(t, d, "k")
		if !bytes.Equal(after.body, before.body) {
			t.Error("the body has changed")
		}
		if after.info.ContentType != "text/x-test" {
			t.Errorf("content type %q", after.info.ContentType)
		}
		for name, value := range callers {
			if after.info.Metadata[name] != value {
				t.Errorf("metadata %q: got %q, want %q", name, after.info.Metadata[name], value)
			}
		}
		wantObject(t, r.renewed(d), "k", plain)
		if got, err := readAll(r.old(d).Get(t.Context(), "k")); err == nil && bytes.Equal(got, plain) {
			t.Error("the old key opens the object")
		}
		stat := must(r.renewed(d).Stat(t.Context(), "k"))(t)
		if !reflect.DeepEqual(info, stat) {
			t.Errorf("Rewrap = %+v\n Stat = %+v", info, stat)
		}
		if stat.Header.MatDesc["team"] != "" {
			t.Errorf("materials description %v, want none of the old", stat.Header.MatDesc)
		}
	})
}

// TestRewrapTwice goes there and back: in the end all is as it was but for the
// wrapped key.
func TestRewrapTwice(t *testing.T) {
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		r.put(t, d, pattern(77))
		before := everythingIn(t, d)
		must(r.old(d).Rewrap(t.Context(), "k", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{r.to}, KeepMatDesc: true}))(t)
		must(r.renewed(d).Rewrap(t.Context(), "k", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{r.key}, KeepMatDesc: true}))(t)
		wantObject(t, r.old(d), "k", pattern(77))
		after := everythingIn(t, d)
		if len(after) != len(before) {
			t.Errorf("%d objects are stored, want %d", len(after), len(before))
		}
		for key, old := range before {
			now := after[key]
			if !maps.EqualFunc(now.info.Metadata, old.info.Metadata, func(a, b string) bool { return len(a) == len(b) || len(a) > 20 && len(b) > 20 }) {
				t.Errorf("metadata of %q\n got %v\nwant %v", key, now.info.Metadata, old.info.Metadata)
			}
		}
		stat := must(r.old(d).Stat(t.Context(), "k"))(t)
		if stat.Header.MatDesc["team"] != "a" {
			t.Errorf("materials description %v, want the old", stat.Header.MatDesc)
		}
	})
}

// wantStored fails the test unless nothing was written since before.
func wantStored(t testing.TB, d *mem.Driver, before map[string]snapshot) {
	t.Helper()
	if now := everythingIn(t, d); !reflect.DeepEqual(now, before) {
		t.Errorf("what is stored has changed: %d objects now, %d before", len(now), len(before))
	}
}

// TestRewrapWritesNothing: neither with DryRun nor where the old key would still
// open, nor after any error.
func TestRewrapWritesNothing(t *testing.T) {
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		r.put(t, d, pattern(1000))
		before := everythingIn(t, d)
		opts := r.rewrapOptions()
		opts.DryRun = true
		info := must(r.old(d).Rewrap(t.Context(), "k", opts))(t)
		if old := must(r.old(d).Stat(t.Context(), "k"))(t); bytes.Equal(info.Header.WrappedKey, old.Header.WrappedKey) || info.ETag != old.ETag {
			t.Errorf("Rewrap with DryRun = %+v, want the new envelope and the old ETag", info)
		}
		wantStored(t, d, before)
		mustNot := []wrap.Unwrapper{r.to, r.key}
		if r.key.Algorithm() == wrap.RSAPKCS1 { // the first would answer for the second
			mustNot = mustNot[1:]
		}
		_, err := r.old(d).Rewrap(t.Context(), "k", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{r.key}, MustNotOpen: wrap.NewKeyring(mustNot...)})
		wantErr(t, "Rewrap by the key that must not open", err, backend.ErrStillOpens)
		broken := errors.New("KMS is down")
		opts = r.rewrapOptions()
		opts.MustNotOpen = &brokenKey{err: broken}
		_, err = r.old(d).Rewrap(t.Context(), "k", opts)
		wantErr(t, "Rewrap with a key that fails", err, broken)
		_, err = r.old(d).Rewrap(t.Context(), "k", nil)
		wantErr(t, "Rewrap by no key", err, wrap.ErrNoKey)
		_, err = backend.NewBucket(d, nil, nil, &r.opts).Rewrap(t.Context(), "k", r.rewrapOptions())
		wantErr(t, "Rewrap without the old key", err, wrap.ErrNoKey)
		wantStored(t, d, before)
	})
}

// A brokenKey neither opens nor refuses.
type brokenKey struct{ err error }

func (k *brokenKey) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	return nil, k.err
}

// TestRewrapPolicy: what the options do not allow is not touched.
func TestRewrapPolicy(t *testing.T) {
	d := mem.New()
	r := rotations(t)[0]
	r.put(t, d, pattern(10))
	strict := backend.NewBucket(d, nil, r.key, &backend.Options{Open: envelope.OpenOptions{RequireBound: true}})
	_, err := strict.Rewrap(t.Context(), "k", r.rewrapOptions())
	var policy *envelope.PolicyError
	if !errors.As(err, &policy) || policy.Option != "RequireBound" {
		t.Errorf("Rewrap = %v, want a PolicyError", err)
	}
	_, err = strict.Rewrap(t.Context(), "none", r.rewrapOptions())
	wantErr(t, "Rewrap of nothing", err, backend.ErrNotExist)
	must(d.Put(t.Context(), "plain", strings.NewReader("plain"), 5, &backend.PutOptions{}))(t)
	_, err = strict.Rewrap(t.Context(), "plain", r.rewrapOptions())
	wantErr(t, "Rewrap of plaintext", err, envelope.ErrNotEncrypted)
	meta := map[string]string{"x-amz-unencrypted-content-length": "5"} // by an encrypting writer
	must(d.Put(t.Context(), "lost", strings.NewReader("12345"), 5, &backend.PutOptions{Metadata: meta}))(t)
	_, err = r.old(d).Rewrap(t.Context(), "lost", r.rewrapOptions())
	wantErr(t, "Rewrap without the instruction file", err, envelope.ErrNotEncrypted)
	wantSaid(t, "Rewrap without the instruction file", err, "its envelope is in an instruction file that is not there")
	_, err = backend.NewBucket(noReplace{d}, nil, r.key, nil).Rewrap(t.Context(), "k", r.rewrapOptions())
	wantErr(t, "Rewrap with a driver that cannot", err, errors.ErrUnsupported)
}

// A noReplace is a driver and no more.
type noReplace struct{ backend.Driver }

// TestRewrapBound: a bound object stays bound to its names, and where the body is
// looked at, other names are refused.
func TestRewrapBound(t *testing.T) {
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		if r.suite != envelope.Chunked && r.suite != dare.DARE2 {
			t.Skip("cannot be bound")
		}
		r.opts.Bind, r.opts.Name = true, "bucket"
		other := r
		other.opts.Name = "another"
		r.put(t, d, pattern(100))
		if r.opts.InstructionFile {
			before := everythingIn(t, d)
			_, err := other.old(d).Rewrap(t.Context(), "k", r.rewrapOptions())
			wantErr(t, "Rewrap by another name", err, envelope.ErrDecrypt)
			wantStored(t, d, before)
		}
		must(r.old(d).Rewrap(t.Context(), "k", r.rewrapOptions()))(t)
		wantObject(t, r.renewed(d), "k", pattern(100))
		if got, err := readAll(other.renewed(d).Get(t.Context(), "k")); err == nil || len(got) > 0 {
			t.Errorf("%d bytes by another name, %v", len(got), err)
		}
	})
}

// TestRewrapRecipients: from two recipients to three others.
func TestRewrapRecipients(t *testing.T) {
	key := func(b byte) wrap.Key { return must(wrap.NewAESGCM(bytes.Repeat([]byte{b}, 32)))(t) }
	opts := &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: key(2)}, {Wrapper: key(3)}}}}
	d := mem.New()
	must(backend.NewBucket(d, key(1), nil, opts).Put(t.Context(), "k", strings.NewReader("text"), 4, nil))(t)
	again := &backend.RewrapOptions{
		Wrappers: []wrap.Wrapper{key(4)}, Recipients: []envelope.SealRecipient{{Wrapper: key(5)}},
		MustNotOpen:    wrap.NewKeyring(key(1), key(2), key(3)),
		DropRecipients: true,
	}
	still := *again
	still.Recipients = append(still.Recipients, envelope.SealRecipient{Wrapper: key(3)})
	_, err := backend.NewBucket(d, nil, key(2), nil).Rewrap(t.Context(), "k", &still)
	wantErr(t, "Rewrap with an old recipient", err, backend.ErrStillOpens)
	must(backend.NewBucket(d, nil, key(2), nil).Rewrap(t.Context(), "k", again))(t)
	for b, ok := range map[byte]bool{1: false, 2: false, 3: false, 4: true, 5: true} {
		got, err := readAll(backend.NewBucket(d, nil, key(b), nil).Get(t.Context(), "k"))
		if (err == nil) != ok || ok != (string(got) == "text") {
			t.Errorf("key %d: %q, %v; want it opened: %v", b, got, err, ok)
		}
	}
}

// TestRewrapKeepsRecipients: an object does not lose recipients unless that was
// asked for, and to refuse takes no key.
func TestRewrapKeepsRecipients(t *testing.T) {
	key := func(b byte) wrap.Key { return must(wrap.NewAESGCM(bytes.Repeat([]byte{b}, 32)))(t) }
	opts := &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: key(2)}}}}
	d := mem.New()
	must(backend.NewBucket(d, key(1), nil, opts).Put(t.Context(), "k", strings.NewReader("text"), 4, nil))(t)
	before := everythingIn(t, d)
	never := &brokenKey{err: errors.New("the key was used")}
	again := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{key(4)}}
	for _, again.DryRun = range []bool{false, true} {
		_, err := backend.NewBucket(d, nil, never, nil).Rewrap(t.Context(), "k", again)
		wantErr(t, "Rewrap of two recipients to one", err, backend.ErrRecipients)
	}
	wantStored(t, d, before)
	again.DryRun = false
	again.Recipients = []envelope.SealRecipient{{Wrapper: key(2)}}
	must(backend.NewBucket(d, nil, key(1), nil).Rewrap(t.Context(), "k", again))(t)
	for _, b := range []byte{4, 2} {
		wantObject(t, backend.NewBucket(d, nil, key(b), nil), "k", []byte("text"))
	}
	again.Recipients, again.DropRecipients = nil, true
	must(backend.NewBucket(d, nil, key(4), nil).Rewrap(t.Context(), "k", again))(t)
	_, err := backend.NewBucket(d, nil, key(2), nil).Get(t.Context(), "k")
	wantErr(t, "Get by the recipient that was dropped", err, envelope.ErrDecrypt)
}

// TestRewrapRefused: what cannot be rewritten in its place, and what no intact
// object is.
func TestRewrapRefused(t *testing.T) {
	ecb, to := must(legacy.NewAESECB(kek(24)))(t), must(legacy.NewAESECB(newKEK(24)))(t)
	d := mem.New()
	v1 := profile{"V1", envelope.V1, ecb}
	must(v1.bucket(d).Put(t.Context(), "k", strings.NewReader("text"), 4, nil))(t)
	info := must(d.Stat(t.Context(), "k"))(t)
	again := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{to}}

	must(d.Put(t.Context(), "cut", strings.NewReader("15 bytes, no CBC"[:15]), 15, &backend.PutOptions{Metadata: info.Metadata}))(t)
	_, err := v1.bucket(d).Rewrap(t.Context(), "cut", again)
	wantErr(t, "Rewrap of what no CBC object is", err, envelope.ErrDecrypt)

	file := fmt.Sprintf(`{"EncryptedEnvelopeKey":%q,"IV":%q}`, info.Metadata["x-amz-key"], info.Metadata["x-amz-iv"])
	body := string(snap(t, d, "k").body)
	must(d.Put(t.Context(), "net", strings.NewReader(body), -1, &backend.PutOptions{}))(t)
	must(d.Put(t.Context(), "net"+envelope.DotNetInstructionSuffix, strings.NewReader(file), -1, &backend.PutOptions{}))(t)
	b := backend.NewBucket(d, nil, ecb, &backend.Options{Open: everything(nil), InstructionSuffix: envelope.DotNetInstructionSuffix})
	wantObject(t, b, "net", []byte("text"))
	before := everythingIn(t, d)
	_, err = b.Rewrap(t.Context(), "net", again)
	wantErr(t, "Rewrap of a file of the first .NET client", err, errors.ErrUnsupported)
	wantStored(t, d, before)
}
