// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// draw returns bytes that follow from what they are for.
func draw(what string, n int) (b []byte) {
	for i := 0; len(b) < n; i++ {
		sum := sha512.Sum512(fmt.Appendf(nil, "s3seal testkit\x00%s\x00%d", what, i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

// plaintext is that of the fixtures, too.
func plaintext(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// rsaAlgorithms are those of RSA keys.
var rsaAlgorithms = []string{RSAOAEPSHA1, RSAOAEPSHA256, RSAPKCS1}

// A kit holds the keys of all objects.
type kit struct {
	aes, kms []byte
	priv     *rsa.PrivateKey
	der      []byte
}

func newKit(priv *rsa.PrivateKey) *kit {
	return &kit{draw("AES key", 32), draw("KMS key", 32), priv, must(x509.MarshalPKCS8PrivateKey(priv))}
}

// key returns the key of the reader for these algorithms, which are of one kind.
func (k *kit) key(algs ...string) Key {
	switch {
	case slices.Contains(rsaAlgorithms, algs[0]):
		return Key{algs, k.der}
	case algs[0] == KMSContext || algs[0] == KMSPlain:
		return Key{algs, k.kms}
	}
	return Key{algs, k.aes}
}

// A recipe says how an object is made.
type recipe struct {
	suite   string
	wrap    string // the algorithm; of V1 and unnamed ones, too
	unnamed bool   // metadata does not say which
	n       int    // bytes of plaintext
	cek     int    // bytes, 32 if 0
	desc    map[string]string
	bind    *Place
	aad     string // of V2-GCM content
	alg     string // the text in x-amz-cek-alg, if not the usual one
	file    bool   // the envelope is in an instruction file
	more    []string

	plain    []byte // instead of n
	unpadded bool   // CBC of whole blocks, which end as they will
	cekOf    string // the name of the object whose CEK it has
}

// wireWraps are the texts of x-amz-wrap-alg.
var wireWraps = map[string]string{
	AESGCM: "AES/GCM", AESKW: "AESWrap", RSAOAEPSHA1: "RSA-OAEP-SHA1",
	RSAOAEPSHA256: "RSA/ECB/OAEPWithSHA-256AndMGF1Padding", KMSPlain: "kms", KMSContext: "kms+context",
}

// wireAlgs are the texts to which wraps bind a CEK.
var wireAlgs = map[string]string{
	V1: "AES/CBC/PKCS5Padding", V2CBC: "AES/CBC/PKCS5Padding", V2GCM: "AES/GCM/NoPadding",
	V2CTR: "AES/CTR/NoPadding", V3: "115", Chunked: "S3SEAL/CHUNKED1", DARE2: "S3SEAL/DARE2",
}

// A made is an object, and what it was made with.
type made struct {
	*Case
	kit              *kit
	recipe           recipe
	cek, key, iv     []byte // key and iv are those of the content
	plain            []byte
	bound            string // the text to which the wrap binds the CEK
	rejectedByTheKey bool
}

// make returns an object that opens.
func (k *kit) make(name string, r recipe) *made {
	m := &made{Case: &Case{Name: name, Expect: Success, Suite: r.suite, Bind: r.bind, ContentAAD: []byte(r.aad)}, kit: k, recipe: r}
	m.plain, m.cek = plaintext(r.n), draw(cmp.Or(r.cekOf, name)+"/CEK", cmp.Or(r.cek, 32))
	if r.plain != nil {
		m.plain = r.plain
	}
	m.bound = cmp.Or(r.alg, wireAlgs[r.suite])
	m.Released, m.Keys = m.plain, []Key{k.key(r.wrap)}
	m.content()
	m.envelope()
	m.allowWhatItNeeds()
	if r.file {
		m.toFile()
	}
	return m
}

// draw returns bytes for this object.
func (m *made) draw(what string, n int) []byte { return draw(m.Name+"/"+what, n) }

// content makes the body, and what metadata says about it.
func (m *made) content() {
	m.key, m.Authenticated = m.cek, true
	switch m.Suite {
	case V1, V2CBC:
		m.iv, m.Authenticated = m.draw("IV", 16), false
		padded := pad(m.plain)
		if m.recipe.unpadded {
			padded = m.plain[:len(m.plain)-len(m.plain)%16]
		}
		m.Body = cbcBlocks(m.key, m.iv, padded)
	case V2CTR:
		m.iv, m.Authenticated = m.draw("IV", 16), false
		m.Body = ctr(m.key, m.iv, m.plain)
	case V2GCM:
		m.iv = m.draw("IV", 12)
		m.Body = gcm(m.key).Seal(nil, m.iv, m.plain, m.ContentAAD)
	case V3:
		m.sealV3(m.draw("message id", 28))
	case Chunked:
		m.Body = ChunkedSeal(m.cek, m.draw("salt", 24), placeContext(m.Bind), m.plain)
	case DARE2:
		m.sealDARE()
	}
}

func (m *made) sealV3(id []byte) {
	key, commitment := v3Keys(m.cek, id)
	m.key, m.iv = key, commitIV
	m.Set("x-amz-i", encode(id))
	m.Set("x-amz-d", encode(commitment))
	m.Set("x-amz-c", "115")
	m.Body = gcm(key).Seal(nil, commitIV, m.plain, commitAAD)
}

func (m *made) sealDARE() {
	salt := m.draw("salt", 32)
	if len(m.plain) == 0 {
		salt = dareKey(m.cek, nil, 1, placeContext(m.Bind))
		m.Set("s3seal-empty", "1")
	}
	m.key = dareKey(m.cek, salt, 0, placeContext(m.Bind))
	m.Body = DARESeal(m.key, m.draw("nonce", 8), m.plain)
	m.Set("s3seal-salt", encode(salt))
}

// envelope makes the rest of the metadata.
func (m *made) envelope() {
	r := m.recipe
	desc := maps.Clone(r.desc)
	if desc == nil {
		desc = map[string]string{}
	}
	if r.wrap == KMSContext {
		desc["aws:x-amz-cek-alg"] = m.bound
	}
	w := m.wrapCEK(r.wrap, m.cek, m.bound, desc)
	switch m.Suite {
	case V1:
		m.metadata("x-amz-key", encode(w), "x-amz-iv", encode(m.iv), "x-amz-matdesc", text(desc))
	case V2CBC, V2GCM, V2CTR:
		m.metadata("x-amz-key-v2", encode(w), "x-amz-iv", encode(m.iv), "x-amz-matdesc", text(desc),
			"x-amz-cek-alg", m.bound, "x-amz-wrap-alg", wireWraps[r.wrap])
		if m.Suite == V2GCM {
			m.Set("x-amz-tag-len", "128")
		}
		if r.unnamed {
			m.Remove("x-amz-wrap-alg")
		}
	case V3:
		name := map[bool]string{true: "x-amz-t", false: "x-amz-m"}[r.wrap == KMSContext]
		m.metadata("x-amz-3", encode(w), "x-amz-w", code(r.wrap), name, text(desc))
	default:
		m.own(w, desc)
	}
}

// own makes the metadata of s3seal's own formats.
func (m *made) own(w []byte, desc map[string]string) {
	wire := map[string]string{Chunked: "chunked1", DARE2: "dare2"}[m.Suite]
	m.metadata("s3seal-suite", wire, "s3seal-key", encode(w), "s3seal-wrap", code(m.recipe.wrap), "s3seal-matdesc", text(desc))
	if m.Bind != nil {
		m.Set("s3seal-bound", "1")
	}
	for i, alg := range m.recipe.more {
		suffix := fmt.Sprint("-", i+2)
		desc := map[string]string{}
		if alg == KMSContext {
			desc["aws:x-amz-cek-alg"] = m.bound
		}
		m.metadata("s3seal-key"+suffix, encode(m.wrapCEK(alg, m.cek, m.bound, desc)), "s3seal-wrap"+suffix, code(alg), "s3seal-matdesc"+suffix, text(desc))
	}
}

func code(alg string) string {
	for code, a := range wrapCodes {
		if a == alg {
			return code
		}
	}
	return ""
}

// metadata sets pairs of names and values.
func (m *made) metadata(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		m.Set(pairs[i], pairs[i+1])
	}
}

// wrapCEK wraps as alg says.
func (m *made) wrapCEK(alg string, cek []byte, bound string, desc map[string]string) []byte {
	k, nonce := m.kit, m.draw("wrap", 12)
	switch alg {
	case AESGCM:
		return gcmWrap(k.aes, nonce, cek, []byte(bound))
	case KMSContext, KMSPlain:
		return gcmWrap(k.kms, nonce, cek, kmsAAD(desc))
	case AESKW:
		return KeyWrap(k.aes, kwIV, cek)
	case AESECB:
		return ecb(k.aes, pad(cek))
	case RSAOAEPSHA1:
		return oaepSHA1.encrypt(&k.priv.PublicKey, m.draw("seed", 20), payload(cek, bound))
	case RSAOAEPSHA256:
		return oaepJava.encrypt(&k.priv.PublicKey, m.draw("seed", 32), cek)
	}
	return pkcs1(&k.priv.PublicKey, cek)
}

// payload is that of RSA-OAEP-SHA1.
func payload(cek []byte, bound string) []byte {
	return slices.Concat([]byte{byte(len(cek))}, cek, []byte(bound))
}

// allowWhatItNeeds is the smallest set of options.
func (m *made) allowWhatItNeeds() {
	alg := m.recipe.wrap
	if m.Suite != V3 && m.Suite != Chunked {
		m.Allow = append(m.Allow, Uncommitted)
	}
	if alg != AESGCM && alg != KMSContext && alg != RSAOAEPSHA1 {
		m.Allow = append(m.Allow, LegacyWraps)
	}
	if m.Suite == V1 || m.Suite == V2CBC {
		m.Allow = append(m.Allow, LegacyCBC)
	}
	if m.Suite == V2CTR {
		m.Allow = append(m.Allow, Unauthenticated)
	}
}

// toFile moves the envelope to an instruction file, but what stays.
func (m *made) toFile() {
	values := map[string]string{}
	for _, f := range slices.Clone(m.Metadata) {
		if !slices.Contains(strings.Fields(v3Stays+" "+ownStays), f.Name) {
			values[f.Name] = f.Value
			m.Remove(f.Name)
		}
	}
	m.Instruction = []byte(text(values))
}

// inFile changes one value of the instruction file, or takes it away.
func (m *made) inFile(name, value string) {
	values := map[string]string{}
	if err := json.Unmarshal(m.Instruction, &values); err != nil {
		panic(err)
	}
	if values[name] = value; value == "" {
		delete(values, name)
	}
	m.Instruction = []byte(text(values))
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// decode is for what the kit has encoded itself.
func decode(s string) []byte { return must(base64.StdEncoding.DecodeString(s)) }

// text writes a JSON object with sorted names.
func text(m map[string]string) string { return string(must(json.Marshal(m))) }

// wrappedName is the name of the wrapped key.
func (m *made) wrappedName() string {
	return map[string]string{V1: "x-amz-key", V3: "x-amz-3", Chunked: "s3seal-key", DARE2: "s3seal-key"}[m.Suite] +
		map[bool]string{true: "x-amz-key-v2"}[strings.HasPrefix(m.Suite, "V2")]
}

// rewrap replaces the wrapped key.
func (m *made) rewrap(w []byte) { m.Set(m.wrappedName(), encode(w)) }

// flip flips a bit of the value of a name.
func (m *made) flip(name string, at int) {
	b := decode(m.Get(name))
	b[(at+len(b))%len(b)] ^= 1
	m.Set(name, encode(b))
}

// flipBody flips a bit of the body. Before the end is negative.
func (m *made) flipBody(at int) {
	m.Body = bytes.Clone(m.Body)
	m.Body[(at+len(m.Body))%len(m.Body)] ^= 1
}

// keep says how much of the plaintext may be released before the failure.
func (m *made) keep(n int) { m.Released = m.plain[:n] }

// byTheKey says that the key rejects the object, so that its body is not read.
func (m *made) byTheKey() { m.rejectedByTheKey = true }

// settle fills in what may be released of an object that is not opened, where
// keep has not said it.
func (m *made) settle() {
	if m.Expect == Success {
		return
	}
	m.Authenticated = false
	if m.Expect != Rejected || m.rejectedByTheKey {
		m.Released = nil
		return
	}
	n := len(m.Body)
	switch {
	case m.Range != nil:
	case m.Suite == V2GCM || m.Suite == V3:
		m.Released = gcmCTR(m.key, m.iv, m.Body[:max(0, n-16)])
	case m.Suite == V1 || m.Suite == V2CBC:
		m.Released = cbcOpenBlocks(m.key, m.iv, m.Body[:max(0, n-n%16-16)])
	}
}
