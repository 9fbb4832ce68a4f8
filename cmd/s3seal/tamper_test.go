// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
)

// A specimen is a small object and the key that opens it.
type specimen struct {
	key  string
	body []byte
	meta map[string]string
}

func newSpecimen(t testing.TB, key string, args ...string) *specimen {
	t.Helper()
	meta := filepath.Join(t.TempDir(), "m.json")
	seal := append([]string{"seal", "-k", key, "--metadata-out", meta}, args...)
	body := cli(t, bytes.NewReader(pattern(21)), seal...).want(t, exitOK).out
	m, err := readMetadataFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	return &specimen{key, []byte(body), m}
}

// A victim reads altered objects by get and by open.
type victim struct {
	key, root, dst, meta string
	kept                 []byte // what is at dst
}

func newVictim(t testing.TB, key string) *victim {
	t.Helper()
	dir := t.TempDir()
	v := &victim{key, filepath.Join(dir, "vault"), filepath.Join(t.TempDir(), "dst"), filepath.Join(dir, "m.json"), []byte("kept")}
	writeFile(t, filepath.Dir(v.dst), "dst", v.kept)
	return v
}

// flags are those that let all specimens in.
func (v *victim) flags() readFlags {
	return readFlags{Key: []text{text(v.key)}, acceptFlags: acceptFlags{Accept: acceptV2}}
}

// read wants the code of get and open, and no bytes unless it is 0.
func (v *victim) read(t *testing.T, what string, code int, body []byte, meta map[string]string) {
	t.Helper()
	store(t, v.root, "x", body, meta)
	at := "dir:" + v.root + "//x"
	get := direct(t, nil, (&getCmd{readFlags: v.flags(), Src: text(at), Dst: text(v.dst)}).Run)
	if get.code != code {
		t.Errorf("%s: get = %d, want %d (%s)", what, get.code, code, get.err)
	}
	if code != exitOK {
		wantFile(t, v.dst, v.kept)
		wantFiles(t, filepath.Dir(v.dst), "dst")
	}

	data, err := formatMetadata(meta)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Dir(v.meta), "m.json", data)
	f := v.flags()
	open := direct(t, bytes.NewReader(body), (&openCmd{Key: f.Key, acceptFlags: f.acceptFlags, Metadata: text(v.meta)}).Run)
	if open.code != code || code != exitOK && open.out != "" {
		t.Errorf("%s: open = %d and %d bytes, want %d and none (%s)", what, open.code, len(open.out), code, open.err)
	}
}

// flipped returns b with one bit of byte i changed.
func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1 << (i % 8)
	return b
}

// binaryNames are the metadata that hold bytes in base64.
func binaryNames() []string {
	return []string{"x-amz-key-v2", "x-amz-iv", "x-amz-3", "x-amz-d", "x-amz-i", "s3seal-key", "s3seal-salt"}
}

func TestTampering(t *testing.T) {
	ks := newKeySet(t)
	for _, c := range []struct {
		format, key string
		binary      int // bytes of metadata
	}{
		{"v3", ks.aes, 60 + 28 + 28},
		{"v2", ks.aes, 60 + 12},
		{"chunked", ks.aes, 60},
		{"dare2", ks.aes, 60 + 32},
	} {
		t.Run(c.format, func(t *testing.T) {
			t.Parallel()
			s := newSpecimen(t, c.key, "--format", c.format)
			v := newVictim(t, c.key)
			for i := range s.body {
				v.read(t, fmt.Sprintf("bit flipped in body byte %d", i), exitDecrypt, flipped(s.body, i), s.meta)
				v.read(t, fmt.Sprintf("body cut to %d", i), exitDecrypt, s.body[:i], s.meta)
			}
			v.read(t, "a byte appended", exitDecrypt, append(bytes.Clone(s.body), 0), s.meta)
			if n := v.flipMetadata(t, s); n != c.binary {
				t.Errorf("flipped %d bytes of metadata, want %d", n, c.binary)
			}
			v.read(t, "untouched", exitOK, s.body, s.meta)
		})
	}
}

// flipMetadata flips a bit in every byte that metadata hold in base64, one at
// a time, and returns how many there are.
func (v *victim) flipMetadata(t *testing.T, s *specimen) (n int) {
	t.Helper()
	for _, name := range binaryNames() {
		value, err := base64.StdEncoding.DecodeString(s.meta[name])
		if err != nil {
			t.Fatal(err)
		}
		for i := range value {
			meta := maps.Clone(s.meta)
			meta[name] = base64.StdEncoding.EncodeToString(flipped(value, i))
			v.read(t, fmt.Sprintf("bit flipped in %s byte %d", name, i), exitDecrypt, s.body, meta)
			n++
		}
	}
	return n
}

// TestTamperingRSA flips fewer bytes of the wrapped key, since each costs a
// private key operation.
func TestTamperingRSA(t *testing.T) {
	ks := newKeySet(t)
	for _, format := range []string{"v3", "v2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSpecimen(t, ks.rsaPub, "--format", format)
			v := newVictim(t, ks.rsa)
			for _, name := range []string{"x-amz-key-v2", "x-amz-3"} {
				value, _ := base64.StdEncoding.DecodeString(s.meta[name])
				for i := 0; i < len(value); i += 15 {
					meta := maps.Clone(s.meta)
					meta[name] = base64.StdEncoding.EncodeToString(flipped(value, i))
					v.read(t, fmt.Sprintf("bit flipped in %s byte %d", name, i), exitDecrypt, s.body, meta)
				}
			}
			v.read(t, "untouched", exitOK, s.body, s.meta)
		})
	}
}

// TestTamperedText: texts that are no longer what they were, down to JSON that
// is broken.
func TestTamperedText(t *testing.T) {
	ks := newKeySet(t)
	for _, c := range []struct{ format, name string }{
		{"v3", "x-amz-c"},
		{"v3", "x-amz-w"},
		{"v3", "x-amz-d"},
		{"v3", "x-amz-i"},
		{"v3", "x-amz-3"},
		{"v2", "x-amz-cek-alg"},
		{"v2", "x-amz-wrap-alg"},
		{"v2", "x-amz-tag-len"},
		{"v2", "x-amz-iv"},
		{"v2", "x-amz-key-v2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSpecimen(t, ks.aes, "--format", c.format)
			v := newVictim(t, ks.aes)
			if s.meta[c.name] == "" {
				t.Fatalf("no %s among the metadata", c.name)
			}
			meta := maps.Clone(s.meta)
			meta[c.name] = "!" + meta[c.name]
			v.read(t, "a character in front", exitDecrypt, s.body, meta)
			if c.name != "x-amz-tag-len" && c.name != "x-amz-wrap-alg" && c.name != "x-amz-cek-alg" && c.name != "x-amz-key-v2" && c.name != "x-amz-3" {
				delete(meta, c.name)
				v.read(t, "removed", exitDecrypt, s.body, meta)
			}
		})
	}
}

// TestTamperedMetadataFile: whatever is cut off the file, it is an altered
// object and neither a usage error nor an object without encryption.
func TestTamperedMetadataFile(t *testing.T) {
	ks := newKeySet(t)
	s := newSpecimen(t, ks.aes)
	data, err := formatMetadata(s.meta)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(data) - 1 { // the last byte is a newline
		if _, err := parseMetadata(data[:i]); exitCode(t.Context(), err) != exitDecrypt {
			t.Errorf("metadata file cut to %d: %v, exit %d, want %d", i, err, exitCode(t.Context(), err), exitDecrypt)
		}
	}
	path := writeFile(t, t.TempDir(), "m.json", data[:len(data)/2])
	if r := cli(t, bytes.NewReader(s.body), "open", "-k", ks.aes, "--metadata", path).want(t, exitDecrypt, path); r.out != "" {
		t.Errorf("open wrote %d bytes", len(r.out))
	}
}

func TestWrongKey(t *testing.T) {
	ks := newKeySet(t)
	for _, w := range ways() {
		if w.format == "v1" && w.rsa || w.format == "v2-cbc" {
			// Their failure shows in the padding of the content at best.
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			write, _, wrong := w.keys(ks)
			dir := t.TempDir()
			at := "dir:" + filepath.Join(dir, "v") + "//x"
			cli(t, bytes.NewReader(pattern(100)), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)

			dst := filepath.Join(dir, "dst")
			cli(t, nil, "get", "-k", wrong, "--legacy", at, dst).want(t, exitDecrypt, "cannot", at)
			wantFiles(t, dir, "v")
			writeFile(t, dir, "dst", []byte("kept"))
			cli(t, nil, "get", "-k", wrong, "--legacy", at, dst).want(t, exitDecrypt)
			wantFile(t, dst, []byte("kept"))
			wantFiles(t, dir, "dst", "v")
			if r := cli(t, nil, "cat", "-k", wrong, "--legacy", at).want(t, exitDecrypt); r.out != "" {
				t.Errorf("cat wrote %d bytes", len(r.out))
			}
		})
	}
}

// TestUnverifiedRelease: what it lets out before the end is the price of
// --release unverified; the exit code is not.
func TestUnverifiedRelease(t *testing.T) {
	ks := newKeySet(t)
	s := newSpecimen(t, ks.aes)
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", flipped(s.body, len(s.body)-1), s.meta)
	at := "dir:" + root + "//x"
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitDecrypt, "altered"); r.out != "" {
		t.Errorf("cat wrote %d bytes of an altered object", len(r.out))
	}
	cli(t, nil, "cat", "-k", ks.aes, "--release", "unverified", at).want(t, exitDecrypt, "altered")
	cli(t, nil, "get", "-k", ks.aes, "--release", "unverified", at, "-").want(t, exitDecrypt, "altered")
}
