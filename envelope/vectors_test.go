// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

// A vectorObject is an object of a file of vectors.
type vectorObject struct {
	fixture
	required string // by initials
}

// testVectors opens them under every set of options: those that hold what the
// writer's objects need, and no others.
func testVectors(t *testing.T, objects []vectorObject, want int) {
	t.Helper()
	if len(objects) != want {
		t.Errorf("objects: want %d, got %d", want, len(objects))
	}
	for _, v := range objects {
		t.Run(v.name, func(t *testing.T) {
			h := must[*envelope.Header](t)(v.header())
			if got := initials(h.Required()); got != v.required {
				t.Errorf("Required = %q, want %q", got, v.required)
			}
			testAllOptions(t, v.fixture)
		})
	}
}

// TestRubyObjects opens objects with the headers as they were on the wire.
func TestRubyObjects(t *testing.T) {
	var file struct {
		Kek  map[string]string
		RSA  string `json:"rsa_pem_test_only"`
		KMS  string `json:"kms_plaintext_data_key_hex"`
		Objs []struct {
			Name      string
			Plaintext string
			Ops       []struct {
				Op, Key string
				Headers map[string]string `json:"wire_headers"`
				Body    []byte            `json:"body_b64"`
			}
		} `json:"objects"`
	}
	parseJSON(t, readFile(t, "testdata", "formats_ruby_1_117_2_live.json"), &file)
	priv, err := parseRSA([]byte(file.RSA))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]wrap.Unwrapper{
		"rsa": rsaKeys(t, priv),
		"kms": fixedKey{wrap.KMSContext, vectors.DecodeHex(t, file.KMS)},
	}
	for name, kek := range file.Kek {
		keys[name] = aesKeys(t, []byte(kek))
	}
	var objects []vectorObject
	elsewhere := 0
	for _, o := range file.Objs {
		put := o.Ops[len(o.Ops)-1]
		object := object{meta: put.Headers, body: put.Body, plain: []byte(o.Plaintext)}
		if strings.HasSuffix(o.Name, "-instr") {
			object.file = o.Ops[0].Body
			elsewhere++
		}
		required := map[string]string{"v1": "UWC", "v2": "U"}[o.Name[:2]]
		objects = append(objects, vectorObject{fixture{o.Name, object, keys[strings.Split(o.Name, "-")[1]]}, required})
	}
	testVectors(t, objects, 36)
	if elsewhere != 2 {
		t.Errorf("%d objects have an instruction file, want 2", elsewhere)
	}
}

// TestDerivedObjects opens V3 objects made from the documented rules alone,
// whole and with an instruction file.
func TestDerivedObjects(t *testing.T) {
	var ruby struct {
		RSA string `json:"rsa_pem_test_only"`
	}
	parseJSON(t, readFile(t, "testdata", "formats_ruby_1_117_2_live.json"), &ruby)
	priv, err := parseRSA([]byte(ruby.RSA))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Objects []struct {
			Kek       string
			Plaintext string `json:"plaintext_hex"`
			Body      string `json:"body_hex"`
			Metadata  map[string]string
			Split     struct {
				Metadata map[string]string `json:"object_metadata"`
				File     string            `json:"instruction_json"`
			} `json:"instruction_split"`
		}
	}
	parseJSON(t, readFile(t, "testdata", "formats_v3_raw_derived.json"), &file)
	var objects []vectorObject
	for i, o := range file.Objects {
		keys := aesKeys(t, kek)
		if strings.HasPrefix(o.Kek, "rsa") {
			keys = rsaKeys(t, priv)
		}
		whole := object{meta: o.Metadata, body: vectors.DecodeHex(t, o.Body), plain: vectors.DecodeHex(t, o.Plaintext)}
		split := object{meta: o.Split.Metadata, body: whole.body, plain: whole.plain, file: []byte(o.Split.File)}
		objects = append(objects, vectorObject{fixture{fmt.Sprint(i), whole, keys}, ""}, vectorObject{fixture{fmt.Sprint(i, " split"), split, keys}, ""})
		var meta *envelope.MetadataError
		if _, err := envelope.ParseHeader(o.Split.Metadata); !errors.As(err, &meta) || meta.Name != "x-amz-3" {
			t.Errorf("object %d, split: ParseHeader = %v, want a MetadataError about x-amz-3", i, err)
		}
	}
	testVectors(t, objects, 20)
}

// TestGoObjects opens objects of AWS's Go client, whose tests publish what the
// KMS would have answered.
func TestGoObjects(t *testing.T) {
	var file struct {
		Objects []struct {
			Name      string
			Key       []byte `json:"plaintext_data_key_b64"`
			Metadata  map[string]string
			Body      string `json:"body_hex"`
			Plaintext string `json:"plaintext_hex"`
			Expect    string
		}
		Encrypt struct {
			Key   []byte `json:"plaintext_data_key_b64"`
			IV    string `json:"iv_hex"`
			Cases []struct {
				Plaintext string `json:"plaintext_hex"`
				Body      string `json:"body_hex"`
			}
		}
	}
	parseJSON(t, vectors.Read(t, "formats_go_v4_objects.json"), &file)
	var good []vectorObject
	for _, o := range file.Objects {
		v := object{meta: o.Metadata, body: vectors.DecodeHex(t, o.Body), plain: vectors.DecodeHex(t, o.Plaintext)}
		if strings.HasPrefix(o.Expect, "ok") {
			required := map[string]string{"12": "", "kms+context": "U", "kms": "UW"}[o.Metadata["x-amz-w"]+o.Metadata["x-amz-wrap-alg"]]
			if strings.Contains(o.Metadata["x-amz-cek-alg"], "CBC") {
				required += "C"
			}
			good = append(good, vectorObject{fixture{o.Name, v, fixedKey{cek: o.Key}}, required})
			continue
		}
		opts := everything()
		got, err := v.open(t.Context(), fixedKey{cek: o.Key}, &opts)
		meta := new(envelope.MetadataError)
		if bad := errors.As(err, &meta) && meta.Name == "x-amz-d"; bad != strings.Contains(o.Expect, "base64") || !bad && err != envelope.ErrDecrypt || len(got) != 0 {
			t.Errorf("%s: open = %x, %v; want: %s", o.Name, got, err, o.Expect)
		}
	}
	for i, c := range file.Encrypt.Cases {
		meta := map[string]string{"x-amz-key-v2": b64(40), "x-amz-iv": b64of(vectors.DecodeHex(t, file.Encrypt.IV)), "x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-wrap-alg": "AES/GCM"}
		v := object{meta: meta, body: vectors.DecodeHex(t, c.Body), plain: vectors.DecodeHex(t, c.Plaintext)}
		good = append(good, vectorObject{fixture{fmt.Sprint("encrypted ", i), v, fixedKey{cek: file.Encrypt.Key}}, "U"})
	}
	if len(file.Objects) != 7 {
		t.Errorf("objects: want 7, got %d", len(file.Objects))
	}
	testVectors(t, good, 6)
}

// TestCommitVectors opens what the key derivation of V3 is published with. One
// content is from a draft, and must not open.
func TestCommitVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Key     string `json:"data_key"`
			ID      string `json:"message_id"`
			Content string `json:"encryption_key"`
			Commit  string `json:"commitment"`

			Plaintext, Ciphertext, Tag, Note string
		}
	}
	parseJSON(t, vectors.Read(t, "formats_hkdf_commit.json"), &file)
	opened := 0
	for i, v := range file.Vectors {
		body := vectors.DecodeHex(t, v.Ciphertext+v.Tag)
		if len(body) == 0 { // only the keys are published
			aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(vectors.DecodeHex(t, v.Content)))))
			body = aead.Seal(nil, bytes.Repeat([]byte{1}, 12), nil, []byte{0, 0x73})
		}
		meta := map[string]string{"x-amz-3": b64(40), "x-amz-c": "115", "x-amz-w": "02", "x-amz-d": b64of(vectors.DecodeHex(t, v.Commit)), "x-amz-i": b64of(vectors.DecodeHex(t, v.ID))}
		o := object{meta: meta, body: body}
		got, err := o.open(t.Context(), fixedKey{cek: vectors.DecodeHex(t, v.Key)}, nil)
		negative := strings.HasPrefix(v.Note, "NEGATIVE")
		if negative && (err != envelope.ErrDecrypt || len(got) > 0) || !negative && (err != nil || !bytes.Equal(got, vectors.DecodeHex(t, v.Plaintext))) {
			t.Errorf("vector %d: open = %x, %v; want %s, negative: %t", i, got, err, v.Plaintext, negative)
		}
		if err == nil {
			opened++
		}
		o.meta["x-amz-d"] = b64(28)
		if got, err := o.open(t.Context(), fixedKey{cek: vectors.DecodeHex(t, v.Key)}, nil); err != envelope.ErrDecrypt || len(got) > 0 {
			t.Errorf("vector %d with another commitment: open = %x, %v; want ErrDecrypt", i, got, err)
		}
	}
	if len(file.Vectors) != 4 || opened != 3 {
		t.Errorf("%d vectors, %d opened; want 4 and 3", len(file.Vectors), opened)
	}
}

// TestContentVectors opens the published vectors of the content ciphers as
// objects of format V2.
func TestContentVectors(t *testing.T) {
	type vector struct {
		Key, IV, AAD, PT, CT, Tag string
		Plaintext                 string `json:"plaintext_hex"`
		Ciphertext                string `json:"ciphertext_hex"`
		Padding                   string
	}
	var gcm struct {
		AAD  []vector `json:"aad_kat"`
		NIST []vector `json:"nist"`
	}
	var cbc struct{ Vectors []vector }
	parseJSON(t, vectors.Read(t, "formats_aes_gcm_kat.json"), &gcm)
	parseJSON(t, vectors.Read(t, "formats_aes_cbc_kat.json"), &cbc)
	open := func(alg string, v vector, body []byte, plain string) {
		t.Helper()
		meta := map[string]string{"x-amz-key-v2": b64(40), "x-amz-iv": b64of(vectors.DecodeHex(t, v.IV)), "x-amz-cek-alg": alg, "x-amz-wrap-alg": "AESWrap"}
		opts := everything()
		opts.ContentAAD = vectors.DecodeHex(t, v.AAD)
		got, err := object{meta: meta, body: body}.open(t.Context(), fixedKey{cek: vectors.DecodeHex(t, v.Key)}, &opts)
		if err != nil || !bytes.Equal(got, vectors.DecodeHex(t, plain)) {
			t.Errorf("key %s, IV %s: open = %x, %v; want %s", v.Key, v.IV, got, err, plain)
		}
	}
	for _, v := range slices.Concat(gcm.AAD, gcm.NIST) {
		open("AES/GCM/NoPadding", v, vectors.DecodeHex(t, v.CT+v.Tag), v.PT)
	}
	for _, v := range cbc.Vectors {
		body := vectors.DecodeHex(t, v.Ciphertext)
		if v.Padding == "none" { // the format would have added a block
			last := bytes.Repeat([]byte{16}, 16)
			block := must[cipher.Block](t)(aes.NewCipher(vectors.DecodeHex(t, v.Key)))
			cipher.NewCBCEncrypter(block, body[len(body)-16:]).CryptBlocks(last, last)
			body = append(body, last...)
		}
		open("AES/CBC/PKCS5Padding", v, body, v.Plaintext)
	}
	if len(gcm.AAD) != 6 || len(gcm.NIST) != 4 || len(cbc.Vectors) != 53 {
		t.Errorf("%d, %d and %d vectors; want 6, 4 and 53", len(gcm.AAD), len(gcm.NIST), len(cbc.Vectors))
	}
}

// TestJavaRanges reads the ranges that another client would ask for. What it
// fetches holds what we fetch. With GCM both begin the counter at the same
// place, and with CBC at the same block, the one before the range.
func TestJavaRanges(t *testing.T) {
	for _, p := range []pair{{envelope.V3, wrap.AESGCM}, {envelope.V2CBC, wrap.AESKW}} {
		t.Run(p.suite.String(), func(t *testing.T) { testJavaRanges(t, p) })
	}
}

func testJavaRanges(t *testing.T, p pair) {
	var file struct {
		Rows []struct {
			Asked, Sent string
			Skip        int64
			Block       int64 `json:"ctr_block_offset"`
			Counter     int64 `json:"first_counter32"`
		}
	}
	parseJSON(t, readFile(t, "testdata", "formats_java_range.json"), &file)
	o := sealObject(t, p.key(t), p.options(), pattern(150))
	opener, size := openerOf(t, o, aesKeys(t, kek), nil), int64(len(o.body))
	read := 0
	for _, row := range file.Rows {
		off, end, sentOff, sentEnd := int64(-1), int64(149), int64(-1), int64(1<<62)
		fmt.Sscanf(row.Asked, "bytes=%d-%d", &off, &end)
		fmt.Sscanf(row.Sent, "bytes=%d-%d", &sentOff, &sentEnd)
		end = min(end, 149)
		if sentOff < 0 { // last before first: that client asks for everything
			continue
		}
		read++
		first := sentOff
		if p.suite == envelope.V3 {
			first = row.Block*16 + row.Skip - row.Skip%16
		}
		coff, cn, err := opener.CiphertextRange(off, end+1-off, size)
		if err != nil || coff < sentOff || coff+cn-1 > sentEnd || coff != first || row.Counter != 2+row.Block {
			t.Errorf("%s: CiphertextRange = %d, %d, %v; want it inside of %s", row.Asked, coff, cn, err, row.Sent)
			continue
		}
		r := must[io.ReadCloser](t)(opener.RangeReader(bytes.NewReader(o.body[coff:coff+cn]), off, end+1-off, size))
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, o.plain[off:end+1]) {
			t.Errorf("%s: read %x, %v; want %x", row.Asked, got, err, o.plain[off:end+1])
		}
	}
	if len(file.Rows) != 16 || read != 15 {
		t.Errorf("%d rows, %d read; want 16 and 15", len(file.Rows), read)
	}
}
