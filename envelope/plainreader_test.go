// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

// plainRead is what a small client of format V2 has for a reader: AESWrap, and
// CBC or GCM in one piece. It wants all six names, looks each up in lower case
// and in Title-Case, and does not interpret the tag length. It shares no code
// with this module, so what it reads is what the format says.
func plainRead(meta map[string]string, body, master []byte) ([]byte, error) {
	v := make(map[string]string)
	for _, name := range []string{"x-amz-key-v2", "x-amz-matdesc", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len"} {
		v[name] = cmp.Or(meta[name], meta[textproto.CanonicalMIMEHeaderKey(name)])
		if v[name] == "" {
			return nil, fmt.Errorf("%s: absent or empty", name)
		}
	}
	key, errKey := base64.StdEncoding.DecodeString(v["x-amz-key-v2"])
	iv, errIV := base64.StdEncoding.DecodeString(v["x-amz-iv"])
	kek, errKEK := aes.NewCipher(master)
	if err := errors.Join(errKey, errIV, errKEK); err != nil || v["x-amz-wrap-alg"] != "AESWrap" || len(key) != 40 {
		return nil, fmt.Errorf("wrap %q of %d bytes: %v", v["x-amz-wrap-alg"], len(key), err)
	}
	for t := uint64(24); t > 0; t-- { // RFC 3394, section 2.2.2: A is key[:8], R[i] is r
		r := key[8+(t-1)%4*8:][:8]
		b := append(binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(key)^t), r...)
		kek.Decrypt(b, b)
		copy(key, b[:8])
		copy(r, b[8:])
	}
	block, err := aes.NewCipher(key[8:])
	if err != nil || binary.BigEndian.Uint64(key) != 0xa6a6a6a6a6a6a6a6 {
		return nil, errors.New("wrong master key")
	}
	switch aead, err := cipher.NewGCM(block); {
	case err == nil && v["x-amz-cek-alg"] == "AES/GCM/NoPadding" && len(iv) == 12:
		return aead.Open(nil, iv, body, nil)
	case v["x-amz-cek-alg"] == "AES/CBC/PKCS5Padding" && len(iv) == 16 && len(body) > 0 && len(body)%16 == 0:
		out := make([]byte, len(body))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, body)
		if pad := out[len(out)-1]; 1 <= pad && pad <= 16 && bytes.HasSuffix(out, bytes.Repeat([]byte{pad}, int(pad))) {
			return out[:len(out)-int(pad)], nil
		}
	}
	return nil, fmt.Errorf("cannot read %q, IV of %d bytes, body of %d", v["x-amz-cek-alg"], len(iv), len(body))
}

// plainSeal is the writer beside it. The CEK comes wrapped from RFC 3394,
// section 4.6, because a wrap loop of its own would only mirror the reader's.
// Its tag length is in bytes, as such clients write it.
func plainSeal(t testing.TB, suite envelope.Suite, plain []byte) object {
	t.Helper()
	block := must[cipher.Block](t)(aes.NewCipher(vectors.DecodeHex(t, plainCEK)))
	iv := []byte("sixteen bytes iv")
	meta := map[string]string{
		"x-amz-key-v2": b64of(vectors.DecodeHex(t, plainWrapped)), "x-amz-matdesc": "{}", "x-amz-wrap-alg": "AESWrap",
		"x-amz-cek-alg": "AES/CBC/PKCS5Padding", "x-amz-tag-len": "0",
	}
	var body []byte
	if suite == envelope.V2GCM {
		meta["x-amz-cek-alg"], meta["x-amz-tag-len"], iv = "AES/GCM/NoPadding", "16", iv[:12]
		body = must[cipher.AEAD](t)(cipher.NewGCM(block)).Seal(nil, iv, plain, nil)
	} else {
		pad := 16 - len(plain)%16
		body = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	}
	meta["x-amz-iv"] = b64of(iv)
	return object{meta: meta, body: body, plain: plain}
}

// RFC 3394, section 4.6: 256 bits of key data under a 256-bit KEK.
const (
	plainMaster  = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
	plainCEK     = "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"
	plainWrapped = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
)

// titled renames the metadata to Title-Case, as HTTP libraries do.
func titled(meta map[string]string) map[string]string {
	out := make(map[string]string)
	for name, value := range meta {
		out[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	return out
}

// eachPlain runs f for both content algorithms and for sizes around the edges
// of blocks and chunks.
func eachPlain(t *testing.T, f func(t *testing.T, suite envelope.Suite, plain []byte)) {
	for _, suite := range []envelope.Suite{envelope.V2CBC, envelope.V2GCM} {
		for _, n := range []int{0, 1, 15, 16, 17, 4101, 128<<10 + 1} {
			plain := make([]byte, n)
			for i := range plain {
				plain[i] = byte(i * i >> 5)
			}
			t.Run(fmt.Sprintf("%v,len=%d", suite, n), func(t *testing.T) { f(t, suite, plain) })
		}
	}
}

// TestPlainReaderReadsOurs seals what the small client is to read.
func TestPlainReaderReadsOurs(t *testing.T) {
	eachPlain(t, func(t *testing.T, suite envelope.Suite, plain []byte) {
		for _, master := range [][]byte{kek, kek[:24], kek[:16]} {
			key := must[wrap.Key](t)(wrap.NewAESKeyWrap(master))
			o := sealObject(t, key, &envelope.SealOptions{Suite: suite}, plain)
			for _, meta := range []map[string]string{o.meta, titled(o.meta)} {
				if got, err := plainRead(meta, o.body, master); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d-bit master key: plainRead(%v) = %d bytes, %v, want the %d sealed, nil", 8*len(master), meta, len(got), err, len(plain))
				}
			}
		}
	})
}

// TestPlainWriterIsRead opens what the small client has written.
func TestPlainWriterIsRead(t *testing.T) {
	key := must[wrap.Key](t)(wrap.NewAESKeyWrap(vectors.DecodeHex(t, plainMaster)))
	opts := &envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true}
	eachPlain(t, func(t *testing.T, suite envelope.Suite, plain []byte) {
		o := plainSeal(t, suite, plain)
		for _, meta := range []map[string]string{o.meta, titled(o.meta)} {
			o.meta = meta
			if got, err := o.open(t.Context(), key, opts); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("open(%v) = %d bytes, %v, want the %d sealed, nil", meta, len(got), err, len(plain))
			}
			if got, err := plainRead(meta, o.body, vectors.DecodeHex(t, plainMaster)); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("plainRead(%v) = %d bytes, %v, want the %d sealed, nil", meta, len(got), err, len(plain))
			}
		}
	})
}

// TestPlainReaderRefuses keeps the reader honest: it proves nothing unless it
// insists on what such clients insist on.
func TestPlainReaderRefuses(t *testing.T) {
	for _, suite := range []envelope.Suite{envelope.V2CBC, envelope.V2GCM} {
		o := plainSeal(t, suite, []byte("seventeen bytes!!"))
		for name := range o.meta {
			for _, value := range []string{"", "x"} {
				if value == "x" && (name == "x-amz-matdesc" || name == "x-amz-tag-len") {
					continue // wanted, but not interpreted
				}
				meta := maps.Clone(o.meta)
				meta[name] = value
				if got, err := plainRead(meta, o.body, vectors.DecodeHex(t, plainMaster)); err == nil {
					t.Errorf("%v, %s = %q: plainRead = %q, nil, want an error", suite, name, value, got)
				}
			}
		}
		if got, err := plainRead(o.meta, o.body, kek); err == nil {
			t.Errorf("%v, wrong master key: plainRead = %q, nil, want an error", suite, got)
		}
		if got, err := plainRead(o.meta, o.body[:16], vectors.DecodeHex(t, plainMaster)); err == nil {
			t.Errorf("%v, body cut: plainRead = %q, nil, want an error", suite, got)
		}
	}
}
