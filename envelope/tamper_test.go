// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// authenticated are the pairs whose objects cannot be altered unnoticed.
func authenticated() []pair {
	return []pair{
		{envelope.V3, wrap.AESGCM},
		{envelope.V3, wrap.KMSContext},
		{envelope.V3, wrap.RSAOAEPSHA1},
		{envelope.V2GCM, wrap.AESGCM},
		{envelope.V2GCM, wrap.KMSContext},
		{envelope.V2GCM, wrap.RSAOAEPSHA1},
		{envelope.V2GCM, wrap.AESKW},
	}
}

// rejected opens an altered object and fails the test if it opens, releases
// anything, or tells why not.
func rejected(t *testing.T, o object, u wrap.Unwrapper, what string, at int) {
	t.Helper()
	opts := everything()
	got, err := o.open(t.Context(), u, &opts)
	if err != envelope.ErrDecrypt || len(got) != 0 {
		t.Errorf("%s, bit %d: open = %d bytes, %v; want 0 bytes, ErrDecrypt", what, at, len(got), err)
	}
}

// flip changes one bit of a base64 value.
func (o object) flip(t testing.TB, name string, bit int) object {
	c := o.clone()
	b := must[[]byte](t)(decode(c.meta[name]))
	b[bit/8] ^= 1 << (bit % 8)
	c.meta[name] = b64of(b)
	return c
}

// TestBitFlips flips every bit of body, tag, wrapped key, IV or message id,
// and commitment. (RSA wraps: one bit of every byte, to save time.)
func TestBitFlips(t *testing.T) {
	for _, p := range authenticated() {
		key := p.key(t)
		o := sealObject(t, key, p.options(), pattern(19))
		for bit := range len(o.body) * 8 {
			c := o.clone()
			c.body[bit/8] ^= 1 << (bit % 8)
			if p.alg == wrap.RSAOAEPSHA1 && bit%8 != bit/8%8 {
				continue
			}
			rejected(t, c, key, p.suite.String()+" body", bit)
		}
		for _, name := range []string{"x-amz-key-v2", "x-amz-3", "x-amz-iv", "x-amz-i", "x-amz-d"} {
			value := must[[]byte](t)(decode(o.meta[name]))
			for bit := range len(value) * 8 {
				if p.alg == wrap.RSAOAEPSHA1 && bit%8 != bit/8%8 {
					continue
				}
				rejected(t, o.flip(t, name, bit), key, p.suite.String()+" "+name, bit)
			}
		}
	}
}

// TestContextBitFlips flips every bit of an encryption context, which the KMS
// authenticates. What means the same as before opens, and nothing else.
func TestContextBitFlips(t *testing.T) {
	for suite, name := range map[envelope.Suite]string{envelope.V3: "x-amz-t", envelope.V2GCM: "x-amz-matdesc", envelope.Chunked: "s3seal-matdesc"} {
		p := pair{suite, wrap.KMSContext}
		key := p.key(t)
		o := sealObject(t, key, p.options(), pattern(19))
		made := must[*envelope.Header](t)(o.header()).MatDesc
		for bit := range len(o.meta[name]) * 8 {
			c, text := o.clone(), []byte(o.meta[name])
			text[bit/8] ^= 1 << (bit % 8)
			c.meta[name] = string(text)
			h, err := c.header()
			if err == nil && maps.Equal(h.MatDesc, made) {
				continue // a digit of \u00e9 in another case
			}
			opts := everything()
			got, err := c.open(t.Context(), key, &opts)
			if err != envelope.ErrDecrypt && !isMetadata(err) || len(got) != 0 {
				t.Errorf("%v, %s = %q: open = %d bytes, %v; want none, ErrDecrypt or a MetadataError", suite, name, text, len(got), err)
			}
		}
	}
}

// TestTruncations cuts and lengthens the body at every byte, and cuts every
// value: lengths that metadata alone can judge are a MetadataError.
func TestTruncations(t *testing.T) {
	for _, p := range authenticated() {
		key := p.key(t)
		o := sealObject(t, key, p.options(), pattern(37))
		for n := range o.body {
			c := o.clone()
			c.body = c.body[:n]
			rejected(t, c, key, p.suite.String()+" cut", n)
		}
		for n := range 17 {
			c := o.clone()
			c.body = append(c.body, make([]byte, n+1)...)
			rejected(t, c, key, p.suite.String()+" lengthened", n+1)
		}
		for _, name := range []string{"x-amz-key-v2", "x-amz-3", "x-amz-iv", "x-amz-i", "x-amz-d"} {
			value := must[[]byte](t)(decode(o.meta[name]))
			for n := range value {
				if p.alg == wrap.RSAOAEPSHA1 && n > 16 && n%16 != 0 {
					continue
				}
				c := o.clone()
				c.meta[name] = b64of(value[:n])
				got, err := c.open(t.Context(), key, &envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true})
				if len(got) != 0 || err != envelope.ErrDecrypt && !isMetadata(err) {
					t.Errorf("%v, %s cut to %d bytes: open = %d bytes, %v", p, name, n, len(got), err)
				}
			}
		}
	}
}

// TestWrongKey: another key of the same kind is the same error as an altered
// object, at whatever step it is found out.
func TestWrongKey(t *testing.T) {
	other := bytes.Repeat([]byte("o"), 32)
	for _, p := range []pair{{envelope.V3, wrap.AESGCM}, {envelope.V2GCM, wrap.AESGCM}, {envelope.V2GCM, wrap.AESKW}, {envelope.V2CBC, wrap.AESKW}} {
		o := sealObject(t, p.key(t), p.options(), pattern(37))
		rejected(t, o, aesKeys(t, other), p.suite.String()+" wrong key", 0)
	}
	for _, p := range []pair{{envelope.V3, wrap.RSAOAEPSHA1}, {envelope.V1, wrap.RSAPKCS1}} {
		o := sealObject(t, p.key(t), p.options(), pattern(37))
		opts := everything()
		if _, err := o.open(t.Context(), aesKeys(t, kek), &opts); !errors.Is(err, wrap.ErrNoKey) && err != envelope.ErrDecrypt {
			t.Errorf("%v with an AES key: open = %v, want ErrNoKey or ErrDecrypt", p, err)
		}
	}
}

// TestUnverifiedTamper: what UnverifiedUntilEOF releases of an altered body is
// a prefix of the altered stream, and it never ends in io.EOF.
func TestUnverifiedTamper(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	for i := range o.body {
		c := o.clone()
		c.body[i] ^= 0x80
		want := bytes.Clone(o.plain)
		if i < len(want) {
			want[i] ^= 0x80
		}
		r := must[io.ReadCloser](t)(openerOf(t, c, p.key(t), envelope.UnverifiedUntilEOF()).Reader(bytes.NewReader(c.body), -1))
		got, err := io.ReadAll(r)
		if err != envelope.ErrDecrypt || !bytes.HasPrefix(want, got) {
			t.Errorf("byte %d: released %x, %v; want a prefix of %x, ErrDecrypt", i, got, err, want)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != envelope.ErrDecrypt {
			t.Errorf("byte %d: second Read = %d, %v; want 0, ErrDecrypt", i, n, err)
		}
	}
}

// TestUnauthenticatedNeverPanics: altered CBC and CTR content may decrypt to
// something, but does nothing worse.
func TestUnauthenticatedNeverPanics(t *testing.T) {
	cbc := pair{envelope.V2CBC, wrap.AESKW}
	for _, o := range []object{sealObject(t, cbc.key(t), cbc.options(), pattern(37)), ctrObject(t, pattern(37))} {
		opts := everything()
		for bit := range len(o.body) * 8 {
			c := o.clone()
			c.body[bit/8] ^= 1 << (bit % 8)
			if _, err := c.open(t.Context(), aesKeys(t, kek), &opts); err != nil && err != envelope.ErrDecrypt {
				t.Errorf("%s, bit %d: open = %v", o.meta["x-amz-cek-alg"], bit, err)
			}
		}
	}
}
