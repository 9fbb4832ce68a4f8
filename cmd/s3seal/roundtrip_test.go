// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// A way is one of all the ways to write an object.
type way struct {
	format, wrap string
	rsa          bool
	accept       string // the least that reads it
}

// ways returns them all.
func ways() []way {
	return []way{
		{"v3", "", false, "v3"},
		{"v3", "AES/GCM", false, "v3"},
		{"v3", "", true, "v3"},
		{"v3", "RSA-OAEP-SHA1", true, "v3"},
		{"v2", "", false, "v2"},
		{"v2", "AESWrap", false, "legacy"},
		{"v2", "", true, "v2"},
		{"v2-cbc", "", false, "legacy"},
		{"v2-cbc", "AESWrap", false, "legacy"},
		{"v2-cbc", "", true, "legacy"},
		{"v1", "", false, "legacy"},
		{"v1", "", true, "legacy"},
		{"chunked", "", false, "v3"},
		{"chunked", "", true, "v3"},
		{"dare2", "", false, "v2"},
		{"dare2", "", true, "v2"},
	}
}

func (w way) String() string {
	kind := "aes"
	if w.rsa {
		kind = "rsa"
	}
	return fmt.Sprintf("%s %s %s", w.format, kind, w.wrap)
}

// keys returns the KEY to write with, the one to read with, and a wrong one.
func (w way) keys(ks keySet) (write, read, wrong string) {
	if w.rsa {
		return ks.rsaPub, ks.rsa, ks.otherRSA
	}
	return ks.aes, ks.aes, ks.otherAES
}

// flags returns the flags for writing.
func (w way) flags() []string {
	flags := []string{"--format", w.format}
	if w.wrap != "" {
		flags = append(flags, "--wrap", w.wrap)
	}
	return flags
}

// guesses says whether a wrong key goes unnoticed by chance: what RSA PKCS #1 v1.5
// makes of it is a content key, and one time in 256 what CBC makes of that ends as
// content does.
func (w way) guesses() bool { return w.format == "v1" && w.rsa }

// wantShut fails the test if a wrong key has opened an object. Where that is a
// matter of chance, other bytes are not it.
func wantShut(t testing.TB, r result, chance bool, plain string) {
	t.Helper()
	if chance && r.code == exitOK && r.out != plain {
		return
	}
	if r.want(t, exitDecrypt); r.out != "" && !chance {
		t.Errorf("with a wrong key %d bytes were written", len(r.out))
	}
}

func testSizes() []int { return []int{0, 1, 15, 16, 17, 4101} }

func TestRoundTripDir(t *testing.T) {
	ks := newKeySet(t)
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			write, read, _ := w.keys(ks)
			dir := t.TempDir()
			for _, size := range testSizes() {
				want := pattern(size)
				src := writeFile(t, dir, "src", want)
				at := fmt.Sprintf("dir:%s//a/b/%d", filepath.Join(dir, "vault"), size)
				cli(t, nil, append([]string{"put", "-k", write, src, at}, w.flags()...)...).want(t, exitOK)

				dst := filepath.Join(dir, "dst")
				cli(t, nil, "get", "-k", read, "--accept", w.accept, at, dst).want(t, exitOK)
				wantFile(t, dst, want)
				for _, args := range [][]string{
					{"get", "-k", read, "--accept", w.accept, at, "-"},
					{"cat", "-k", read, "--accept", w.accept, at},
					{"cat", "-k", read, "--legacy", "--release", "unverified", at},
				} {
					if r := cli(t, nil, args...).want(t, exitOK); r.out != string(want) {
						t.Errorf("%q wrote %d bytes, want %d", args[0], len(r.out), len(want))
					}
				}
			}
			wantFiles(t, dir, "dst", "src", "vault")
		})
	}
}

func TestRoundTripPipe(t *testing.T) {
	ks := newKeySet(t)
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			write, read, _ := w.keys(ks)
			dir := t.TempDir()
			meta := filepath.Join(dir, "m.json")
			for _, size := range testSizes() {
				want := pattern(size)
				seal := append([]string{"seal", "-k", write, "--metadata-out", meta}, w.flags()...)
				sealed := cli(t, bytes.NewReader(want), seal...).want(t, exitOK).out
				if size > 16 && bytes.Contains([]byte(sealed), want[:16]) {
					t.Errorf("the body holds plaintext")
				}
				for _, release := range []string{"buffered", "unverified"} {
					r := cli(t, bytes.NewReader([]byte(sealed)), "open", "-k", read, "--accept", w.accept, "--release", release, "--metadata", meta)
					if r.want(t, exitOK); r.out != string(want) {
						t.Errorf("open wrote %d bytes, want %d", len(r.out), len(want))
					}
				}
			}
			wantFiles(t, dir, "m.json")
		})
	}
}

// TestSealedIntoStorage: what seal writes is an object for get, and what put
// writes is a body for open.
func TestSealedIntoStorage(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	want := pattern(1000)
	at := "dir:" + filepath.Join(dir, "vault") + "//x"
	cli(t, bytes.NewReader(want), "put", "-k", ks.aes, "-", at).want(t, exitOK)
	body, meta := stored(t, filepath.Join(dir, "vault"), "x")
	data, err := formatMetadata(meta)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, dir, "m.json", data)
	if r := cli(t, bytes.NewReader(body), "open", "-k", ks.aes, "--metadata", file).want(t, exitOK); r.out != string(want) {
		t.Errorf("open wrote %d bytes, want %d", len(r.out), len(want))
	}

	head := writeFile(t, dir, "h.json", fmt.Appendf(nil, `{"ContentLength": %d, "ETag": "\"x\"", "Metadata": %s}`, len(body), data))
	if r := cli(t, bytes.NewReader(body), "open", "-k", ks.aes, "--metadata", head).want(t, exitOK); r.out != string(want) {
		t.Errorf("open with head-object's JSON wrote %d bytes, want %d", len(r.out), len(want))
	}

	sealed := cli(t, bytes.NewReader(want), "seal", "-k", ks.aes, "--metadata-out", file).want(t, exitOK).out
	meta, err = readMetadataFile(file)
	if err != nil {
		t.Fatal(err)
	}
	store(t, filepath.Join(dir, "vault"), "y", []byte(sealed), meta)
	at = "dir:" + filepath.Join(dir, "vault") + "//y"
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != string(want) {
		t.Errorf("cat wrote %d bytes, want %d", len(r.out), len(want))
	}
}

func TestSeveralKeys(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	put := func(key string, args ...string) string {
		at := fmt.Sprintf("dir:%s//%d", filepath.Join(dir, "v"), len(args))
		cli(t, bytes.NewReader(pattern(50)), append([]string{"put", "-k", key, "-", at}, args...)...).want(t, exitOK)
		return at
	}
	at := put(ks.aes)
	get := func(code int, at string, keys ...string) result {
		t.Helper()
		args := []string{"cat", "--legacy", at}
		for _, k := range keys {
			args = append(args, "-k", k)
		}
		r := cli(t, nil, args...).want(t, code)
		if code == exitOK && r.out != string(pattern(50)) {
			t.Errorf("cat wrote %q", r.out)
		}
		return r
	}
	get(exitOK, at, ks.otherAES, ks.otherRSA, ks.aes, ks.rsa)
	get(exitDecrypt, at, ks.otherAES, ks.rsa)

	// The description of the object chooses the key.
	at = put(ks.aes+"#kid=2024", "--matdesc", "app=x")
	get(exitOK, at, ks.otherAES+"#kid=2019", ks.aes+"#kid=2024")
	get(exitOK, at, ks.aes)
	get(exitDecrypt, at, ks.aes+"#kid=2019").want(t, exitDecrypt, "an AES key", "app=x,kid=2024")
	get(exitDecrypt, at, ks.rsa).want(t, exitDecrypt, "an AES key")

	// Two RSA keys cannot be tried one after the other for PKCS#1 v1.5.
	at = put(ks.rsa, "--format", "v1", "--matdesc", "kid=a")
	get(exitOK, at, ks.otherRSA+"#kid=b", ks.rsa+"#kid=a")
	get(exitDecrypt, at, ks.otherRSA, ks.rsa).want(t, exitDecrypt, "rsa:FILE#name=value")
}
