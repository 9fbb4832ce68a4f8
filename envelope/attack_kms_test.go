// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// A kmsLog remembers with which key IDs it was asked to decrypt.
type kmsLog struct {
	*localkms.KMS
	ids []string
}

func (k *kmsLog) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	k.ids = append(k.ids, keyID)
	return k.KMS.Decrypt(ctx, keyID, blob, encCtx)
}

const (
	kmsOurs    = "arn:aws:kms:eu-west-1:111111111111:key/ours"
	kmsForeign = "arn:aws:kms:eu-west-1:666666666666:key/theirs"
)

// newKMSLog holds our key and one of the attacker's account, which our
// credentials may use: he has seen to that.
func newKMSLog(t *testing.T) *kmsLog {
	t.Helper()
	k := localkms.New()
	for _, id := range []string{kmsOurs, kmsForeign} {
		if err := k.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	return &kmsLog{KMS: k}
}

// keys returns the keyring of who has configured a key of the KMS.
func (k *kmsLog) keys(t *testing.T, keyID string) *wrap.Keyring {
	t.Helper()
	return wrap.NewKeyring(must[wrap.Key](t)(wrap.NewKMS(k, keyID)), must[wrap.Key](t)(legacy.NewKMSPlain(k, keyID)))
}

// TestAttackA4ForeignKey (CVE-2020-8897): the attacker replaces an object by
// one of his own that names his key. A reader that asks the KMS for the key
// that the object names gets his plaintext; we ask for ours.
func TestAttackA4ForeignKey(t *testing.T) {
	k := newKMSLog(t)
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM} {
		theirs := must[wrap.Key](t)(wrap.NewKMS(k, kmsForeign))
		o := sealObject(t, theirs, &envelope.SealOptions{Suite: suite}, []byte("pay the attacker"))
		for name, change := range map[string]func(meta map[string]string){
			"as it is":       func(map[string]string) {},
			"other metadata": func(meta map[string]string) { meta["x-amz-key-id"], meta["kms_cmk_id"] = kmsForeign, kmsForeign },
			"in the context": func(meta map[string]string) { nameKey(t, meta, "kms_cmk_id") },
			"as S3 says it":  func(meta map[string]string) { meta["x-amz-server-side-encryption-aws-kms-key-id"] = kmsForeign },
		} {
			c := o.clone()
			change(c.meta)
			opts := everything()
			k.ids = nil
			got, err := c.open(t.Context(), k.keys(t, kmsOurs), &opts)
			if err != envelope.ErrDecrypt && !isMetadata(err) || len(got) != 0 {
				t.Errorf("%v, %s: open = %q, %v; want ErrDecrypt", suite, name, got, err)
			}
			if slices.Contains(k.ids, kmsForeign) {
				t.Errorf("%v, %s: the KMS was asked for %q", suite, name, k.ids)
			}
		}
		// To a reader with no key ID of its own it opens, whoever made it.
		opts := everything()
		if got, err := o.open(t.Context(), k.keys(t, kmsForeign), &opts); err != nil || !bytes.Equal(got, o.plain) {
			t.Errorf("%v with the key that the object names: open = %q, %v", suite, got, err)
		}
	}
}

// nameKey adds an entry about the attacker's key to the context.
func nameKey(t *testing.T, meta map[string]string, name string) {
	t.Helper()
	for _, field := range []string{"x-amz-t", "x-amz-matdesc"} {
		if meta[field] != "" {
			desc := entries(meta[field])
			desc[name] = kmsForeign
			meta[field] = string(must[[]byte](t)(json.Marshal(desc)))
		}
	}
}

// TestAttackA4TwoKeys: an object has one wrapped key. A second one, for a
// recipient to whom the same body says something else, is refused in every
// place where it could be.
func TestAttackA4TwoKeys(t *testing.T) {
	k := newKMSLog(t)
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM} {
		o := sealObject(t, must[wrap.Key](t)(wrap.NewKMS(k, kmsOurs)), &envelope.SealOptions{Suite: suite}, pattern(3))
		name := map[envelope.Suite]string{envelope.V3: "x-amz-3", envelope.V2GCM: "x-amz-key-v2"}[suite]
		own, other := o.meta[name], b64(100)
		for what, add := range map[string]map[string]string{
			"in another case":  {"X-Amz-Meta-" + name: other},
			"the same twice":   {"x-amz-meta-" + name: own},
			"joined":           {name: own + "," + other},
			"joined, blank":    {name: own + ", " + other},
			"as V1":            {"x-amz-key": other},
			"as V2 in V3":      {"x-amz-key-v2": own, "x-amz-3": own},
			"as V3 in V2":      {"x-amz-3": other, "x-amz-key-v2": own},
			"as a JSON list":   {name: `["` + own + `","` + other + `"]`},
			"one behind other": {name: own + other},
		} {
			c := o.clone()
			maps.Copy(c.meta, add)
			k.ids = nil
			opts := everything()
			if got, err := c.open(t.Context(), k.keys(t, kmsOurs), &opts); !isMetadata(err) || len(got) != 0 || len(k.ids) != 0 {
				t.Errorf("%v, second key %s: open = %x, %v, after %d calls of the KMS; want a MetadataError", suite, what, got, err, len(k.ids))
			}
		}
	}
}

// TestAttackA8Context: the context of an object is what the KMS authenticates,
// and what the reader wants is compared before the KMS is asked. Leaving out,
// adding or changing entries opens nothing; nor does the name of the wrap.
func TestAttackA8Context(t *testing.T) {
	k := newKMSLog(t)
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM} {
		desc := map[string]string{"tenant": "a"}
		o := sealObject(t, must[wrap.Key](t)(wrap.NewKMS(k, kmsOurs)), &envelope.SealOptions{Suite: suite, MatDesc: desc}, pattern(3))
		keys, opts := k.keys(t, kmsOurs), everything()
		ours := func(want map[string]string) wrap.Unwrapper {
			return must[wrap.Unwrapper](t)(wrap.RequireContext(keys, want))
		}
		if _, err := o.open(t.Context(), ours(desc), &opts); err != nil {
			t.Errorf("%v: open = %v", suite, err)
		}
		for _, want := range []map[string]string{{}, {"tenant": "b"}, {"tenant": "a", "x": "y"}, {"Tenant": "a"}} {
			k.ids = nil
			if got, err := o.open(t.Context(), ours(want), &opts); !errors.Is(err, wrap.ErrContext) || len(got) != 0 || len(k.ids) != 0 {
				t.Errorf("%v: open for %q = %x, %v, after %d calls of the KMS; want ErrContext", suite, want, got, err, len(k.ids))
			}
		}
		field := map[envelope.Suite]string{envelope.V3: "x-amz-t", envelope.V2GCM: "x-amz-matdesc"}[suite]
		for _, text := range []string{"", "{}", `{"tenant":"b"}`, `{"tenant":"a"}`} {
			for _, alg := range []string{"", "115", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding"} {
				c := o.clone()
				stated := entries(text)
				if alg != "" {
					stated["aws:x-amz-cek-alg"] = alg
				}
				if maps.Equal(stated, entries(o.meta[field])) {
					continue
				}
				c.meta[field] = string(must[[]byte](t)(json.Marshal(stated)))
				for _, name := range []string{"kms+context", "kms"} {
					if suite != envelope.V3 {
						c.meta["x-amz-wrap-alg"] = name
					}
					if got, err := c.open(t.Context(), keys, &opts); err != envelope.ErrDecrypt && !isMetadata(err) || len(got) != 0 {
						t.Errorf("%v with context %s as %s: open = %x, %v; want ErrDecrypt", suite, c.meta[field], name, got, err)
					}
				}
			}
		}
	}
}

// TestAttackA8Reserved: nobody can say beforehand, in his own part of the
// context, that the content is something else.
func TestAttackA8Reserved(t *testing.T) {
	k := newKMSLog(t)
	for _, name := range []string{"aws:x-amz-cek-alg", "kms_cmk_id"} {
		for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.V2CBC} {
			for _, value := range []string{"115", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding", "", kmsForeign} {
				opts := &envelope.SealOptions{Suite: suite, MatDesc: map[string]string{name: value}}
				if s, err := envelope.NewSealer(t.Context(), must[wrap.Key](t)(wrap.NewKMS(k, kmsOurs)), opts); err == nil || s != nil {
					t.Errorf("%v, %s=%s: NewSealer = %v, nil; want an error", suite, name, value, s)
				}
			}
		}
	}
}

// TestAttackA8OtherFormat moves a wrapped key to another format, beside a body
// that the attacker has made for it: in the best case for him, he knows the
// CEK. V2 needs no commitment, and V3 believes that its content is bound. The
// wraps know the format; to a reader that only takes the CEK out it opens.
func TestAttackA8OtherFormat(t *testing.T) {
	const alg = "AES/GCM/NoPadding"
	w := newWorld(t)
	cek := bytes.Repeat([]byte("CEK!"), 8)
	for _, o := range wireObjects(t, w) {
		c := o.clone()
		switch {
		case strings.HasPrefix(o.name, "V3"):
			var iv []byte
			iv, c.body = wireContent(t, alg, cek)
			desc := strings.ReplaceAll(o.meta["x-amz-m"]+o.meta["x-amz-t"], `"115"`, `"`+alg+`"`)
			c.meta = map[string]string{
				"x-amz-key-v2": o.meta["x-amz-3"], "x-amz-iv": b64of(iv), "x-amz-wrap-alg": o.wire.text,
				"x-amz-cek-alg": alg, "x-amz-matdesc": desc,
			}
		case o.wire.code != "" && o.meta["x-amz-cek-alg"] == alg:
			desc := strings.ReplaceAll(o.meta["x-amz-matdesc"], alg, "115")
			c.meta, c.body = wireV3(t, cek)
			maps.Copy(c.meta, map[string]string{"x-amz-3": o.meta["x-amz-key-v2"], "x-amz-w": o.wire.code, "x-amz-c": "115", "x-amz-m": desc, "x-amz-t": desc})
		default:
			continue
		}
		opts := everything()
		if got, err := c.open(t.Context(), fixedKey{cek: cek}, &opts); err != nil || string(got) != goldenPlain {
			t.Errorf("%s in another format, its key unwrapped unbound: open = %q, %v; want it to open", o.name, got, err)
		}
		if got, err := c.open(t.Context(), o.wire.unwrap(t, w, w.right), &opts); err != envelope.ErrDecrypt || len(got) != 0 {
			t.Errorf("%s in another format: open = %q, %v; want ErrDecrypt", o.name, got, err)
		}
	}
}

// TestAttackA6PolicyGate: a V2 object is given the names by which V3 is
// recognised, to get past a reader that only opens V3. One that looks for the
// suite and then for any wrapped key would open it.
func TestAttackA6PolicyGate(t *testing.T) {
	w := newWorld(t)
	gate := map[string]string{"x-amz-c": "115", "x-amz-w": "02", "x-amz-d": b64(28), "x-amz-i": b64(28), "x-amz-3": b64(60)}
	names := slices.Sorted(maps.Keys(gate))
	for _, o := range wireObjects(t, w) {
		if o.wire.name != "AES/GCM" || !strings.HasPrefix(o.name, "V2") {
			continue
		}
		keys := w.counts(o.wire.unwrap(t, w, w.right))
		for set := 1; set < 1<<len(names); set++ {
			c := o.clone()
			for i, name := range names {
				if set>>i&1 == 1 {
					c.meta[name] = gate[name]
				}
			}
			if c.meta["x-amz-c"] == "115" && string(naiveGate(t, c, keys)) != goldenPlain && o.meta["x-amz-cek-alg"] == "AES/GCM/NoPadding" {
				t.Errorf("%s: the forgery does not open to a naive reader", o.name)
			}
			for _, opts := range []envelope.OpenOptions{{}, everything()} {
				w.unwraps = 0
				if got, err := c.open(t.Context(), keys, &opts); !isMetadata(err) || w.unwraps != 0 || len(got) != 0 {
					t.Errorf("%s with %v: open = %q, %v after %d unwraps; want a MetadataError", o.name, c.meta, got, err, w.unwraps)
				}
			}
		}
	}
}

// naiveGate reads V2-GCM wherever it finds its names.
func naiveGate(t *testing.T, o object, keys wrap.Unwrapper) []byte {
	t.Helper()
	alg := o.meta["x-amz-cek-alg"]
	if alg != "AES/GCM/NoPadding" {
		return nil
	}
	cek := must[[]byte](t)(keys.Unwrap(t.Context(), wrap.AESGCM, must[[]byte](t)(decode(o.meta["x-amz-key-v2"])), wrap.Info{ContentAlg: alg}))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(cek))))
	return must[[]byte](t)(aead.Open(nil, must[[]byte](t)(decode(o.meta["x-amz-iv"])), o.body, nil))
}
