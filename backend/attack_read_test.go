// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// A keyCounter counts what a key unwraps.
type keyCounter struct {
	wrap.Unwrapper
	calls int
}

func (k *keyCounter) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	k.calls++
	return k.Unwrapper.Unwrap(ctx, alg, wrapped, info)
}

// A forged object is what an attacker makes of one that he found.
type forged struct {
	attack string // as in "A1: what is done"
	of     string // a profile
	change func(meta map[string]string, body []byte) []byte
	want   func(error) bool // by default, V3 only
	legacy func(error) bool // with every option; nil if that opens it
	ranges bool             // a range of it opens: nothing authenticates those
}

func isPolicy(err error) bool { return errors.Is(err, envelope.ErrPolicy) }

func isMetadata(err error) bool {
	_, ok := errors.AsType[*envelope.MetadataError](err)
	return ok
}

func isDecrypt(err error) bool { return errors.Is(err, envelope.ErrDecrypt) }

func isPlain(err error) bool { return errors.Is(err, envelope.ErrNotEncrypted) }

// setting returns a change of metadata only.
func setting(pairs ...string) func(map[string]string, []byte) []byte {
	return func(meta map[string]string, body []byte) []byte {
		for i := 0; i < len(pairs); i += 2 {
			meta[pairs[i]] = pairs[i+1]
		}
		return body
	}
}

// flipping returns a change of one bit of a base64 value.
func flipping(name string) func(map[string]string, []byte) []byte {
	return func(meta map[string]string, body []byte) []byte {
		raw, _ := base64.StdEncoding.DecodeString(meta[name])
		raw[len(raw)/2] ^= 1
		meta[name] = base64.StdEncoding.EncodeToString(raw)
		return body
	}
}

func zeros(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func forgeries() []forged {
	keep := setting()
	flip := func(_ map[string]string, body []byte) []byte { body[len(body)/2] ^= 1; return body }
	cut := func(_ map[string]string, body []byte) []byte { return body[:len(body)-1] }
	longer := func(_ map[string]string, body []byte) []byte { return append(body, 0) }
	empty := func(map[string]string, []byte) []byte { return nil }
	none := func(meta map[string]string, body []byte) []byte { clear(meta); return body }
	return []forged{
		{attack: "A1: CBC", of: "V2CBC", change: keep, want: isPolicy, ranges: true},
		{attack: "A1: CBC of V1", of: "V1-AES", change: keep, want: isPolicy, ranges: true},
		{attack: "A1: ragged CBC", of: "V2CBC", change: cut, want: isPolicy, legacy: isDecrypt},
		{attack: "A2: GCM as CBC", of: "V2GCM", change: setting("x-amz-cek-alg", "AES/CBC/PKCS5Padding", "x-amz-iv", zeros(16)), want: isPolicy, legacy: isDecrypt},
		{attack: "A2: GCM as CTR", of: "V2GCM", change: setting("x-amz-cek-alg", "AES/CTR/NoPadding", "x-amz-iv", zeros(16)), want: isPolicy, legacy: isDecrypt},
		{attack: "A2: GCM as ECB", of: "V2GCM", change: setting("x-amz-cek-alg", "AES/ECB/PKCS5Padding"), want: isMetadata, legacy: isMetadata},
		{attack: "A4: two keys", of: "V3", change: setting("X-Amz-3", zeros(60)), want: isMetadata, legacy: isMetadata},
		{attack: "A5: another key", of: "V3", change: setting("x-amz-3", zeros(60)), want: isDecrypt, legacy: isDecrypt},
		{attack: "A6: V2 as V3", of: "V2GCM", change: setting("x-amz-c", "115", "x-amz-w", "12"), want: isMetadata, legacy: isMetadata},
		{attack: "A6: V3 as V2", of: "V3", change: setting("x-amz-key-v2", zeros(60)), want: isMetadata, legacy: isMetadata},
		{attack: "A7: commitment", of: "V3", change: flipping("x-amz-d"), want: isDecrypt, legacy: isDecrypt},
		{attack: "A7: message id", of: "V3", change: flipping("x-amz-i"), want: isDecrypt, legacy: isDecrypt},
		{attack: "A7: suite", of: "V3", change: setting("x-amz-c", "114"), want: isMetadata, legacy: isMetadata},
		{attack: "A8: AES/GCM as AESWrap", of: "V2GCM", change: setting("x-amz-wrap-alg", "AESWrap"), want: isPolicy, legacy: func(err error) bool { return errors.Is(err, wrap.ErrNoKey) }},
		{attack: "A8: V3 as 01", of: "V3", change: setting("x-amz-w", "01"), want: isMetadata, legacy: isMetadata},
		{attack: "A8: no name", of: "V2GCM", change: setting("x-amz-wrap-alg", ""), want: isPolicy, legacy: func(err error) bool { return errors.Is(err, wrap.ErrNoKey) }},
		{attack: "A9: PKCS1 v1.5", of: "V1-RSA", change: setting("x-amz-key", zeros(255)), want: isPolicy, legacy: isDecrypt},
		{attack: "B1: body", of: "V3", change: flip, want: isDecrypt, legacy: isDecrypt, ranges: true},
		{attack: "B1: body of V2", of: "V2GCM", change: flip, want: isPolicy, legacy: isDecrypt, ranges: true},
		{attack: "B2: cut", of: "V3", change: cut, want: isDecrypt, legacy: isDecrypt, ranges: true},
		{attack: "B2: longer", of: "V3", change: longer, want: isDecrypt, legacy: isDecrypt, ranges: true},
		{attack: "B2: empty", of: "V3", change: empty, want: isDecrypt, legacy: isDecrypt},
		{attack: "B4: tag of 96 bits", of: "V2GCM", change: setting("x-amz-tag-len", "96"), want: isMetadata, legacy: isMetadata},
		{attack: "B4: IV of 16 bytes", of: "V2GCM", change: setting("x-amz-iv", zeros(16)), want: isMetadata, legacy: isMetadata},
		{attack: "B7: joined", of: "V3", change: setting("x-amz-i", zeros(28)+","+zeros(28)), want: isMetadata, legacy: isMetadata},
		{attack: "B8: no envelope", of: "V3", change: none, want: isPlain, legacy: isPlain},
	}
}

// store puts what the attacker has made where the object was.
func (f *forged) store(t *testing.T) (profile, *mem.Driver) {
	t.Helper()
	for _, p := range profiles(t) {
		if p.name != f.of {
			continue
		}
		d := stored(t, p, "key", pattern(100))
		info := must(d.Stat(t.Context(), "key"))(t)
		meta := maps.Clone(info.Metadata)
		b := f.change(meta, []byte(body(t, d, "key")))
		raw(t, d, "key", string(b), meta)
		return p, d
	}
	t.Fatalf("no profile %s", f.of)
	return profile{}, nil
}

// TestAttackBucket lets every forgery be read in every way that a Bucket has:
// the right error, not a byte, no file, no body left open; and if the options
// or the metadata decide, no key is used.
func TestAttackBucket(t *testing.T) {
	for _, f := range forgeries() {
		t.Run(f.attack, func(t *testing.T) {
			p, d := f.store(t)
			for _, c := range []struct {
				opts envelope.OpenOptions
				want func(error) bool
			}{{envelope.OpenOptions{}, f.want}, {everything(nil), f.legacy}} {
				checkForged(t, f, p, d, c.opts, c.want)
			}
		})
	}
}

func checkForged(t *testing.T, f forged, p profile, d *mem.Driver, opts envelope.OpenOptions, want func(error) bool) {
	t.Helper()
	faulty, keys, dir := backendtest.Faulty(d, backendtest.Faults{}), &keyCounter{Unwrapper: p.key}, t.TempDir()
	b := backend.NewBucket(faulty, nil, keys, &backend.Options{Open: opts})
	for how, read := range map[string]func() ([]byte, error){
		"Get":      func() ([]byte, error) { return readAll(b.Get(t.Context(), "key")) },
		"GetRange": func() ([]byte, error) { return readAll(b.GetRange(t.Context(), "key", 10, 20)) },
		"GetFile":  func() ([]byte, error) { return nil, second(b.GetFile(t.Context(), "key", filepath.Join(dir, "file"))) },
	} {
		keys.calls = 0
		got, err := read()
		refused := isPolicy(err) || isMetadata(err) || isPlain(err)
		switch {
		case how == "GetRange" && opts.AllowUnauthenticatedRanges && f.ranges:
			if err != nil || len(got) != 20 { // what a range is worth
				t.Errorf("%s = %d bytes, %v; want 20", how, len(got), err)
			}
		case want == nil && how != "GetRange":
			if err != nil {
				t.Errorf("%s with every option = %v; the forgery is none", how, err)
			}
			continue
		case how == "GetRange" && refused && err != nil: // refused for being a range
		case !want(err):
			t.Errorf("%s with %+v = %v", how, opts, err)
		}
		if err != nil && len(got) != 0 && p.authenticated() || refused && (keys.calls != 0 || len(got) != 0) {
			t.Errorf("%s with %+v = %d bytes, %v after %d unwraps", how, opts, len(got), err, keys.calls)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 && want != nil {
			t.Errorf("%s with %+v left %s", how, opts, left[0].Name())
		}
	}
	wantClosed(t, f.attack, faulty)
}

// TestAttackB3Bucket: without its option a range is refused before any key is
// used; with it, it says that nothing was verified, and never holds the tag.
func TestAttackB3Bucket(t *testing.T) {
	for _, p := range profiles(t) {
		d := stored(t, p, "key", pattern(100))
		for _, allow := range []bool{false, true} {
			opts := everything(nil)
			opts.AllowUnauthenticatedRanges = allow
			keys := &keyCounter{Unwrapper: p.key}
			b := backend.NewBucket(d, nil, keys, &backend.Options{Open: opts})
			o, err := b.GetRange(t.Context(), "key", 90, 30)
			if !allow {
				if !isPolicy(err) || o != nil || keys.calls != 0 {
					t.Errorf("%s: GetRange = %v after %d unwraps, want ErrPolicy", p.name, err, keys.calls)
				}
				continue
			}
			if got, err := readAll(o, err); err != nil || !bytes.Equal(got, pattern(100)[90:]) || o.Authenticated() {
				t.Errorf("%s: GetRange = %x, %v, want the last 10 bytes, unauthenticated", p.name, got, err)
			}
		}
	}
}

// TestAttackB5Copy: nothing in the formats says under which name an object was
// stored, and a copy opens. A context that names it, which the reader insists
// on, is what binds it: neither the copy nor one with a corrected context opens.
func TestAttackB5Copy(t *testing.T) {
	kms := localkms.New()
	if err := kms.CreateKey("k"); err != nil {
		t.Fatal(err)
	}
	key := must(wrap.NewKMS(kms, "k"))(t)
	d := mem.New()
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM} {
		opts := &backend.Options{Seal: envelope.SealOptions{Suite: suite, MatDesc: map[string]string{"object": "a"}}, Open: everything(nil)}
		if _, err := backend.NewBucket(d, key, key, opts).Put(t.Context(), "a", strings.NewReader("of a"), -1, nil); err != nil {
			t.Fatal(err)
		}
		meta := must(d.Stat(t.Context(), "a"))(t).Metadata
		raw(t, d, "b", body(t, d, "a"), meta)
		wantObject(t, backend.NewBucket(d, nil, key, opts), "b", []byte("of a"))

		keys := &keyCounter{Unwrapper: key}
		bound := must(wrap.RequireContext(keys, map[string]string{"object": "b"}))(t)
		b := backend.NewBucket(d, nil, bound, opts)
		if got, err := readAll(b.Get(t.Context(), "b")); !errors.Is(err, wrap.ErrContext) || keys.calls != 0 || len(got) != 0 {
			t.Errorf("%v: a copy = %q, %v after %d unwraps; want ErrContext", suite, got, err, keys.calls)
		}
		meta = maps.Clone(meta)
		for name, value := range meta {
			meta[name] = strings.Replace(value, `"object":"a"`, `"object":"b"`, 1)
		}
		raw(t, d, "b", body(t, d, "a"), meta)
		if got, err := readAll(b.Get(t.Context(), "b")); !isDecrypt(err) || keys.calls != 1 || len(got) != 0 {
			t.Errorf("%v: a copy that lies about its context = %q, %v after %d unwraps; want ErrDecrypt", suite, got, err, keys.calls)
		}
	}
}

// TestAttackB6Reader: an object without an envelope, and something beside it
// where its instruction file would be. Whatever that is, the object is neither
// opened nor taken for plaintext, and no more of it is read than the limit.
func TestAttackB6Reader(t *testing.T) {
	p := profiles(t)[2] // V2GCM
	other := filed(t, p, "other", pattern(40))
	for what, file := range map[string]string{
		"empty": "", "text": "hello", "foreign": `{"a":"b"}`, "list": "[]", "NUL": "\x00", "a user's object": string(pattern(1000)),
		"two": body(t, other, "other"+suffix) + body(t, other, "other"+suffix), "large": body(t, other, "other"+suffix) + strings.Repeat(" ", 1<<20),
		"of another object": body(t, other, "other"+suffix),
	} {
		for _, opts := range []envelope.OpenOptions{everything(nil), {AllowPlaintext: true}, {}} {
			d := mem.New()
			raw(t, d, "key", "thirty or so bytes, of whatever", nil)
			raw(t, d, "key"+suffix, file, nil)
			keys := &keyCounter{Unwrapper: p.key}
			for how, read := range readings(t, backend.NewBucket(d, nil, keys, &backend.Options{Open: opts}), "key") {
				got, err := read()
				switch valid := what == "of another object"; {
				case err == nil && how == "GetRange" && valid && opts.AllowUncommitted: // what a range is worth
				case err == nil || len(got) != 0 || valid == isMetadata(err):
					t.Errorf("%s: %s = %q, %v; want a refusal", what, how, got, err)
				case !valid && keys.calls != 0:
					t.Errorf("%s: %s after %d unwraps", what, how, keys.calls)
				}
			}
		}
	}
}
