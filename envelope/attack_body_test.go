// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// TestAttackB1UnverifiedPlaintext: by default no byte leaves before the tag is
// verified, however the body is read.
func TestAttackB1UnverifiedPlaintext(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(300<<10))
	for _, at := range []int{0, 1 << 17, 300<<10 - 1, 300 << 10, len(o.body) - 1} {
		c := o.clone()
		c.body[at] ^= 1
		r := must[io.ReadCloser](t)(openerOf(t, c, p.key(t), nil).Reader(bytes.NewReader(c.body), -1))
		var out bytes.Buffer
		n, err := io.Copy(&out, r)
		if n != 0 || out.Len() != 0 || err != envelope.ErrDecrypt {
			t.Errorf("byte %d altered: released %d bytes, %v; want 0, ErrDecrypt", at, out.Len(), err)
		}
		if n, err := r.Read(make([]byte, 9)); n != 0 || err != envelope.ErrDecrypt {
			t.Errorf("byte %d altered: second Read = %d, %v; want 0, ErrDecrypt", at, n, err)
		}
	}
}

// TestAttackB3RangeMalleability documents what a range is worth: one flipped
// bit is one flipped bit, with CBC in the block behind, and the reader says so.
func TestAttackB3RangeMalleability(t *testing.T) {
	plain := pattern(67)
	for name, o := range rangeObjects(t, plain) {
		off, n := int64(0), 40
		if name == "V1" || name == "V2-CBC" {
			off, n = 16, 16
		}
		for bit := range n * 8 {
			c := o.clone()
			c.body[bit/8] ^= 1 << (bit % 8)
			want := bytes.Clone(plain[off:][:n])
			want[bit/8] ^= 1 << (bit % 8)
			opener := openerOf(t, c, aesKeys(t, kek), nil)
			r := must[io.ReadCloser](t)(opener.RangeReader(bytes.NewReader(c.body), off, int64(n), int64(len(c.body))))
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) || opener.Authenticated() {
				t.Errorf("%s, bit %d: range = %x, %v, authenticated %t", name, bit, got, err, opener.Authenticated())
			}
		}
	}
}

// TestAttackB4Hints: lengths in metadata are not believed.
func TestAttackB4Hints(t *testing.T) {
	for _, p := range []pair{{envelope.V3, wrap.AESGCM}, {envelope.V2GCM, wrap.AESGCM}, {envelope.V2CBC, wrap.AESKW}, {envelope.V1, wrap.AESECB}} {
		o := sealObject(t, p.key(t), p.options(), pattern(37))
		for _, hint := range []string{"-1", "0", "1", "9223372036854775808", "1e9", "+5", "x"} {
			c := o.clone()
			c.meta["x-amz-unencrypted-content-length"] = hint
			opts := everything()
			if got, err := c.open(t.Context(), p.key(t), &opts); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("%v, length %q: open = %d bytes, %v; want 37", p, hint, len(got), err)
			}
		}
	}
	p := pair{envelope.V2GCM, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	for _, tagLen := range []string{"0", "8", "12", "32", "64", "96", "112", "120", "127", "129", "-128", "128.0", "0x80"} {
		c := o.clone()
		c.meta["x-amz-tag-len"] = tagLen
		opts := everything()
		if _, err := c.open(t.Context(), p.key(t), &opts); !isMetadata(err) {
			t.Errorf("tag-len %q: open = %v, want a MetadataError", tagLen, err)
		}
	}
}

// TestAttackB5SwapIsNotDetected documents what the formats do not bind: an
// object copied over another one opens.
func TestAttackB5SwapIsNotDetected(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	other := sealObject(t, p.key(t), p.options(), []byte("another object, or an older version"))
	if got, err := other.open(t.Context(), p.key(t), nil); err != nil || !bytes.Equal(got, other.plain) {
		t.Errorf("open = %q, %v", got, err)
	}
}

// TestAttackB7CanonicalBase64: one value, one spelling, but for newlines at
// the end.
func TestAttackB7CanonicalBase64(t *testing.T) {
	good := b64(28)
	for _, value := range []string{
		good[:39], good + "=", good + "A", good[:20] + "\n" + good[20:], "\n" + good, good[:38], good[:37] + "B==",
		strings.ReplaceAll(b64of(bytes.Repeat([]byte{0xff}, 28)), "/", "_"), good + "," + good, good + "\x00",
	} {
		meta := valid()["V3"]
		meta["x-amz-i"] = value
		if _, err := envelope.ParseHeader(meta); !isMetadata(err) {
			t.Errorf("x-amz-i = %q: ParseHeader = %v, want a MetadataError", value, err)
		}
	}
}

// TestAttackB8Plaintext: an object without envelope is an error, never its own
// bytes.
func TestAttackB8Plaintext(t *testing.T) {
	for _, meta := range []map[string]string{nil, {}, {"user": "x"}, {"x-amz-meta-user": "x"}, {"x-amz-crypto-instr-file": ""}, {"x-amz-key": ""}} {
		opts := everything()
		opts.AllowPlaintext = true
		keys := &counter{Unwrapper: aesKeys(t, kek)}
		got, err := object{meta: meta, body: []byte("plain")}.open(t.Context(), keys, &opts)
		if !errors.Is(err, envelope.ErrNotEncrypted) || keys.calls != 0 || len(got) != 0 {
			t.Errorf("%q: open = %q, %v; want ErrNotEncrypted", meta, got, err)
		}
	}
}

// TestAttackZeroNonce: drafts of V3 had an all-zero nonce, and a released
// client could still be made to read it. It must not open.
func TestAttackZeroNonce(t *testing.T) {
	id, cek := bytes.Repeat([]byte{3}, 28), bytes.Repeat([]byte{4}, 32)
	prk := must[[]byte](t)(hkdf.Extract(sha512.New, cek, id))
	key := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73DERIVEKEY", 32))
	commitment := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73COMMITKEY", 28))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(key))))
	h := &envelope.Header{Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: id, Commitment: commitment}
	for _, c := range []struct {
		nonce byte
		aad   string
		want  error
	}{{1, "\x00\x73", nil}, {0, "\x00\x73", envelope.ErrDecrypt}, {1, "", envelope.ErrDecrypt}, {1, "115", envelope.ErrDecrypt}} {
		body := aead.Seal(nil, bytes.Repeat([]byte{c.nonce}, 12), []byte("x"), []byte(c.aad))
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, fixedKey{cek: cek}, nil))
		r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(body), -1))
		if _, err := io.ReadAll(r); err != c.want {
			t.Errorf("nonce %d, AAD %q: read %v, want %v", c.nonce, c.aad, err, c.want)
		}
	}
}
