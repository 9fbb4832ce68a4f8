// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An attack is what becomes of an object, and how the program answers: at the
// default level, and at the one that would read the object as it was made.
type attack struct {
	name   string // as in "A1: what is done"
	seal   []string
	key    string // of the keys below
	change func(s *specimen)
	want   int    // by default
	level  string // of the object
	there  int    // the answer at that level
}

// put returns a change of metadata.
func put(pairs ...string) func(*specimen) {
	return func(s *specimen) {
		for i := 0; i < len(pairs); i += 2 {
			s.meta[pairs[i]] = pairs[i+1]
		}
	}
}

func zeroBytes(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func attacks() []attack {
	v2, cbc, v1 := []string{"--format", "v2"}, []string{"--format", "v2-cbc"}, []string{"--format", "v1"}
	kw := []string{"--format", "v2", "--wrap", "AESWrap"}
	kms := []string{"--format", "v2", "--wrap", "kms"}
	ragged := func(s *specimen) { s.body = s.body[:len(s.body)-1] }
	toCBC := put("x-amz-cek-alg", "AES/CBC/PKCS5Padding", "x-amz-iv", zeroBytes(16))
	toCTR := put("x-amz-cek-alg", "AES/CTR/NoPadding", "x-amz-iv", zeroBytes(16))
	flip := func(name string) func(*specimen) {
		return func(s *specimen) {
			raw, _ := base64.StdEncoding.DecodeString(s.meta[name])
			s.meta[name] = base64.StdEncoding.EncodeToString(flipped(raw, len(raw)/2))
		}
	}
	return []attack{
		{"A1: CBC", cbc, "aes", ragged, exitPolicy, acceptLegacy, exitDecrypt},
		{"A1: CBC of V1", v1, "aes", ragged, exitPolicy, acceptLegacy, exitDecrypt},
		{"A1: CBC by a KMS", []string{"--format", "v2-cbc", "--wrap", "kms"}, "kms", ragged, exitPolicy, acceptLegacy, exitDecrypt},
		{"A2: GCM as CBC", v2, "aes", toCBC, exitPolicy, acceptLegacy, exitDecrypt},
		{"A2: GCM as CTR", v2, "aes", toCTR, exitPolicy, acceptLegacy, exitPolicy},
		{"A2: AESWrap as CTR", kw, "aes", toCTR, exitPolicy, acceptLegacy, exitPolicy},
		{"A2: kms+context as CBC", v2, "kms", toCBC, exitDecrypt, acceptLegacy, exitDecrypt},
		{"A2: GCM as ECB", v2, "aes", put("x-amz-cek-alg", "AES/ECB/PKCS5Padding"), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A4: two keys", nil, "aes", put("X-Amz-Meta-X-Amz-3", zeroBytes(60)), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A5: another key", nil, "aes", put("x-amz-3", zeroBytes(60)), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A6: V2 as V3", v2, "kms", put("x-amz-c", "115", "x-amz-w", "12"), exitDecrypt, acceptV2, exitDecrypt},
		{"A7: commitment", nil, "rsa", flip("x-amz-d"), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A7: message id", nil, "aes", flip("x-amz-i"), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A7: suite", nil, "aes", put("x-amz-c", "112"), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A8: AES/GCM as AESWrap", v2, "aes", put("x-amz-wrap-alg", "AESWrap"), exitPolicy, acceptLegacy, exitDecrypt},
		{"A8: kms+context as kms", v2, "kms", put("x-amz-wrap-alg", "kms", "x-amz-matdesc", "{}"), exitPolicy, acceptLegacy, exitDecrypt},
		{"A8: V3 as kms", nil, "kms", put("x-amz-w", "11"), exitDecrypt, acceptLegacy, exitDecrypt},
		{"A9: PKCS1 v1.5", v1, "rsa", put("x-amz-key", zeroBytes(255)), exitPolicy, acceptLegacy, exitDecrypt},
		{"B1: body", nil, "aes", func(s *specimen) { s.body[3] ^= 1 }, exitDecrypt, acceptV3, exitDecrypt},
		{"B1: body under kms", kms, "kms", func(s *specimen) { s.body[3] ^= 1 }, exitPolicy, acceptLegacy, exitDecrypt},
		{"B2: cut", nil, "aes", ragged, exitDecrypt, acceptV3, exitDecrypt},
		{"B2: empty", nil, "aes", func(s *specimen) { s.body = nil }, exitDecrypt, acceptV3, exitDecrypt},
		{"B4: tag of 96 bits", v2, "aes", put("x-amz-tag-len", "96"), exitDecrypt, acceptV2, exitDecrypt},
		{"B7: joined", nil, "aes", put("x-amz-i", zeroBytes(28)+","+zeroBytes(28)), exitDecrypt, acceptV3, exitDecrypt},
		{"B8: no envelope", nil, "aes", func(s *specimen) { clear(s.meta) }, exitPolicy, acceptLegacy, exitPolicy},
	}
}

// TestAttackOpen lets the program read each forgery from stdin and from a
// bucket: the exit code, not a byte on stdout, and no call of the KMS for what
// it refuses by the level alone.
func TestAttackOpen(t *testing.T) {
	calls := newKMS(t, "alias/a")
	ks := newKeySet(t)
	keys := map[string]string{"aes": ks.aes, "rsa": ks.rsa, "kms": "kms:alias/a"}
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			s := newSpecimen(t, keys[a.key], a.seal...)
			a.change(s)
			meta, dir := text(s.file(t)), t.TempDir()
			store(t, dir, "x", s.body, s.meta)
			for level, want := range map[string]int{acceptV3: a.want, a.level: a.there} {
				f := readFlags{Key: []text{text(s.key)}, acceptFlags: acceptFlags{Accept: level}}
				for name, run := range map[string]func(context.Context, *app) error{
					"open": (&openCmd{Key: f.Key, acceptFlags: f.acceptFlags, Metadata: meta}).Run,
					"cat":  (&catCmd{readFlags: f, Src: text("dir:" + dir + "//x")}).Run,
				} {
					before := calls.Load()
					r := direct(t, bytes.NewReader(s.body), run)
					if r.want(t, want); r.out != "" {
						t.Errorf("%s --accept %s: %d bytes, want none", name, level, len(r.out))
					}
					if n := calls.Load() - before; want == exitPolicy && n != 0 {
						t.Errorf("%s --accept %s: %d calls of the KMS for what is refused", name, level, n)
					}
				}
			}
		})
	}
}

// TestAttackA3Sealed (CVE-2022-2582): of the plaintext nothing but its length is
// in what seal writes, in metadata as in an instruction file.
func TestAttackA3Sealed(t *testing.T) {
	ks := newKeySet(t)
	plain := []byte("one of the few things that it could be")
	sum := md5.Sum(plain)
	for _, w := range ways() {
		write, _, _ := w.keys(ks)
		dir := t.TempDir()
		meta, file := filepath.Join(dir, "m.json"), filepath.Join(dir, "x.instruction")
		args := slices.Concat([]string{"seal", "-k", write, "--metadata-out", meta}, w.flags())
		out := cli(t, bytes.NewReader(plain), args...).want(t, exitOK).out + string(readFile(t, meta))
		out += cli(t, bytes.NewReader(plain), append(args, "--instruction-out", file)...).want(t, exitOK).out + string(readFile(t, meta)) + string(readFile(t, file))
		text := hex.EncodeToString(sum[:])
		for _, trace := range []string{string(plain), text, base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString([]byte(text))} {
			if strings.Contains(out, trace) {
				t.Errorf("%v: what was written holds %q", w, trace)
			}
		}
	}
}

// TestAttackA4ForeignKey (CVE-2020-8897): an object made with the attacker's
// key, which the KMS would let us use, does not open with ours.
func TestAttackA4ForeignKey(t *testing.T) {
	newKMS(t, "alias/ours", "alias/theirs")
	s := newSpecimen(t, "kms:alias/theirs")
	meta := s.file(t)
	open := []string{"open", "--accept", acceptLegacy, "--metadata", meta, "-k"}
	if r := cli(t, bytes.NewReader(s.body), append(open, "kms:alias/ours")...).want(t, exitDecrypt); r.out != "" {
		t.Errorf("open wrote %d bytes", len(r.out))
	}
	if r := cli(t, bytes.NewReader(s.body), append(open, "kms:alias/theirs")...).want(t, exitOK); r.out != string(pattern(21)) {
		t.Errorf("open with the key that was used wrote %d bytes, want 21", len(r.out))
	}
}

// file writes the metadata to a file.
func (s *specimen) file(t *testing.T) string {
	t.Helper()
	data, err := formatMetadata(s.meta)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, t.TempDir(), "m.json", data)
}

// TestAttackA5File (CVE-2025-14759 to 14764) exchanges the instruction files of
// two objects: V3 says so before any of the body is read.
func TestAttackA5File(t *testing.T) {
	ks := newKeySet(t)
	for _, format := range []string{"v3", "v2"} {
		var metas, files [2]string
		var bodies [2]string
		for i := range files {
			dir := t.TempDir()
			metas[i], files[i] = filepath.Join(dir, "m.json"), filepath.Join(dir, "x.instruction")
			seal := []string{"seal", "-k", ks.aes, "--format", format, "--metadata-out", metas[i], "--instruction-out", files[i]}
			bodies[i] = cli(t, bytes.NewReader(pattern(40+i)), seal...).want(t, exitOK).out
		}
		open := func(file string) result {
			return cli(t, strings.NewReader(bodies[0]), "open", "-k", ks.aes, "--accept", acceptV2, "--metadata", metas[0], "--instruction", file)
		}
		if r := open(files[0]).want(t, exitOK); r.out != string(pattern(40)) {
			t.Errorf("%s: open wrote %d bytes, want 40", format, len(r.out))
		}
		if r := open(files[1]).want(t, exitDecrypt); r.out != "" {
			t.Errorf("%s, the file of another object: open wrote %d bytes", format, len(r.out))
		}
	}
}

// TestAttackA9OneAnswer sends wrapped keys that are bad in different ways. The
// content is longer than chance makes pad; all answers are the same to the
// letter, and stat does not tell either.
func TestAttackA9OneAnswer(t *testing.T) {
	ks := newKeySet(t)
	s := newSpecimen(t, ks.rsa, "--format", "v1")
	size := testRSAKey(t).Size()
	answers := make(map[string]int)
	for i := range 8 {
		c := &specimen{s.key, s.body, maps.Clone(s.meta)}
		wrapped := make([]byte, size)
		wrapped[size-1] = byte(i) // numbers below the modulus, all without padding
		c.meta["x-amz-key"] = base64.StdEncoding.EncodeToString(wrapped)
		meta := c.file(t)
		if r := cli(t, bytes.NewReader(c.body), "open", "-k", c.key, "--metadata", meta).want(t, exitPolicy); r.out != "" {
			t.Errorf("open by default wrote %d bytes", len(r.out))
		}
		r := cli(t, bytes.NewReader(c.body), "open", "-k", c.key, "--legacy", "--metadata", meta)
		if r.code == exitOK && r.out != string(pattern(21)) {
			continue // one in 256 seems to be padded
		}
		answers[r.want(t, exitDecrypt).err]++
		root := t.TempDir()
		store(t, root, "x", c.body, c.meta)
		wantOpens(t, "dir:"+root+"//x", opensUnknown, exitOK, c.key)
	}
	if len(answers) != 1 {
		t.Errorf("answers %v, want one", answers)
	}
}
