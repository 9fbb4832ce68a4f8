// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// In these attacks the attacker writes instruction files. He may even have one
// key of the victim's keyring, as everybody has the public key of an RSA pair.

// untouched fails the test as soon as a body is read.
type untouched struct{ t *testing.T }

func (r untouched) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.ErrClosedPipe
}

// TestAttackA5InstructionFile (CVE-2025-14759 to 14764): a body that opens
// under two CEKs, and the wrapped key in the file exchanged for the other one.
// V2 opens to another plaintext, which is what AllowUncommitted warns of; V3
// keeps its commitment where the file cannot reach it.
func TestAttackA5InstructionFile(t *testing.T) {
	var v struct {
		CEK1, CEK2, IV, Pt1, Pt2 string
		Body                     string `json:"ct_tag"`
	}
	parseJSON(t, readFile(t, "testdata", "salamander_aes256gcm.json"), &v)
	key := must[wrap.Key](t)(wrap.NewAESGCM(kek))
	wrapped := func(cek, alg string) []byte {
		return must[[]byte](t)(key.Wrap(t.Context(), vectors.DecodeHex(t, cek), wrap.Info{ContentAlg: alg}))
	}
	for cek, plain := range map[string]string{v.CEK1: v.Pt1, v.CEK2: v.Pt2} {
		h := &envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: wrapped(cek, "AES/GCM/NoPadding"), IV: vectors.DecodeHex(t, v.IV)}
		o := object{meta: must[map[string]string](t)(h.Metadata()), body: vectors.DecodeHex(t, v.Body)}.split(t)
		refusedByDefault(t, o, key)
		opts := h.Required()
		if got, err := o.open(t.Context(), key, &opts); err != nil || !bytes.Equal(got, vectors.DecodeHex(t, plain)) {
			t.Errorf("V2 with CEK %.8s = %x, %v; want %s", cek, got, err, plain)
		}
	}
	id := bytes.Repeat([]byte{9}, 28)
	prk := must[[]byte](t)(hkdf.Extract(sha512.New, vectors.DecodeHex(t, v.CEK1), id))
	commitment := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73COMMITKEY", 28))
	h := &envelope.Header{Wrap: wrap.AESGCM, WrappedKey: wrapped(v.CEK1, "115"), IV: id, Commitment: commitment}
	o := object{meta: must[map[string]string](t)(h.Metadata())}.split(t)
	must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), must[*envelope.Header](t)(o.header()), key, nil))
	swapped := o.alter(t, func(values map[string]string) { values["x-amz-3"] = b64of(wrapped(v.CEK2, "115")) })
	for _, opts := range []envelope.OpenOptions{{}, everything()} {
		opener, err := envelope.NewOpener(t.Context(), must[*envelope.Header](t)(swapped.header()), key, &opts)
		if err != envelope.ErrDecrypt || opener != nil {
			t.Errorf("V3 with the other CEK: NewOpener = %v, want ErrDecrypt before there is a reader", err)
		}
	}
}

// TestAttackA5Swap: a file of one object beside another one never opens V3,
// and no other suite that authenticates.
func TestAttackA5Swap(t *testing.T) {
	for _, p := range authenticated() {
		key := p.key(t)
		a := sealObject(t, key, p.options(), pattern(37)).split(t)
		b := sealObject(t, key, p.options(), pattern(37)).split(t)
		a.file = b.file
		opts := everything()
		if got, err := a.open(t.Context(), key, &opts); err != envelope.ErrDecrypt || len(got) != 0 {
			t.Errorf("%v with the file of another object: open = %d bytes, %v; want ErrDecrypt", p, len(got), err)
		}
		if p.suite == envelope.V3 {
			_, err := envelope.NewOpener(t.Context(), must[*envelope.Header](t)(a.header()), key, nil)
			if err != envelope.ErrDecrypt {
				t.Errorf("%v: NewOpener = %v, want ErrDecrypt before the body", p, err)
			}
		}
	}
}

// TestAttackA5Limit: a file does not get around the order of checks either.
// Policy comes first, the limit of the buffer before the body.
func TestAttackA5Limit(t *testing.T) {
	p := pair{envelope.V2GCM, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37)).split(t)
	opts := envelope.OpenOptions{AllowUncommitted: true, Release: envelope.Buffered(10)}
	opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), must[*envelope.Header](t)(o.header()), p.key(t), &opts))
	if _, err := opener.Reader(untouched{t}, int64(len(o.body))); !errors.Is(err, stream.ErrBufferLimit) {
		t.Errorf("Reader = %v, want ErrBufferLimit", err)
	}
}

// TestAttackA7InstructionFile: suite, commitment and message id are not taken
// from a file: not in place of the object's, not beside it, not alike.
func TestAttackA7InstructionFile(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	whole := sealObject(t, p.key(t), p.options(), pattern(37))
	o := whole.split(t)
	for _, preset := range []envelope.Preset{envelope.RequireEncryptRequireDecrypt(), envelope.ForbidEncryptAllowDecrypt(), envelope.EncryptionOnly()} {
		refused := func(what string, c object) {
			t.Helper()
			keys := &counter{Unwrapper: p.key(t)}
			if got, err := c.open(t.Context(), keys, &preset.Open); !isMetadata(err) || keys.calls != 0 || len(got) != 0 {
				t.Errorf("%s: open = %d bytes, %v, after %d unwraps; want a MetadataError", what, len(got), err, keys.calls)
			}
		}
		for _, name := range stays {
			copied := o.alter(t, func(values map[string]string) { values[name] = o.meta[name] })
			refused(name+" in both", copied)
			moved := copied.clone()
			delete(moved.meta, name)
			refused(name+" moved", moved)
			missing := o.clone()
			delete(missing.meta, name)
			refused(name+" missing", missing)
		}
		all := o.alter(t, func(values map[string]string) { maps.Copy(values, o.meta) })
		refused("all in both", all)
		all.meta = nil
		refused("all in the file", all)
		for _, name := range []string{"x-amz-d", "x-amz-i"} {
			for bit := range 28 * 8 {
				h := must[*envelope.Header](t)(o.flip(t, name, bit).header())
				if _, err := envelope.NewOpener(t.Context(), h, p.key(t), &preset.Open); err != envelope.ErrDecrypt {
					t.Errorf("%s, bit %d: NewOpener = %v, want ErrDecrypt", name, bit, err)
				}
			}
		}
	}
}

// TestAttackA8InstructionFile renames the wrap in the file of a V3 object.
func TestAttackA8InstructionFile(t *testing.T) {
	all := wrap.NewKeyring(aesKeys(t, kek), rsaKeys(t, rsaKey(t)), newFakeKMS(t, wrap.KMSContext))
	for _, alg := range []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext} {
		p := pair{envelope.V3, alg}
		o := sealObject(t, p.key(t), p.options(), pattern(37)).split(t)
		made := ""
		for _, code := range []string{"", "01", "02", "11", "12", "21", "22", "AES/GCM", "kms", "kms+context"} {
			c := o.alter(t, func(values map[string]string) {
				made = values["x-amz-w"]
				values["x-amz-w"] = code
				values["x-amz-m"], values["x-amz-t"] = values["x-amz-m"]+values["x-amz-t"], values["x-amz-m"]+values["x-amz-t"]
			})
			opts := everything()
			if got, err := c.open(t.Context(), all, &opts); (err == nil) != (code == made) || err != nil && len(got) != 0 {
				t.Errorf("%v as %q: open = %d bytes, %v; made as %q", p, code, len(got), err, made)
			}
		}
	}
}

// TestAttackB6Suffix: what only happens to lie where an instruction file would
// be is an error. It makes an object neither plaintext nor another's.
func TestAttackB6Suffix(t *testing.T) {
	v1 := sealObject(t, pair{envelope.V1, wrap.AESECB}.key(t), &envelope.SealOptions{Suite: envelope.V1}, pattern(3))
	for what, file := range map[string]string{
		"nothing":       "",
		"text":          "Unpack and run.\n",
		"foreign JSON":  filePlain,
		"list":          "[]",
		"HTML":          "<html><body>403</body></html>",
		"ciphertext":    string(v1.body),
		"large":         strings.Repeat("{}", envelope.MaxInstructionSize),
		"NUL":           strings.Repeat("\x00", 100),
		"more than one": fileOf(fileV1) + "\n" + fileOf(fileV1),
	} {
		h, err := envelope.ParseInstructionFile(nil, strings.NewReader(file))
		if !isMetadata(err) || errors.Is(err, envelope.ErrNotEncrypted) || h != nil {
			t.Errorf("%s: ParseInstructionFile = %v, %v; want a MetadataError", what, h, err)
		}
		if ok, err := envelope.IsInstructionFile(strings.NewReader(file)); ok || err != nil {
			t.Errorf("%s: IsInstructionFile = %t, %v; want false", what, ok, err)
		}
	}
}

// TestAttackB7Duplicates: two values under one name, of which readers could
// take either, are refused wherever they are.
func TestAttackB7Duplicates(t *testing.T) {
	for _, name := range modelNames {
		file := `{"x-amz-key":"<K>","x-amz-iv":"<I>","` + name + `":"x","` + name + `":"x"}`
		if _, err := envelope.ParseInstructionFile(nil, strings.NewReader(fileOf(file))); !isMetadata(err) {
			t.Errorf("%s twice: ParseInstructionFile = %v, want a MetadataError", name, err)
		}
	}
}
