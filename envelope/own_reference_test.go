// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// A second reader and writer of s3seal's own formats, in their plainest form. It
// shares no code with the module.

func refAEAD(t testing.TB, key []byte) cipher.AEAD {
	return must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(key))))
}

// refContext is a byte 00, or 01 and both names with their lengths.
func refContext(bind envelope.Binding) string {
	if bind.Key == "" {
		return "\x00"
	}
	sized := func(s string) string { return string(binary.BigEndian.AppendUint16(nil, uint16(len(s)))) + s }
	return "\x01" + sized(bind.Bucket) + sized(bind.Key)
}

// refWrap and refUnwrap are AES/GCM with the content algorithm as AAD.
func refWrap(t testing.TB, cek []byte, alg string) []byte {
	nonce := []byte("twelve bytes")
	return refAEAD(t, kek).Seal(nonce, nonce, cek, []byte(alg))
}

func refUnwrap(t testing.TB, wrapped []byte, alg string) []byte {
	return must[[]byte](t)(refAEAD(t, kek).Open(nil, wrapped[:12], wrapped[12:], []byte(alg)))
}

// refChunked seals, or opens if seal is false, a body without its salt and
// commitment.
func refChunked(t testing.TB, seal bool, cek []byte, salt, context string, in []byte) (commitment, out []byte) {
	okm := must[[]byte](t)(hkdf.Expand(sha512.New, cek, "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"+salt+context, 76))
	aead, size := refAEAD(t, okm[:32]), 16384
	if !seal {
		size += 16
	}
	for k := uint64(0); ; k++ {
		chunk := in[:min(size, len(in))]
		in = in[len(chunk):]
		nonce := bytes.Clone(okm[32:44])
		binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^k)
		if seal {
			out = aead.Seal(out, nonce, chunk, nil)
		} else {
			out = append(out, must[[]byte](t)(aead.Open(nil, nonce, chunk, nil))...)
		}
		if len(chunk) < size {
			return okm[44:], out
		}
	}
}

// refDAREKey derives the key of a body, or the salt of an empty object.
func refDAREKey(t testing.TB, cek []byte, salt, flag, context string) []byte {
	return must[[]byte](t)(hkdf.Key(sha512.New, cek, []byte(salt), "s3seal dare2 v1"+flag+context, 32))
}

// refDAREOpen opens packages.
func refDAREOpen(t testing.TB, key, in []byte) (out []byte) {
	for k := uint32(0); len(in) > 0; k++ {
		head, size := in[:16], 16+int(binary.LittleEndian.Uint16(in[2:]))+1+16
		nonce := bytes.Clone(head[4:])
		binary.LittleEndian.PutUint32(nonce[8:], binary.LittleEndian.Uint32(nonce[8:])^k)
		out = append(out, must[[]byte](t)(refAEAD(t, key).Open(nil, nonce, in[16:size], head[:4]))...)
		if last := head[4]>>7 == 1; head[0] != 0x20 || head[1] != 0 || last != (size == len(in)) {
			t.Fatalf("package %d: header %x, %d bytes left", k, head, len(in)-size)
		}
		in = in[size:]
	}
	return out
}

// refOpen opens an object of either format.
func refOpen(t testing.TB, o object, bind envelope.Binding) []byte {
	t.Helper()
	wrapped, context := must[[]byte](t)(decode(o.meta["s3seal-key"])), refContext(bind)
	if o.meta["s3seal-suite"] == "chunked1" {
		cek, salt := refUnwrap(t, wrapped, "S3SEAL/CHUNKED1"), o.body[:24]
		commitment, plain := refChunked(t, false, cek, string(salt), context, o.body[56:])
		if !bytes.Equal(commitment, o.body[24:56]) {
			t.Errorf("commitment %x, want %x", o.body[24:56], commitment)
		}
		return plain
	}
	cek, salt := refUnwrap(t, wrapped, "S3SEAL/DARE2"), string(must[[]byte](t)(decode(o.meta["s3seal-salt"])))
	if o.meta["s3seal-empty"] != "" {
		if want := string(refDAREKey(t, cek, "", "\x01", context)); salt != want || len(o.body) != 0 {
			t.Errorf("empty object with salt %x and %d bytes, want %x", salt, len(o.body), want)
		}
		return nil
	}
	return refDAREOpen(t, refDAREKey(t, cek, salt, "\x00", context), o.body)
}

// ownSuites are s3seal's own.
var ownSuites = []envelope.Suite{envelope.Chunked, dare.DARE2}

var ownPlace = envelope.Binding{Bucket: "bucket", Key: "a/key"}

// ownOpen is what it takes to open them.
func ownOpen(bind envelope.Binding) *envelope.OpenOptions {
	return &envelope.OpenOptions{AllowUncommitted: true, ExtraSuites: []envelope.Suite{dare.DARE2}, Bind: bind}
}

// sealOwn seals under kek.
func sealOwn(t testing.TB, suite envelope.Suite, bind envelope.Binding, plain []byte) object {
	t.Helper()
	return sealObject(t, must[wrap.Key](t)(wrap.NewAESGCM(kek)), &envelope.SealOptions{Suite: suite, Bind: bind}, plain)
}

// TestOwnReadByReference: what is sealed is what the description says.
func TestOwnReadByReference(t *testing.T) {
	for _, suite := range ownSuites {
		for _, bind := range []envelope.Binding{{}, ownPlace, {Key: "k"}} {
			for _, n := range []int{0, 1, 16383, 16384, 16385, 65536, 65537, 200_000} {
				o := sealOwn(t, suite, bind, pattern(n))
				if got := refOpen(t, o, bind); !bytes.Equal(got, o.plain) {
					t.Errorf("%v, %d bytes: the reference reads %d others", suite, n, len(got))
				}
				want := map[string]string{"s3seal-suite": o.meta["s3seal-suite"], "s3seal-wrap": "02", "s3seal-matdesc": "{}"}
				for name, there := range map[string]bool{
					"s3seal-key": true, "s3seal-bound": bind.Key != "",
					"s3seal-salt": suite == dare.DARE2, "s3seal-empty": suite == dare.DARE2 && n == 0,
				} {
					if there {
						want[name] = o.meta[name]
					}
				}
				if !maps.Equal(o.meta, want) || o.meta["s3seal-bound"] != map[bool]string{true: "1"}[bind.Key != ""] {
					t.Errorf("%v, %d bytes: metadata %q", suite, n, o.meta)
				}
			}
		}
	}
}

// checkAnswer compares with what a program in another language has computed.
func checkAnswer(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if fmt.Sprintf("%x", got) != want {
		t.Errorf("%s %x, want %s", what, got, want)
	}
}

// TestOwnReadsReference: what the description says is opened.
func TestOwnReadsReference(t *testing.T) {
	cek, salt := bytes.Repeat([]byte("CEK!"), 8), "salt of 24 bytes, fixed!"
	key := must[wrap.Key](t)(wrap.NewAESGCM(kek))
	for _, bind := range []envelope.Binding{{}, ownPlace} {
		for _, n := range []int{0, 1, 16384, 50_000} {
			plain := pattern(n)
			commitment, chunks := refChunked(t, true, cek, salt, refContext(bind), plain)
			o := object{plain: plain, body: []byte(salt + string(commitment) + string(chunks)), meta: map[string]string{
				"s3seal-suite": "chunked1", "s3seal-wrap": "02", "s3seal-key": b64of(refWrap(t, cek, "S3SEAL/CHUNKED1")),
			}}
			if bind.Key != "" {
				o.meta["s3seal-bound"] = "1"
			}
			opts := &envelope.OpenOptions{Bind: bind} // nothing is allowed
			if got, err := o.open(t.Context(), key, opts); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, bound to %q: %d bytes, %v", n, bind, len(got), err)
			}
			if n == 1 && bind == ownPlace {
				checkAnswer(t, "body", o.body, "73616c74206f662032342062797465732c20666978656421"+ // the salt
					"971523c189fc868c413536826de74eeff59098c9e0c66506633e1683909b8b26"+"9738c397c6f13c06c8549cc01f9cbc9d5c")
			}
		}
	}
	empty := object{meta: map[string]string{
		"s3seal-suite": "dare2", "s3seal-wrap": "02", "s3seal-empty": "1",
		"s3seal-key": b64of(refWrap(t, cek, "S3SEAL/DARE2")), "s3seal-salt": b64of(refDAREKey(t, cek, "", "\x01", "\x00")),
	}}
	checkAnswer(t, "salt", must[[]byte](t)(decode(empty.meta["s3seal-salt"])), "125d2fdea5ee01819fb8a752212fb0eca756ed4bf8fa466a5e53660da0263c27")
	if got, err := empty.open(t.Context(), key, ownOpen(envelope.Binding{})); err != nil || len(got) != 0 {
		t.Errorf("empty DARE object: %q, %v", got, err)
	}
}
