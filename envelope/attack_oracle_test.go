// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// Here the attacks are carried out, not only their objects made: where a weaker
// option admits one, it must succeed, or its test proves nothing.

// oracle says whether an object opens, which is all that the attacker sees.
type oracle func(c object) bool

// decryptBlock is Vaudenay's attack: it finds the plaintext of one block from
// what opens and what does not.
func decryptBlock(ask oracle, o object, prev, block []byte) ([]byte, bool) {
	inner := make([]byte, 16) // the block before it is added to the one before
	c := o.clone()
	for at := 15; at >= 0; at-- {
		pad := byte(16 - at)
		forged := bytes.Repeat([]byte{0xaa}, 16)
		for i := at + 1; i < 16; i++ {
			forged[i] = inner[i] ^ pad
		}
		found := false
		for guess := 0; guess < 256 && !found; guess++ {
			forged[at] = byte(guess)
			c.body = append(bytes.Clone(forged), block...)
			if found = ask(c); found && at == 15 { // two bytes of 2 would do as well
				c.body[14] ^= 1
				found = ask(c)
			}
		}
		if !found {
			return nil, false
		}
		inner[at] = forged[at] ^ pad
	}
	for i := range inner {
		inner[i] ^= prev[i]
	}
	return inner, true
}

// TestAttackA1OracleDecrypts (CVE-2020-8911) decrypts a block by trial. With
// the options that allow CBC it works, as they warn; without, the attacker
// learns nothing, and no key is used.
func TestAttackA1OracleDecrypts(t *testing.T) {
	for _, p := range []pair{{envelope.V2CBC, wrap.AESKW}, {envelope.V2CBC, wrap.AESGCM}, {envelope.V1, wrap.AESECB}} {
		o := sealObject(t, p.key(t), p.options(), pattern(40))
		for _, legacy := range []bool{true, false} {
			keys := &counter{Unwrapper: p.key(t)}
			opts := envelope.OpenOptions{AllowUncommitted: true}
			if legacy {
				opts = everything()
			}
			ask := func(c object) bool {
				_, err := c.open(t.Context(), keys, &opts)
				if legacy && err != nil && err != envelope.ErrDecrypt || !legacy && !errors.Is(err, envelope.ErrPolicy) {
					t.Fatalf("%v, legacy %t: open = %v", p, legacy, err)
				}
				return err == nil
			}
			got, ok := decryptBlock(ask, o, o.body[:16], o.body[16:32])
			if ok != legacy || legacy && !bytes.Equal(got, o.plain[16:32]) || !legacy && keys.calls != 0 {
				t.Errorf("%v, legacy %t: the attack found %x, want %x only with legacy options (%d unwraps)", p, legacy, got, o.plain[16:32], keys.calls)
			}
		}
	}
}

// relabels are the ways to have GCM content taken for CBC.
var relabels = map[string]func(c object){
	"CBC":         func(c object) { c.meta["x-amz-cek-alg"] = "AES/CBC/PKCS5Padding" },
	"CBC, PKCS7":  func(c object) { c.meta["x-amz-cek-alg"] = "AES/CBC/PKCS7Padding" },
	"CBC, bare":   func(c object) { c.meta["x-amz-cek-alg"] = "AES/CBC" },
	"nothing":     func(c object) { delete(c.meta, "x-amz-cek-alg") },
	"V1":          func(c object) { renameV1(c.meta) },
	"CBC, no tag": func(c object) { c.meta["x-amz-cek-alg"], c.meta["x-amz-tag-len"] = "AES/CBC/PKCS5Padding", "0" },
}

func renameV1(meta map[string]string) {
	rename(meta, "x-amz-key-v2", "x-amz-key")
	for _, name := range []string{"x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len"} {
		delete(meta, name)
	}
}

// TestAttackA2EveryWrap (CVE-2020-8912) relabels GCM content under every wrap,
// in every way. The wraps that bind the algorithm keep the forgery out, which a
// reader that did not check the binding would let in; the others confirm the
// right guess, and only that, to whoever allows both legacy wraps and CBC.
func TestAttackA2EveryWrap(t *testing.T) {
	w := newWorld(t)
	for _, o := range wireObjects(t, w) {
		if !strings.HasPrefix(o.name, "V2-GCM, ") || strings.Contains(o.name, "tag 16") {
			continue
		}
		binds := o.wire.code != ""
		keys := w.counts(o.wire.unwrap(t, w, w.right))
		for how, relabel := range relabels {
			for _, right := range []bool{true, false} {
				guess := []byte(goldenPlain)[:16]
				if !right {
					guess = []byte("another guess...")
				}
				c := forgery(t, o.object, 0, guess)
				relabel(c)
				if o.wire.name == "kms+context" && how != "V1" {
					naiveForgery(t, w, o, c, guess, right)
				}
				for _, opts := range []envelope.OpenOptions{{}, {AllowUncommitted: true}, {AllowUncommitted: true, AllowLegacyWraps: true}} {
					w.unwraps, w.kms.calls = 0, 0
					got, err := c.open(t.Context(), keys, &opts)
					if !errors.Is(err, envelope.ErrPolicy) && !isMetadata(err) || w.unwraps+w.kms.calls != 0 || len(got) != 0 {
						t.Errorf("%s as %s under %+v: open = %x, %v after %d unwraps; want a refusal", o.name, how, opts, got, err, w.unwraps)
					}
				}
				opts := everything()
				got, err := c.open(t.Context(), keys, &opts)
				opens := right && !binds && (how != "V1" || o.wire.text == "")
				if opens != (err == nil) || len(got) != 0 || err != nil && err != envelope.ErrDecrypt && !isMetadata(err) && !errors.Is(err, wrap.ErrNoKey) {
					t.Errorf("%s as %s, right guess %t, under all options: open = %x, %v; want it to open: %t", o.name, how, right, got, err, opens)
				}
			}
		}
		if o.wire.name == "RSA-OAEP-SHA1" {
			naiveForgery(t, w, o, forgery(t, o.object, 0, []byte(goldenPlain)[:16]), []byte(goldenPlain)[:16], true)
		}
	}
}

// naiveForgery reads a forgery as a client does that unwraps what it is given
// and does not compare what the wrap binds with what metadata says.
func naiveForgery(t *testing.T, w *world, o wireObject, c object, guess []byte, opens bool) {
	t.Helper()
	wrapped := must[[]byte](t)(decode(c.meta["x-amz-key-v2"]))
	var cek []byte
	if o.wire.kind == kindKMS {
		cek = must[[]byte](t)(w.kms.Decrypt(t.Context(), w.right.kms, wrapped, entries(c.meta["x-amz-matdesc"])))
	} else {
		payload := must[[]byte](t)(rsa.DecryptOAEP(sha1.New(), nil, w.right.rsa, wrapped, nil))
		cek = payload[1:33]
	}
	body := bytes.Clone(c.body)
	block := must[cipher.Block](t)(aes.NewCipher(cek))
	cipher.NewCBCDecrypter(block, must[[]byte](t)(decode(c.meta["x-amz-iv"]))).CryptBlocks(body, body)
	if got := bytes.Equal(body, bytes.Repeat([]byte{16}, 16)); got != opens {
		t.Errorf("%s, guess %q: the forgery opens to a naive reader: %t, want %t", o.name, guess, got, opens)
	}
}

// TestAttackPolicyBeforeKeys: whatever is on the wire, what the options do not
// allow is refused before any key is used and before the KMS is asked.
func TestAttackPolicyBeforeKeys(t *testing.T) {
	w := newWorld(t)
	refused := 0
	for _, o := range wireObjects(t, w) {
		h := must[*envelope.Header](t)(o.header())
		need := initials(h.Required())
		keys := w.counts(o.wire.unwrap(t, w, w.right))
		for set := range 1 << 4 {
			var have strings.Builder
			for i, c := range "UWCR" {
				if set>>i&1 == 1 {
					have.WriteString(string(c))
				}
			}
			w.unwraps, w.kms.calls = 0, 0
			got, err := o.open(t.Context(), keys, goldenOpen(have.String()+"X"))
			if strings.Trim(need, have.String()) == "" {
				if err != nil || string(got) != goldenPlain || w.unwraps != 1 {
					t.Errorf("%s under %q: open = %q, %v after %d unwraps; want it read", o.name, have.String(), got, err, w.unwraps)
				}
				continue
			}
			refused++
			if !errors.Is(err, envelope.ErrPolicy) || len(got) != 0 || w.unwraps+w.kms.calls != 0 {
				t.Errorf("%s under %q: open = %q, %v after %d unwraps and %d calls of the KMS; want ErrPolicy", o.name, have.String(), got, err, w.unwraps, w.kms.calls)
			}
		}
	}
	if refused < 500 {
		t.Errorf("%d refusals, want more", refused)
	}
}
