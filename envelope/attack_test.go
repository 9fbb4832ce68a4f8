// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

// The tests of this file are named after the attacks that clients of this kind
// have met. The attacker writes objects and sees whether they open; he has no
// keys.

// refusedByDefault checks that without options an object is refused before any
// key is used.
func refusedByDefault(t *testing.T, o object, u wrap.Unwrapper) {
	t.Helper()
	keys := &counter{Unwrapper: u}
	got, err := o.open(t.Context(), keys, nil)
	if !errors.Is(err, envelope.ErrPolicy) && !isMetadata(err) || keys.calls != 0 || len(got) != 0 {
		t.Errorf("open by default = %d bytes, %v, after %d unwraps; want a refusal", len(got), err, keys.calls)
	}
}

// TestAttackA1PaddingOracle (CVE-2020-8911): CBC content is refused by
// default, and where it is allowed every rejection reads the same.
func TestAttackA1PaddingOracle(t *testing.T) {
	for _, p := range []pair{{envelope.V1, wrap.AESECB}, {envelope.V2CBC, wrap.AESKW}, {envelope.V2CBC, wrap.AESGCM}} {
		o := sealObject(t, p.key(t), p.options(), pattern(37))
		refusedByDefault(t, o, p.key(t))
		opts, texts := everything(), make(map[string]int)
		try := func(c object, u wrap.Unwrapper) {
			if _, err := c.open(t.Context(), u, &opts); err != nil {
				texts[err.Error()]++
			}
		}
		for last := range 256 {
			c := o.clone()
			c.body[len(c.body)-17] = byte(last)
			try(c, p.key(t))
			try(c, aesKeys(t, bytes.Repeat([]byte("o"), 32)))
			c.body = c.body[:len(c.body)-1]
			try(c, p.key(t))
		}
		for _, n := range []int{0, 1, 15, 16, 32} {
			c := o.clone()
			c.body = c.body[:n]
			try(c, p.key(t))
		}
		if len(texts) != 1 || texts[envelope.ErrDecrypt.Error()] < 256 {
			t.Errorf("%v: errors %v, want ErrDecrypt only", p, texts)
		}
	}
}

// forgery relabels a GCM object as CBC so that it opens, as nothing, exactly
// if guess is the plaintext of the given block.
func forgery(t testing.TB, o object, block int, guess []byte) object {
	c := o.clone()
	iv := must[[]byte](t)(decode(o.meta["x-amz-iv"]))
	counter := append(slices.Clone(iv), 0, 0, 0, byte(block+2)) // GCM encrypts from counter 2
	for i := range counter {
		counter[i] ^= 16
	}
	c.body = make([]byte, 16)
	for i := range c.body {
		c.body[i] = o.body[16*block+i] ^ guess[i]
	}
	c.meta["x-amz-iv"], c.meta["x-amz-cek-alg"] = b64of(counter), "AES/CBC/PKCS5Padding"
	return c
}

// TestAttackA2Relabel (CVE-2020-8912): GCM content relabelled as CBC confirms
// guesses of plaintext. The wraps that bind the algorithm stop it even where
// CBC is allowed; by default it is refused unseen.
func TestAttackA2Relabel(t *testing.T) {
	plain := pattern(64)
	for _, alg := range []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext, wrap.AESKW} {
		p := pair{envelope.V2GCM, alg}
		o := sealObject(t, p.key(t), p.options(), plain)
		for _, guess := range [][]byte{plain[16:32], plain[0:16]} {
			c := forgery(t, o, 1, guess)
			if alg == wrap.KMSContext {
				if _, err := envelope.ParseHeader(c.meta); !isMetadata(err) {
					t.Errorf("%v: ParseHeader = %v, want a MetadataError", alg, err)
				}
				c.meta["x-amz-matdesc"] = strings.Replace(c.meta["x-amz-matdesc"], "GCM/NoPadding", "CBC/PKCS5Padding", 1)
			}
			refusedByDefault(t, c, p.key(t))
			opts := everything()
			got, err := c.open(t.Context(), p.key(t), &opts)
			want, right := envelope.ErrDecrypt, bytes.Equal(guess, plain[16:32])
			if alg == wrap.AESKW && right {
				want = nil // what AllowLegacyWraps with AllowLegacyCBC warns of
			}
			// Of wrong guesses one in 256 looks like padding, but never like all of it.
			lucky := alg == wrap.AESKW && !right && err == nil && 0 < len(got) && len(got) < 16
			if !lucky && (err != want || len(got) != 0) {
				t.Errorf("%v: open of a forgery = %x, %v; want %v", alg, got, err, want)
			}
		}
	}
}

// TestAttackA2RelabelCTR: the same with CTR, which would hand out the
// plaintext without its tag.
func TestAttackA2RelabelCTR(t *testing.T) {
	for _, alg := range []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext, wrap.AESKW} {
		p := pair{envelope.V2GCM, alg}
		o := sealObject(t, p.key(t), p.options(), pattern(64))
		c := o.clone()
		c.meta["x-amz-cek-alg"] = "AES/CTR/NoPadding"
		c.meta["x-amz-iv"] = b64of(append(must[[]byte](t)(decode(o.meta["x-amz-iv"])), 0, 0, 0, 2))
		c.meta["x-amz-matdesc"] = strings.Replace(c.meta["x-amz-matdesc"], "GCM", "CTR", 1)
		c.body = c.body[:64]
		refusedByDefault(t, c, p.key(t))
		legacy := everything()
		legacy.AllowUnauthenticatedCTR = false
		if _, err := c.open(t.Context(), p.key(t), &legacy); !errors.Is(err, envelope.ErrPolicy) {
			t.Errorf("%v: open without AllowUnauthenticatedCTR = %v, want ErrPolicy", alg, err)
		}
		opts := everything()
		got, err := c.open(t.Context(), p.key(t), &opts)
		if alg == wrap.AESKW { // what the options warn of
			if err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("%v: open = %x, %v; want the plaintext without its tag", alg, got, err)
			}
		} else if err != envelope.ErrDecrypt || len(got) != 0 {
			t.Errorf("%v: open = %x, %v; want ErrDecrypt", alg, got, err)
		}
	}
}

// TestAttackA5Salamander (CVE-2025-14759 to 14764): one body opens under two
// CEKs. V2 cannot tell, which is what AllowUncommitted says; the commitment of
// V3 can, before the body is read.
func TestAttackA5Salamander(t *testing.T) {
	var v struct {
		CEK1, CEK2, IV, Pt1, Pt2 string
		Body                     string `json:"ct_tag"`
	}
	parseJSON(t, readFile(t, "testdata", "salamander_aes256gcm.json"), &v)
	v2 := &envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: vectors.DecodeHex(t, v.IV)}
	for _, c := range []struct{ cek, plain string }{{v.CEK1, v.Pt1}, {v.CEK2, v.Pt2}} {
		opts := v2.Required()
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), v2, fixedKey{cek: vectors.DecodeHex(t, c.cek)}, &opts))
		r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(vectors.DecodeHex(t, v.Body)), -1))
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, vectors.DecodeHex(t, c.plain)) {
			t.Errorf("V2 under one of the keys = %x, %v; want %s", got, err, c.plain)
		}
	}
	id := bytes.Repeat([]byte{9}, 28)
	prk := must[[]byte](t)(hkdf.Extract(sha512.New, vectors.DecodeHex(t, v.CEK1), id))
	commitment := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73COMMITKEY", 28))
	v3 := &envelope.Header{Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: id, Commitment: commitment}
	for cek, want := range map[string]error{v.CEK1: nil, v.CEK2: envelope.ErrDecrypt} {
		if _, err := envelope.NewOpener(t.Context(), v3, fixedKey{cek: vectors.DecodeHex(t, cek)}, nil); err != want {
			t.Errorf("V3 with CEK %.8s: NewOpener = %v, want %v", cek, err, want)
		}
	}
}

// TestAttackA6Spoofing: of all mixtures of the names that belong to one format
// only, the pure ones are accepted.
func TestAttackA6Spoofing(t *testing.T) {
	values := map[string]string{
		"x-amz-key": b64(60), "x-amz-key-v2": b64(60), "x-amz-cek-alg": "AES/CBC/PKCS5Padding", "x-amz-wrap-alg": "AES/GCM",
		"x-amz-3": b64(60), "x-amz-c": "115", "x-amz-d": b64(28), "x-amz-i": b64(28), "x-amz-w": "02",
	}
	names := slices.Sorted(maps.Keys(values))
	accepted := make(map[string]bool)
	for set := range 1 << len(names) {
		for _, shared := range []map[string]string{{}, {"x-amz-iv": b64(16), "x-amz-matdesc": "{}"}} {
			meta := maps.Clone(shared)
			mix := ""
			for i, name := range names {
				if set>>i&1 == 1 {
					meta[name], mix = values[name], mix+" "+name
				}
			}
			h, err := envelope.ParseHeader(meta)
			if err == nil {
				accepted[h.Suite.String()+mix] = true
			} else if !isMetadata(err) && (err != envelope.ErrNotEncrypted || len(meta) != 0) {
				t.Errorf("%s: ParseHeader = %v, want a MetadataError", mix, err)
			}
		}
	}
	want := map[string]bool{
		"V1 x-amz-key":                                     true,
		"V2-CBC x-amz-key-v2":                              true,
		"V2-CBC x-amz-cek-alg x-amz-key-v2":                true,
		"V2-CBC x-amz-key-v2 x-amz-wrap-alg":               true,
		"V2-CBC x-amz-cek-alg x-amz-key-v2 x-amz-wrap-alg": true,
		"V3 x-amz-3 x-amz-c x-amz-d x-amz-i x-amz-w":       true,
	}
	if !maps.Equal(accepted, want) {
		t.Errorf("accepted %v, want %v", accepted, want)
	}
}

// TestAttackA7Commitment: no alteration of commitment, message id or suite
// code passes, under any policy, and ranges are no way around it.
func TestAttackA7Commitment(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	for _, preset := range []envelope.Preset{envelope.RequireEncryptRequireDecrypt(), envelope.ForbidEncryptAllowDecrypt(), envelope.EncryptionOnly()} {
		for _, name := range []string{"x-amz-d", "x-amz-i"} {
			for bit := range 28 * 8 {
				h := must[*envelope.Header](t)(envelope.ParseHeader(o.flip(t, name, bit).meta))
				if opener, err := envelope.NewOpener(t.Context(), h, p.key(t), &preset.Open); err != envelope.ErrDecrypt || opener != nil {
					t.Errorf("%s, bit %d: NewOpener = %v, want ErrDecrypt before any reader exists", name, bit, err)
				}
			}
			for _, value := range []string{"", b64(0), b64(27), b64(29)} {
				c := o.clone()
				c.meta[name] = value
				if _, err := c.open(t.Context(), p.key(t), &preset.Open); !isMetadata(err) {
					t.Errorf("%s = %q: open = %v, want a MetadataError", name, value, err)
				}
			}
		}
		for _, code := range []string{"", "114", "116", "0115", "115 ", "112", "0x73", "AES/GCM/NoPadding"} {
			c := o.clone()
			c.meta["x-amz-c"] = code
			if _, err := c.open(t.Context(), p.key(t), &preset.Open); !isMetadata(err) {
				t.Errorf("x-amz-c = %q: open = %v, want a MetadataError", code, err)
			}
		}
	}
}

// TestAttackA8WrapDowngrade renames the wrap of every object to every other
// name. Exactly the name it was made with opens it.
func TestAttackA8WrapDowngrade(t *testing.T) {
	names := map[envelope.Suite][]string{
		envelope.V2GCM: {"", "AES/GCM", "AESWrap", "RSA-OAEP-SHA1", "RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "kms", "kms+context", "AES", "RSA"},
		envelope.V3:    {"", "01", "02", "11", "12", "21", "22", "AES/GCM", "kms"},
	}
	field := map[envelope.Suite]string{envelope.V2GCM: "x-amz-wrap-alg", envelope.V3: "x-amz-w"}
	all := wrap.NewKeyring(aesKeys(t, kek), rsaKeys(t, rsaKey(t)), newFakeKMS(t, wrap.KMSContext))
	for _, p := range authenticated() {
		o := sealObject(t, p.key(t), p.options(), pattern(37))
		made := o.meta[field[p.suite]]
		for _, name := range names[p.suite] {
			c := o.clone()
			c.meta[field[p.suite]] = name
			if desc, ok := c.meta["x-amz-t"]; ok && name != made {
				c.meta["x-amz-m"] = desc
			}
			opts := everything()
			got, err := c.open(t.Context(), all, &opts)
			kms := made == "kms+context" && name == "kms" // the KMS checks the same context under both names
			switch {
			case name == made || kms:
				if err != nil || !bytes.Equal(got, o.plain) {
					t.Errorf("%v as made: open = %v", p, err)
				}
			case err == nil || len(got) != 0:
				t.Errorf("%v relabelled to %q opens", p, name)
			}
			if name != made {
				refusedDowngrade(t, c, all, p, name)
			}
		}
	}
}

// refusedDowngrade: V2 objects need options anyway; with the modern ones alone
// no relabelled object opens.
func refusedDowngrade(t *testing.T, c object, u wrap.Unwrapper, p pair, name string) {
	t.Helper()
	if got, err := c.open(t.Context(), u, &envelope.OpenOptions{AllowUncommitted: true}); err == nil || len(got) != 0 {
		t.Errorf("%v relabelled to %q opens under a modern policy", p, name)
	}
}

// TestAttackA9Bleichenbacher: with legacy reading off the RSA key is not used;
// with it on, no two bad wrapped keys can be told apart.
func TestAttackA9Bleichenbacher(t *testing.T) {
	p := pair{envelope.V1, wrap.RSAPKCS1}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	pub := &rsaKey(t).PublicKey
	pkcs1 := func(n int) []byte {
		//lint:ignore SA1019 this is the padding that the attack is about
		return must[[]byte](t)(rsa.EncryptPKCS1v15(rand.Reader, pub, make([]byte, n)))
	}
	random := make([]byte, 256)
	rand.Read(random)
	random[0] = 0 // below the modulus
	wrong := map[string][]byte{
		"zeros": make([]byte, 256), "random": random, "ones": bytes.Repeat([]byte{0xff}, 256), "short": make([]byte, 255), "long": make([]byte, 257),
		"other CEK": pkcs1(32), "31 bytes": pkcs1(31), "33 bytes": pkcs1(33), "no bytes": pkcs1(0), "16 bytes": pkcs1(16),
	}
	opens := 0
	for name, wrapped := range wrong {
		c := o.clone()
		c.meta["x-amz-key"] = b64of(wrapped)
		refusedByDefault(t, c, p.key(t))
		opts := everything()
		got, err := c.open(t.Context(), p.key(t), &opts)
		if err == nil { // bad padding gives some other key, of which one in 256 passes CBC's check
			opens++
		} else if err != envelope.ErrDecrypt {
			t.Errorf("%s: open = %v, want ErrDecrypt", name, err)
		}
		if bytes.Contains(got, o.plain[16:]) {
			t.Errorf("%s: open released plaintext", name)
		}
	}
	if opens > 3 {
		t.Errorf("%d of %d wrong wrapped keys opened", opens, len(wrong))
	}
}

// TestAttackA10Retry: nothing lets a transport encrypt again under a used IV.
func TestAttackA10Retry(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
	must[io.Reader](t)(s.Reader(strings.NewReader("attempt")))
	if r, err := s.Reader(strings.NewReader("again")); err != envelope.ErrUsed || r != nil {
		t.Errorf("second Reader = %v, %v; want ErrUsed", r, err)
	}
}

// TestAttackA11PolicyPerObject: a policy is not remembered from one object to
// the next.
func TestAttackA11PolicyPerObject(t *testing.T) {
	p := pair{envelope.V2GCM, wrap.AESGCM}
	key, o := p.key(t), sealObject(t, p.key(t), p.options(), pattern(3))
	if _, err := o.open(t.Context(), key, &envelope.OpenOptions{AllowUncommitted: true}); err != nil {
		t.Errorf("open = %v", err)
	}
	refusedByDefault(t, o, key)
}
