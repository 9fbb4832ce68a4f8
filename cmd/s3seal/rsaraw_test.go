// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap"
)

// rawRSAObject is an object of format V1 whose CEK is wrapped by the key
// rsa:FILE without padding, as a number.
func rawRSAObject(t *testing.T, key string, cek, plain []byte) (body []byte, meta map[string]string) {
	t.Helper()
	priv, _, err := parseRSAKey(readFile(t, strings.TrimPrefix(key, "rsa:")))
	if err != nil {
		t.Fatal(err)
	}
	c := new(big.Int).Exp(new(big.Int).SetBytes(cek), big.NewInt(int64(priv.E)), priv.N)
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	iv := pattern(aes.BlockSize)
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	body = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	return body, map[string]string{
		"x-amz-key": base64.StdEncoding.EncodeToString(c.FillBytes(make([]byte, priv.Size()))),
		"x-amz-iv":  base64.StdEncoding.EncodeToString(iv), "x-amz-matdesc": "{}",
	}
}

// readers returns what reads the object from storage and from files.
func readers(t *testing.T, body []byte, meta map[string]string) map[string]func(flags ...string) result {
	t.Helper()
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", body, meta)
	data, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, t.TempDir(), "m.json", data)
	return map[string]func(flags ...string) result{
		"cat": func(flags ...string) result {
			return cli(t, nil, append([]string{"cat", "dir:" + root + "//x"}, flags...)...)
		},
		"open": func(flags ...string) result {
			return cli(t, bytes.NewReader(body), append([]string{"open", "--metadata", file}, flags...)...)
		},
		"get": func(flags ...string) result {
			return cli(t, nil, append([]string{"get", "dir:" + root + "//x", "-"}, flags...)...)
		},
	}
}

// TestRawRSA: objects that were wrapped without padding open by a key that says
// so, and by no other.
func TestRawRSA(t *testing.T) {
	ks := newKeySet(t)
	rawKey := "insecure-rsa-raw:" + strings.TrimPrefix(ks.rsa, "rsa:")
	cek := bytes.Repeat([]byte{9}, 32)
	cek[0] = 0 // a number has no leading zeros
	want := pattern(4101)
	body, meta := rawRSAObject(t, ks.rsa, cek, want)
	for how, read := range readers(t, body, meta) {
		if r := read("-k", rawKey, "--legacy").want(t, exitOK); r.out != string(want) {
			t.Errorf("%s wrote %d bytes, want %d", how, len(r.out), len(want))
		}
		if r := read("-k", rawKey).want(t, exitPolicy, "--accept legacy"); r.out != "" {
			t.Errorf("%s wrote %d bytes", how, len(r.out))
		}
		// CBC has no tag: a wrong content key shows in the padding, mostly.
		if r := read("-k", ks.rsa, "--legacy"); strings.Contains(r.out, string(want)) {
			t.Errorf("%s: %s opens it", how, ks.rsa)
		}
		read("-k", ks.aes, "--legacy").want(t, exitDecrypt)
		read("-k", rawKey, "-k", ks.rsa, "--legacy").want(t, exitDecrypt, "say which")
		if r := read("-k", rawKey, "-k", ks.rsa+"#kid=other", "-k", ks.aes, "--legacy"); r.code == exitOK && r.out != string(want) {
			t.Errorf("%s wrote something else", how)
		}
	}
}

// TestRawRSAOnlyThat: the key is for nothing else.
func TestRawRSAOnlyThat(t *testing.T) {
	ks := newKeySet(t)
	rawKey := "insecure-rsa-raw:" + strings.TrimPrefix(ks.rsa, "rsa:")
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	for _, form := range []string{"v3", "v2", "v2-cbc", "v1"} {
		cli(t, nil, "put", "-k", rawKey, "--format", form, "-", at).want(t, exitUsage, "can only open")
		wantFiles(t, dir)
	}
	cli(t, nil, "cat", "-k", "insecure-rsa-raw:"+strings.TrimPrefix(ks.rsaPub, "rsa:"), at).want(t, exitUsage, "private key")
	for _, form := range []string{"v3", "v2"} { // OAEP
		cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.rsa, "--format", form, "-", at).want(t, exitOK)
		cli(t, nil, "cat", "-k", rawKey, "--legacy", at).want(t, exitDecrypt, "none of the keys fits")
	}
	cli(t, nil, "get", "-k", rawKey, at, strings.TrimPrefix(ks.rsa, "rsa:")).want(t, exitUsage, "the file of the key")
}

// TestContentAAD: objects that are bound to additional data open with it, and
// with nothing else; objects that cannot be are refused.
func TestContentAAD(t *testing.T) {
	ks := newKeySet(t)
	kek, err := parseAESKey(readFile(t, strings.TrimPrefix(ks.aes, "aes:")), keyAES)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	cek := pattern(32)
	wrapped, err := key.Wrap(t.Context(), cek, wrap.Info{ContentAlg: contentGCM})
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	want := pattern(4101)
	body := aead.Seal(nil, pattern(12), want, []byte("invoice 17"))
	meta := map[string]string{
		"x-amz-key-v2": base64.StdEncoding.EncodeToString(wrapped), "x-amz-iv": base64.StdEncoding.EncodeToString(pattern(12)),
		"x-amz-cek-alg": contentGCM, "x-amz-wrap-alg": "AES/GCM", "x-amz-matdesc": "{}", "x-amz-tag-len": "128",
	}
	for how, read := range readers(t, body, meta) {
		if r := read("-k", ks.aes, "--accept", "v2", flagContentAAD, "invoice 17").want(t, exitOK); r.out != string(want) {
			t.Errorf("%s wrote %d bytes, want %d", how, len(r.out), len(want))
		}
		read("-k", ks.aes, flagContentAAD, "invoice 17").want(t, exitPolicy, "--accept v2")
		for _, flags := range [][]string{{}, {flagContentAAD, ""}, {flagContentAAD, "invoice 18"}, {flagContentAAD, "invoice 17 "}} {
			r := read(append([]string{"-k", ks.aes, "--accept", "v2"}, flags...)...).want(t, exitDecrypt)
			if r.out != "" {
				t.Errorf("%s %q wrote %d bytes", how, flags, len(r.out))
			}
		}
	}
	for _, w := range []way{{format: "v3"}, {format: "v2-cbc"}, {format: "v1"}} {
		at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
		cli(t, bytes.NewReader(want), append([]string{"put", "-k", ks.aes, "-", at}, w.flags()...)...).want(t, exitOK)
		r := cli(t, nil, "cat", "-k", ks.aes, "--legacy", flagContentAAD, "invoice 17", at).want(t, exitPolicy, "leave out "+flagContentAAD)
		if r.out != "" {
			t.Errorf("%s: cat wrote %d bytes", w.format, len(r.out))
		}
	}
}
