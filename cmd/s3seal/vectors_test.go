// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sharedVectors reads a file of vectors that are not part of this repository.
// A fresh clone does not have them and skips, visibly.
func sharedVectors(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vectors", name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("S3SEAL_REQUIRE_SHARED") != "1" {
		t.Skipf("vectors beside the checkout are not there: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ownVectors reads a file of vectors into v.
func ownVectors(t *testing.T, name string, v any) {
	t.Helper()
	parseVectors(t, readFile(t, filepath.Join("..", "..", "envelope", "testdata", name)), v)
}

func parseVectors(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// hexOf is a byte string of a JSON file.
type hexOf []byte

func (h *hexOf) UnmarshalText(s []byte) (err error) {
	*h, err = hex.DecodeString(string(s))
	return err
}

// A vector is an object that open reads at its level and above, as plain; or,
// if it is not one that opens, with the exit code fails and no output.
type vector struct {
	name, level, key string
	meta             map[string]string
	file             []byte // the instruction file, if there is one
	body             []byte
	plain            string
	fails            int
}

// A replayingKMS answers Decrypt with what the KMS of the vectors has answered,
// by the blob. It wants our key ID.
type replayingKMS struct {
	cek   map[string][]byte
	calls int
}

const replayedKey = "the-key-of-ours"

func (k *replayingKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.calls++
	var req struct {
		KeyID          string `json:"KeyId"`
		CiphertextBlob []byte
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	err := json.NewDecoder(r.Body).Decode(&req)
	cek := k.cek[string(req.CiphertextBlob)]
	if err != nil || req.KeyID != replayedKey || cek == nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"InvalidCiphertextException"}`)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"KeyId": replayedKey, "Plaintext": cek})
}

// replayKMS serves the content keys of vectors.
func replayKMS(t *testing.T) *replayingKMS {
	t.Helper()
	k := &replayingKMS{cek: make(map[string][]byte)}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	pointToKMS(t, server.URL)
	return k
}

// check opens v at every level: below its own it is refused, unseen by the KMS.
func (v vector) check(t *testing.T, kms *replayingKMS) {
	t.Helper()
	dir := t.TempDir()
	meta, err := json.Marshal(v.meta)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"open", "-k", v.key, "--metadata", writeFile(t, dir, "m.json", meta)}
	if v.file != nil {
		args = append(args, "--instruction", writeFile(t, dir, "x.instruction", v.file))
	}
	levels := []string{acceptV3, acceptV2, acceptLegacy}
	for i, level := range levels {
		kms.calls = 0
		r := cli(t, bytes.NewReader(v.body), append(args, "--accept", level, flagCTR, flagPlaintext)...)
		if i >= slices.Index(levels, v.level) {
			if r.want(t, v.fails); r.out != v.plain {
				t.Errorf("--accept %s: %d bytes, want %d", level, len(r.out), len(v.plain))
			}
			continue
		}
		if r.want(t, exitPolicy, "--accept "+v.level); r.out != "" || kms.calls != 0 {
			t.Errorf("--accept %s: %d bytes, %d calls of the KMS; want none", level, len(r.out), kms.calls)
		}
	}
}

func checkVectors(t *testing.T, kms *replayingKMS, vectors []vector, want int) {
	t.Helper()
	if len(vectors) != want {
		t.Errorf("vectors: got %d, want %d", len(vectors), want)
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) { v.check(t, kms) })
	}
}

// The Ruby vectors come with the keys of others as well.
type rubyVectors struct {
	KEK     map[string]string
	RSA     string `json:"rsa_pem_test_only"`
	KMS     hexOf  `json:"kms_plaintext_data_key_hex"`
	Objects []struct {
		Name, Plaintext string
		Ops             []struct {
			Headers map[string]string `json:"wire_headers"`
			Body    []byte            `json:"body_b64"`
		}
	}
}

// keys writes the keys to files and returns the KEY arguments.
func (f *rubyVectors) keys(t *testing.T) map[string]string {
	t.Helper()
	ownVectors(t, "formats_ruby_1_117_2_live.json", f)
	dir := t.TempDir()
	keys := map[string]string{"rsa": "rsa:" + writeFile(t, dir, "rsa.pem", []byte(f.RSA)), "kms": "kms:" + replayedKey}
	for name, kek := range f.KEK {
		keys[name] = "aes-raw:" + writeFile(t, dir, name, []byte(kek))
	}
	return keys
}

// TestVectorsRuby opens objects of AWS's Ruby clients as they were on the wire.
func TestVectorsRuby(t *testing.T) {
	var file rubyVectors
	keys, kms := file.keys(t), replayKMS(t)
	var all []vector
	for _, o := range file.Objects {
		put := o.Ops[len(o.Ops)-1]
		v := vector{name: o.Name, meta: put.Headers, body: put.Body, plain: o.Plaintext}
		v.key = keys[strings.Split(o.Name, "-")[1]]
		v.level = map[string]string{"v1": acceptLegacy, "v2": acceptV2}[o.Name[:2]]
		if strings.HasSuffix(o.Name, "-instr") {
			v.file = o.Ops[0].Body
		}
		kms.replay(t, v.meta, file.KMS)
		all = append(all, v)
	}
	checkVectors(t, kms, all, 36)
}

// replay adds the answer for the wrapped key of an object.
func (k *replayingKMS) replay(t *testing.T, meta map[string]string, cek []byte) {
	t.Helper()
	wrapped := cmp.Or(meta["x-amz-3"], meta["x-amz-key-v2"], meta["x-amz-meta-x-amz-key-v2"])
	var blob []byte
	parseVectors(t, []byte(`"`+wrapped+`"`), &blob)
	k.cek[string(blob)] = cek
}

// TestVectorsDerived opens V3 objects made from the documented rules alone,
// whole and with an instruction file.
func TestVectorsDerived(t *testing.T) {
	var ruby rubyVectors
	keys := ruby.keys(t)
	var file struct {
		Objects []struct {
			KEK      string
			Plain    hexOf `json:"plaintext_hex"`
			Body     hexOf `json:"body_hex"`
			Metadata map[string]string
			Split    struct {
				Metadata map[string]string `json:"object_metadata"`
				File     string            `json:"instruction_json"`
			} `json:"instruction_split"`
		}
	}
	ownVectors(t, "formats_v3_raw_derived.json", &file)
	var all []vector
	for i, o := range file.Objects {
		v := vector{name: fmt.Sprint(i), level: acceptV3, key: keys["aes256"], meta: o.Metadata, body: o.Body, plain: string(o.Plain)}
		if strings.HasPrefix(o.KEK, "rsa") {
			v.key = keys["rsa"]
		}
		all = append(all, v)
		v.name, v.meta, v.file = v.name+" split", o.Split.Metadata, []byte(o.Split.File)
		all = append(all, v)
	}
	checkVectors(t, replayKMS(t), all, 20)
}

// TestVectorsGo opens objects of AWS's Go client, with a KMS that answers as
// theirs did.
func TestVectorsGo(t *testing.T) {
	var file struct {
		Objects []struct {
			Name, Expect string
			Key          []byte `json:"plaintext_data_key_b64"`
			Metadata     map[string]string
			Body         hexOf `json:"body_hex"`
			Plain        hexOf `json:"plaintext_hex"`
		}
	}
	parseVectors(t, sharedVectors(t, "formats_go_v4_objects.json"), &file)
	kms := replayKMS(t)
	var all []vector
	for _, o := range file.Objects {
		v := vector{name: o.Name, level: acceptV3, key: "kms:" + replayedKey, meta: o.Metadata, body: o.Body, plain: string(o.Plain)}
		switch {
		case o.Metadata["x-amz-wrap-alg"] == "kms":
			v.level = acceptLegacy
		case o.Metadata["x-amz-key-v2"] != "":
			v.level = acceptV2
		}
		if !strings.HasPrefix(o.Expect, "ok") {
			v.fails, v.plain = exitDecrypt, ""
		}
		kms.replay(t, v.meta, o.Key)
		all = append(all, v)
	}
	checkVectors(t, kms, all, 7)
}

// TestVectorsCommit opens the content that the key derivation of V3 is
// published with; one is of a draft, and does not open.
func TestVectorsCommit(t *testing.T) {
	var file struct {
		Vectors []struct {
			Key    hexOf `json:"data_key"`
			ID     hexOf `json:"message_id"`
			Commit hexOf `json:"commitment"`
			Note   string

			Plaintext, Ciphertext, Tag hexOf
		}
	}
	parseVectors(t, sharedVectors(t, "formats_hkdf_commit.json"), &file)
	kms := replayKMS(t)
	var all []vector
	for i, f := range file.Vectors {
		if len(f.Tag) == 0 {
			continue // no content
		}
		v := vector{name: fmt.Sprint(i), level: acceptV3, key: "kms:" + replayedKey, body: slices.Concat(f.Ciphertext, f.Tag), plain: string(f.Plaintext)}
		v.meta = map[string]string{"x-amz-c": "115", "x-amz-w": "12", "x-amz-t": `{"aws:x-amz-cek-alg":"115"}`}
		for name, value := range map[string][]byte{"x-amz-3": f.ID, "x-amz-i": f.ID, "x-amz-d": f.Commit} {
			text, _ := json.Marshal(value) // base64 in quotes
			v.meta[name] = strings.Trim(string(text), `"`)
		}
		if strings.HasPrefix(f.Note, "NEGATIVE") {
			v.fails, v.plain = exitDecrypt, ""
		}
		kms.replay(t, v.meta, f.Key)
		all = append(all, v)
	}
	checkVectors(t, kms, all, 2)
}

// TestVectorsSES: a mail stored by Amazon SES, of which no body is published,
// is refused below its level; at that level the KMS is asked.
func TestVectorsSES(t *testing.T) {
	var file struct{ Metadata map[string]string }
	parseVectors(t, sharedVectors(t, "formats_ses_metadata.json"), &file)
	file.Metadata["x-amz-key-v2"] = strings.Repeat("AAAA", 61) + "AA==" // not published
	kms := replayKMS(t)
	v := vector{level: acceptLegacy, key: "kms:" + replayedKey, meta: file.Metadata, body: make([]byte, 3946+16), fails: exitDecrypt}
	v.check(t, kms)
	if kms.calls != 1 {
		t.Errorf("%d calls of the KMS at the level that is needed, want 1", kms.calls)
	}
}
