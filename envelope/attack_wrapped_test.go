// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// naiveV3 reads V3 without looking at the commitment.
func naiveV3(t *testing.T, cek []byte, o object) ([]byte, error) {
	t.Helper()
	prk := must[[]byte](t)(hkdf.Extract(sha512.New, cek, must[[]byte](t)(decode(o.meta["x-amz-i"]))))
	key := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73DERIVEKEY", 32))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(key))))
	return aead.Open(nil, bytes.Repeat([]byte{1}, 12), o.body, []byte{0, 0x73})
}

// TestAttackA7IgnoredCommitment: without the check of the commitment, an object
// whose commitment was altered opens, all the way to its tag. With it, there is
// no reader, neither of the whole nor of a range, and the body stays unread.
func TestAttackA7IgnoredCommitment(t *testing.T) {
	w := newWorld(t)
	for _, o := range wireObjects(t, w) {
		if o.meta["x-amz-d"] == "" {
			continue
		}
		for bit := range 28 * 8 {
			c := o.flip(t, "x-amz-d", bit)
			if got, err := naiveV3(t, bytes.Repeat([]byte("CEK!"), 8), c); err != nil || string(got) != goldenPlain {
				t.Fatalf("%s, bit %d: to a naive reader = %q, %v; want it to open", o.name, bit, got, err)
			}
			if o.wire.kind == kindRSA && bit%8 != 0 {
				continue // takes long
			}
			opts := everything()
			opener, err := envelope.NewOpener(t.Context(), must[*envelope.Header](t)(c.header()), o.wire.unwrap(t, w, w.right), &opts)
			if err != envelope.ErrDecrypt || opener != nil {
				t.Errorf("%s, bit %d: NewOpener = %v, want ErrDecrypt before there is a reader", o.name, bit, err)
			}
		}
	}
}

// TestAttackA9EveryPlace sends bad wrapped keys where PKCS #1 v1.5 can be: V1
// and V2 without a name for the wrap, in metadata and in a file. A reader that
// reports bad padding tells them apart; ours has one error for all, and uses
// the RSA key only with legacy options.
func TestAttackA9EveryPlace(t *testing.T) {
	w := newWorld(t)
	wrong := wrongPKCS1(t, &w.right.rsa.PublicKey)
	naive := map[bool]int{}
	for _, wrapped := range wrong {
		//lint:ignore SA1019 this is the reader that the attack is about
		cek, err := rsa.DecryptPKCS1v15(nil, w.right.rsa, wrapped)
		naive[err == nil && len(cek) > 0]++
	}
	if len(naive) != 2 {
		t.Errorf("a naive reader answers all alike, %v; want two kinds of answers", naive)
	}
	for _, o := range wireObjects(t, w) {
		if o.wire.name != "PKCS1" || o.meta["x-amz-cek-alg"] == "AES/CTR/NoPadding" {
			continue
		}
		field := "x-amz-key"
		if o.meta[field] == "" {
			field = "x-amz-key-v2"
		}
		for what, wrapped := range wrong {
			c := o.clone()
			c.meta[field] = b64of(wrapped)
			checkA9(t, w, o.name+", "+what, c)
			c.file = must[[]byte](t)(json.Marshal(c.meta))
			c.meta = nil
			checkA9(t, w, o.name+", in a file, "+what, c)
		}
	}
}

// wrongPKCS1 are wrapped keys with padding that is wrong, or right around
// something that is no CEK.
func wrongPKCS1(t *testing.T, pub *rsa.PublicKey) map[string][]byte {
	t.Helper()
	random := make([]byte, pub.Size())
	rand.Read(random)
	random[0] = 0 // below the modulus
	wrong := map[string][]byte{"zeros": make([]byte, pub.Size()), "random": random}
	for what, n := range map[string]int{"16 bytes": 16, "31 bytes": 31, "33 bytes": 33, "another CEK": 32} {
		//lint:ignore SA1019 this is the padding that the attack is about
		wrong[what] = must[[]byte](t)(rsa.EncryptPKCS1v15(rand.Reader, pub, make([]byte, n)))
	}
	return wrong
}

func checkA9(t *testing.T, w *world, what string, c object) {
	t.Helper()
	keys := w.counts(goldenPKCS1(t, w, w.right))
	for _, opts := range []envelope.OpenOptions{{}, {AllowUncommitted: true}, {AllowUncommitted: true, AllowLegacyCBC: true}} {
		w.unwraps = 0
		if got, err := c.open(t.Context(), keys, &opts); !errors.Is(err, envelope.ErrPolicy) || len(got) != 0 || w.unwraps != 0 {
			t.Errorf("%s under %+v: open = %x, %v after %d uses of the key; want ErrPolicy", what, opts, got, err, w.unwraps)
		}
	}
	// Even which step fails would tell: all get as far as the content.
	opts := everything()
	if _, err := envelope.NewOpener(t.Context(), must[*envelope.Header](t)(c.header()), keys, &opts); err != nil {
		t.Errorf("%s: NewOpener = %v, want nil whatever the padding", what, err)
	}
	got, err := c.open(t.Context(), keys, &opts)
	if err == nil && !bytes.Contains(got, []byte("bytes")) {
		return // CBC: one key in 256 leaves what looks like padding
	}
	if err != envelope.ErrDecrypt || bytes.Contains(got, []byte("bytes")) {
		t.Errorf("%s: open = %x, %v; want ErrDecrypt", what, got, err)
	}
}

// TestAttackB4Allocation: lengths that metadata claims cost no memory, and cut
// or lengthen nothing.
func TestAttackB4Allocation(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	key := p.key(t)
	for _, hint := range []string{"-1", "9223372036854775807", "9223372036854775808", "1e18", "68719476704", "36", "38"} {
		o.meta["x-amz-unencrypted-content-length"] = hint
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := o.open(t.Context(), key, nil)
		runtime.ReadMemStats(&after)
		if err != nil || !bytes.Equal(got, o.plain) {
			t.Errorf("length %s: open = %d bytes, %v; want 37", hint, len(got), err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 512<<10 {
			t.Errorf("length %s: allocated %d bytes for an object of %d", hint, n, len(o.body))
		}
	}
	opener := openerOf(t, o, key, nil)
	if _, err := opener.Reader(untouched{t}, 65<<20); err == nil {
		t.Error("Reader of 65 MiB = nil, want the limit")
	}
}

// TestAttackB4Zeros: an IV or a message id of zeros, which a writer must never
// make, is no reason not to read what one has written.
func TestAttackB4Zeros(t *testing.T) {
	cek := bytes.Repeat([]byte{4}, 32)
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(cek))))
	h := &envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: make([]byte, 12)}
	opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, fixedKey{cek: cek}, &envelope.OpenOptions{AllowUncommitted: true}))
	r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(aead.Seal(nil, h.IV, []byte("x"), nil)), -1))
	if got, err := io.ReadAll(r); err != nil || string(got) != "x" {
		t.Errorf("IV of zeros: read %q, %v; want x", got, err)
	}
	for range 100 {
		for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.V2CBC} {
			s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), pair{suite, wrap.AESGCM}.key(t), &envelope.SealOptions{Suite: suite}))
			if iv := s.Header().IV; bytes.Equal(iv, make([]byte, len(iv))) {
				t.Errorf("%v: sealed with an IV of zeros", suite)
			}
		}
	}
}

// TestAttackB7OneSpelling: what is accepted for a value that names bytes is what
// an encoder writes for these bytes, so no two objects differ only in how their
// headers are spelled.
func TestAttackB7OneSpelling(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		meta := valid()["V3"]
		value := []byte(meta["x-amz-d"])
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			at := rapid.IntRange(0, len(value)-1).Draw(t, "at")
			value[at] = rapid.Byte().Draw(t, "byte")
		}
		meta["x-amz-d"] = string(value)
		h, err := envelope.ParseHeader(meta)
		if err != nil {
			if !isMetadata(err) {
				t.Errorf("ParseHeader with x-amz-d = %q: %v, want a MetadataError", value, err)
			}
			return
		}
		accepted++
		if out, err := h.Metadata(); err != nil || out["x-amz-d"] != string(value) {
			t.Errorf("x-amz-d = %q was read, and is written as %q, %v", value, out["x-amz-d"], err)
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted")
	}
}
