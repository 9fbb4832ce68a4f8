// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// The objects of the golden table are made here from the standard library,
// since most of what can be on the wire is never written by this module.

// Kinds of keys.
const (
	kindAES = "AES"
	kindRSA = "RSA"
	kindKMS = "KMS"
)

// Secrets are one key of each kind. All that is made with them is the same in
// every run, as far as the table can tell.
type secrets struct {
	kek []byte
	rsa *rsa.PrivateKey
	kms string
}

// A countedKMS counts what it is asked.
type countedKMS struct {
	wrap.KMS
	calls int
}

func (k *countedKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	k.calls++
	return k.KMS.Decrypt(ctx, keyID, blob, encCtx)
}

// A world is the secrets of the owner and those of somebody else.
type world struct {
	right, wrong secrets
	kms          *countedKMS
	unwraps      int // by single keys
}

// otherKey is an RSA key that opens no fixture.
var otherKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	data, err := os.ReadFile(filepath.Join("testdata", "formats_ruby_1_117_2_live.json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		RSA string `json:"rsa_pem_test_only"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	return parseRSA([]byte(file.RSA))
})

func newWorld(t testing.TB) *world {
	t.Helper()
	kms := localkms.New()
	w := &world{
		right: secrets{kek, rsaKey(t), "alias/right"},
		wrong: secrets{bytes.Repeat([]byte("o"), 32), must[*rsa.PrivateKey](t)(otherKey()), "alias/wrong"},
		kms:   &countedKMS{KMS: kms},
	}
	for _, s := range []secrets{w.right, w.wrong} {
		if err := kms.ImportKey(s.kms, s.kek); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// A wireWrap is a way in which a CEK can be wrapped on the wire.
type wireWrap struct {
	name   string
	kind   string
	text   string // x-amz-wrap-alg
	code   string // x-amz-w; empty where V3 has none
	size   int    // of the CEK, 32 if 0
	wrap   func(t testing.TB, w *world, cek []byte, contentAlg string, desc map[string]string) []byte
	unwrap func(t testing.TB, w *world, s secrets) wrap.Unwrapper
}

func wireWraps() []wireWrap {
	const oaep256 = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"
	return []wireWrap{
		{name: "AES/GCM", kind: kindAES, text: "AES/GCM", code: "02", wrap: wireGCM, unwrap: goldenGCM},
		{name: "RSA-OAEP-SHA1", kind: kindRSA, text: "RSA-OAEP-SHA1", code: "22", wrap: wireOAEP1, unwrap: goldenOAEP1},
		{name: "kms+context", kind: kindKMS, text: "kms+context", code: "12", wrap: wireKMS, unwrap: goldenKMS},
		{name: "AESWrap", kind: kindAES, text: "AESWrap", wrap: wireKW, unwrap: goldenKW},
		{name: "OAEP-SHA256/MGF1-SHA1", kind: kindRSA, text: oaep256, wrap: wireOAEP256(crypto.SHA1), unwrap: goldenOAEP256},
		{name: "OAEP-SHA256/MGF1-SHA256", kind: kindRSA, text: oaep256, wrap: wireOAEP256(crypto.SHA256), unwrap: goldenOAEP256},
		{name: "kms", kind: kindKMS, text: "kms", wrap: wireKMS, unwrap: goldenKMSPlain},
		{name: "ECB", kind: kindAES, wrap: wireECB(true), unwrap: goldenECB},
		{name: "ECB of 16", kind: kindAES, size: 16, wrap: wireECB(true), unwrap: goldenECB},
		{name: "ECB unpadded", kind: kindAES, wrap: wireECB(false), unwrap: goldenECB},
		{name: "PKCS1", kind: kindRSA, wrap: wireRSA(2), unwrap: goldenPKCS1},
		{name: "raw RSA", kind: kindRSA, wrap: wireRSA(0), unwrap: goldenRaw},
	}
}

func wireGCM(t testing.TB, w *world, cek []byte, contentAlg string, _ map[string]string) []byte {
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(w.right.kek))))
	nonce := []byte("twelve bytes")
	return aead.Seal(nonce, nonce, cek, []byte(contentAlg))
}

func wireKW(t testing.TB, w *world, cek []byte, _ string, _ map[string]string) []byte {
	return must[[]byte](t)(wrap.AESKeyWrap(w.right.kek, cek))
}

func wireECB(pad bool) func(testing.TB, *world, []byte, string, map[string]string) []byte {
	return func(t testing.TB, w *world, cek []byte, _ string, _ map[string]string) []byte {
		out := bytes.Clone(cek)
		if pad {
			out = append(out, bytes.Repeat([]byte{16}, 16)...)
		}
		block := must[cipher.Block](t)(aes.NewCipher(w.right.kek))
		for b := out; len(b) > 0; b = b[16:] {
			block.Encrypt(b, b)
		}
		return out
	}
}

// wireRSA is PKCS #1 v1.5 with fixed padding, or no padding at all: the CEK as
// a number.
func wireRSA(blockType byte) func(testing.TB, *world, []byte, string, map[string]string) []byte {
	return func(_ testing.TB, w *world, cek []byte, _ string, _ map[string]string) []byte {
		em := make([]byte, w.right.rsa.Size())
		if blockType != 0 {
			for i := range em {
				em[i] = 0xff
			}
			em[0], em[1], em[len(em)-len(cek)-1] = 0, blockType, 0
		}
		copy(em[len(em)-len(cek):], cek)
		c := new(big.Int).Exp(new(big.Int).SetBytes(em), big.NewInt(int64(w.right.rsa.E)), w.right.rsa.N)
		return c.FillBytes(em)
	}
}

func wireOAEP1(t testing.TB, w *world, cek []byte, contentAlg string, _ map[string]string) []byte {
	payload := slices.Concat([]byte{byte(len(cek))}, cek, []byte(contentAlg))
	opts := &rsa.OAEPOptions{Hash: crypto.SHA1}
	return must[[]byte](t)(rsa.EncryptOAEPWithOptions(rand.Reader, &w.right.rsa.PublicKey, payload, opts))
}

func wireOAEP256(mgf crypto.Hash) func(testing.TB, *world, []byte, string, map[string]string) []byte {
	return func(t testing.TB, w *world, cek []byte, _ string, _ map[string]string) []byte {
		opts := &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: mgf}
		return must[[]byte](t)(rsa.EncryptOAEPWithOptions(rand.Reader, &w.right.rsa.PublicKey, cek, opts))
	}
}

func wireKMS(t testing.TB, w *world, cek []byte, _ string, desc map[string]string) []byte {
	return must[[]byte](t)(w.kms.Encrypt(t.Context(), w.right.kms, cek, desc))
}

func goldenGCM(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(wrap.NewAESGCM(s.kek))
}

func goldenKW(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(wrap.NewAESKeyWrap(s.kek))
}

func goldenECB(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(legacy.NewAESECB(s.kek))
}

func goldenOAEP1(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(wrap.NewRSAOAEPKey(s.rsa))
}

func goldenOAEP256(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Unwrapper](t)(legacy.NewRSAOAEPSHA256Key(s.rsa))
}

func goldenPKCS1(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(legacy.NewRSAPKCS1Key(s.rsa))
}

func goldenRaw(t testing.TB, _ *world, s secrets) wrap.Unwrapper {
	return must[wrap.Unwrapper](t)(legacy.NewInsecureRSARawKey(s.rsa))
}

func goldenKMS(t testing.TB, w *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(wrap.NewKMS(w.kms, s.kms))
}

func goldenKMSPlain(t testing.TB, w *world, s secrets) wrap.Unwrapper {
	return must[wrap.Key](t)(legacy.NewKMSPlain(w.kms, s.kms))
}

// A wireObject is a row group of the table.
type wireObject struct {
	object
	name    string
	wire    wireWrap
	streams bool // releases what it rejects
}

// A wireSuite is a format with a spelling of its content algorithm.
type wireSuite struct {
	name, alg string // alg is the text in x-amz-cek-alg, or x-amz-c
	bound     string // the text that wraps bind, where it is another one
	tagLen    string
	only      []string // the wraps to which the spelling can make a difference
	v1, v3    bool
	own       string // s3seal-suite
}

var wireSuites = []wireSuite{
	{name: "V1", bound: "AES/CBC/PKCS5Padding", v1: true},
	{name: "V2-GCM", alg: "AES/GCM/NoPadding", tagLen: "128"},
	{name: "V2-GCM, tag 16", alg: "AES/GCM/NoPadding", tagLen: "16", only: []string{"AES/GCM", "AESWrap"}},
	{name: "V2-CBC", alg: "AES/CBC/PKCS5Padding", tagLen: "0"},
	{name: "V2-CBC7", alg: "AES/CBC/PKCS7Padding", only: []string{"AES/GCM", "kms+context", "AESWrap"}},
	{name: "V2 no cek-alg", bound: "AES/CBC/PKCS5Padding"},
	{name: "V2-CTR", alg: "AES/CTR/NoPadding"},
	{name: "V3", alg: "115", v3: true},
	{name: "Chunked", alg: "S3SEAL/CHUNKED1", own: "chunked1"},
	{name: "DARE2", alg: "S3SEAL/DARE2", own: "dare2"},
}

const goldenPlain = "twenty bytes of text"

// wireObjects are all pairs of a suite and a wrap that the formats know.
func wireObjects(t testing.TB, w *world) []wireObject {
	var all []wireObject
	for _, s := range wireSuites {
		for _, wire := range wireWraps() {
			if s.v1 && wire.text != "" || (s.v3 || s.own != "") && wire.code == "" || s.only != nil && !slices.Contains(s.only, wire.name) {
				continue
			}
			all = append(all, s.object(t, w, wire))
		}
	}
	return all
}

func (s wireSuite) object(t testing.TB, w *world, wire wireWrap) wireObject {
	cek := bytes.Repeat([]byte("CEK!"), 8)[:cmp.Or(wire.size, 32)]
	desc := map[string]string{"kid": "1"}
	bound := cmp.Or(s.bound, s.alg)
	switch wire.text {
	case "kms":
		desc["kms_cmk_id"] = w.right.kms
	case "kms+context":
		desc["aws:x-amz-cek-alg"] = bound
	}
	o := object{plain: []byte(goldenPlain)}
	wrapped := b64of(wire.wrap(t, w, cek, bound, desc))
	text := string(must[[]byte](t)(json.Marshal(desc)))
	if s.v3 {
		o.meta, o.body = wireV3(t, cek)
		maps.Copy(o.meta, map[string]string{"x-amz-c": "115", "x-amz-3": wrapped, "x-amz-w": wire.code})
		o.meta[map[bool]string{true: "x-amz-t", false: "x-amz-m"}[wire.kind == kindKMS]] = text
		return wireObject{o, s.name + ", " + wire.name, wire, false}
	}
	if s.own != "" {
		o.meta, o.body = wireOwn(t, s.own, cek)
		maps.Copy(o.meta, map[string]string{"s3seal-suite": s.own, "s3seal-key": wrapped, "s3seal-wrap": wire.code, "s3seal-matdesc": text})
		return wireObject{o, s.name + ", " + wire.name, wire, false}
	}
	var iv []byte
	iv, o.body = wireContent(t, bound, cek)
	o.meta = map[string]string{"x-amz-iv": b64of(iv), "x-amz-matdesc": text}
	if s.v1 {
		o.meta["x-amz-key"] = wrapped
	} else { // empty values count as absent
		maps.Copy(o.meta, map[string]string{"x-amz-key-v2": wrapped, "x-amz-wrap-alg": wire.text, "x-amz-cek-alg": s.alg, "x-amz-tag-len": s.tagLen})
	}
	return wireObject{o, s.name + ", " + wire.name, wire, bound != "AES/GCM/NoPadding"}
}

// wireContent encrypts the plaintext of the table.
func wireContent(t testing.TB, alg string, cek []byte) (iv, body []byte) {
	block := must[cipher.Block](t)(aes.NewCipher(cek))
	iv = []byte("sixteen bytes iv")
	switch alg {
	case "AES/GCM/NoPadding":
		iv = iv[:12]
		return iv, must[cipher.AEAD](t)(cipher.NewGCM(block)).Seal(nil, iv, []byte(goldenPlain), nil)
	case "AES/CTR/NoPadding":
		body = []byte(goldenPlain)
		cipher.NewCTR(block, iv).XORKeyStream(body, body)
		return iv, body
	}
	body = append([]byte(goldenPlain), bytes.Repeat([]byte{12}, 12)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	return iv, body
}

// wireV3 derives what V3 derives.
func wireV3(t testing.TB, cek []byte) (meta map[string]string, body []byte) {
	id := bytes.Repeat([]byte{9}, 28)
	prk := must[[]byte](t)(hkdf.Extract(sha512.New, cek, id))
	key := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73DERIVEKEY", 32))
	commitment := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73COMMITKEY", 28))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(key))))
	body = aead.Seal(nil, bytes.Repeat([]byte{1}, 12), []byte(goldenPlain), []byte{0, 0x73})
	return map[string]string{"x-amz-i": b64of(id), "x-amz-d": b64of(commitment)}, body
}

// wireOwn encrypts the plaintext of the table in a format of s3seal's own.
func wireOwn(t testing.TB, suite string, cek []byte) (meta map[string]string, body []byte) {
	salt := "this salt is 32 bytes of letters"
	if suite == "chunked1" {
		salt = salt[:24]
		commitment, chunk := refChunked(t, true, cek, salt, "\x00", []byte(goldenPlain))
		return map[string]string{}, slices.Concat([]byte(salt), commitment, chunk)
	}
	// A last package: version, cipher, size less 1, and a nonce whose first bit says so.
	head := append([]byte{0x20, 0, byte(len(goldenPlain) - 1), 0}, "\x80 random\x00\x00\x00\x00"...)
	body = refAEAD(t, refDAREKey(t, cek, salt, "\x00", "\x00")).Seal(bytes.Clone(head), head[4:], []byte(goldenPlain), head[:4])
	return map[string]string{"s3seal-salt": b64of([]byte(salt))}, body
}

// brokenObjects are no valid envelopes, by one name each.
func brokenObjects(t testing.TB, w *world) []wireObject {
	var all []wireObject
	for _, c := range []struct{ of, name, value string }{
		{"V1, ECB", "x-amz-wrap-alg", "AES"},
		{"V1, ECB", "x-amz-cek-alg", "AES/CBC/PKCS5Padding"},
		{"V1, ECB", "x-amz-tag-len", "0"},
		{"V1, ECB", "x-amz-key-v2", "same"},
		{"V1, ECB", "x-amz-c", "115"},
		{"V2-GCM, AES/GCM", "x-amz-wrap-alg", "AES"},
		{"V2-GCM, AES/GCM", "x-amz-wrap-alg", "RSA"},
		{"V2-GCM, AES/GCM", "x-amz-wrap-alg", "aes/gcm"},
		{"V2-GCM, AES/GCM", "x-amz-wrap-alg", "02"},
		{"V2-GCM, AES/GCM", "x-amz-cek-alg", "AES/ECB/PKCS5Padding"},
		{"V2-GCM, AES/GCM", "x-amz-cek-alg", "AES/GCM"},
		{"V2-GCM, AES/GCM", "x-amz-cek-alg", "115"},
		{"V2-GCM, AES/GCM", "x-amz-cek-alg", ""},
		{"V2-GCM, AES/GCM", "x-amz-tag-len", "96"},
		{"V2-GCM, AES/GCM", "x-amz-tag-len", "0"},
		{"V2-GCM, AES/GCM", "x-amz-key", "same"},
		{"V2-GCM, AES/GCM", "x-amz-w", "02"},
		{"V2-GCM, kms+context", "x-amz-cek-alg", "AES/CTR/NoPadding"},
		{"V2-GCM, kms+context", "x-amz-matdesc", "{}"},
		{"V2-CBC, kms+context", "x-amz-cek-alg", "AES/CBC/PKCS7Padding"},
		{"V3, AES/GCM", "x-amz-w", "01"},
		{"V3, AES/GCM", "x-amz-w", "11"},
		{"V3, AES/GCM", "x-amz-w", "21"},
		{"V3, AES/GCM", "x-amz-w", "2"},
		{"V3, AES/GCM", "x-amz-w", "AES/GCM"},
		{"V3, AES/GCM", "x-amz-w", ""},
		{"V3, AES/GCM", "x-amz-w", "12"},
		{"V3, AES/GCM", "x-amz-c", "114"},
		{"V3, AES/GCM", "x-amz-c", "116"},
		{"V3, AES/GCM", "x-amz-c", ""},
		{"V3, AES/GCM", "x-amz-wrap-alg", "AES/GCM"},
		{"V3, AES/GCM", "x-amz-cek-alg", "115"},
		{"V3, AES/GCM", "x-amz-key-v2", "same"},
		{"V1, ECB", "s3seal-bound", "1"},
		{"V2-GCM, AES/GCM", "s3seal-suite", "chunked1"},
		{"V3, AES/GCM", "s3seal-suite", "chunked1"},
		{"V3, AES/GCM", "s3seal-key", "same"},
		{"Chunked, AES/GCM", "x-amz-3", "same"},
		{"Chunked, AES/GCM", "x-amz-key-v2", "same"},
		{"Chunked, AES/GCM", "x-amz-c", "115"},
		{"Chunked, AES/GCM", "x-amz-key-v9", "same"},
		{"Chunked, AES/GCM", "x-amz-unencrypted-content-length", "20"},
		{"Chunked, AES/GCM", "s3seal-suite", ""},
		{"Chunked, AES/GCM", "s3seal-suite", "dare2"},
		{"Chunked, AES/GCM", "s3seal-suite", "chunked2"},
		{"Chunked, AES/GCM", "s3seal-wrap", ""},
		{"Chunked, AES/GCM", "s3seal-wrap", "01"},
		{"Chunked, AES/GCM", "s3seal-wrap", "AES/GCM"},
		{"Chunked, AES/GCM", "s3seal-bound", "0"},
		{"Chunked, AES/GCM", "s3seal-empty", "1"},
		{"Chunked, AES/GCM", "s3seal-key-2", "same"},
		{"Chunked, AES/GCM", "s3seal-key-3", "same"},
		{"Chunked, AES/GCM", "s3seal-future", "1"},
		{"Chunked, kms+context", "s3seal-matdesc", `{"aws:x-amz-cek-alg":"115"}`},
		{"Chunked, kms+context", "s3seal-suite", "dare2"},
		{"DARE2, AES/GCM", "s3seal-suite", "chunked1"},
		{"DARE2, AES/GCM", "s3seal-salt", ""},
		{"DARE2, AES/GCM", "s3seal-key-2", "same"},
		{"V3, kms+context", "x-amz-t", "{}"},
		{"V3, kms+context", "x-amz-t", `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`},
	} {
		for _, o := range wireObjects(t, w) {
			if o.name != c.of {
				continue
			}
			o.name = strings.TrimSpace(c.of + " with " + c.name + " " + c.value)
			if c.value == "same" {
				c.value = cmp.Or(o.meta["x-amz-key"], o.meta["x-amz-key-v2"], o.meta["x-amz-3"], o.meta["s3seal-key"])
			}
			o.meta[c.name] = c.value
			all = append(all, o)
		}
	}
	return all
}
