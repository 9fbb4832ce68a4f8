// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("body of a refused key was read")
	return 0, errors.New("not for reading")
}

func TestKeysRefused(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "object", 1)
	mustPut(t, root, "folder/object", 2)
	d := open(t, root)
	before := tree(root)
	for _, key := range []string{
		"", ".", "..", "/", "//", "/abs", "a//b", "a/", "a/.", "a/..", "./a", "../a", "a/../b", "a/./b", "../../etc/passwd",
		"nul\x00", "\xff", "a/\xed\xa0\x80", strings.Repeat("x", 256), strings.Repeat("漢", 86),
		strings.Repeat("d/", 512) + "e", "a/" + strings.Repeat("x", 256) + "/b",
		".s3seal", ".s3seal/meta", ".s3seal/tmp/x", ".S3SEAL", ".S3Seal/x", ".s3\u017Feal/x",
		"object/below", "object/be/low", "folder",
	} {
		_, err := d.Put(noCancel, key, unread{t}, 1, &backend.PutOptions{})
		if !errors.Is(err, backend.ErrKey) {
			t.Errorf("Put(%q) = %v, want ErrKey", key, err)
		}
		_, serr := d.Stat(noCancel, key)
		_, _, gerr := d.Get(noCancel, key, &backend.GetOptions{})
		for _, err := range []error{serr, gerr, d.Delete(noCancel, key)} {
			if !errors.Is(err, backend.ErrKey) && !errors.Is(err, backend.ErrNotExist) {
				t.Errorf("Stat, Get or Delete(%q) = %v, want ErrKey or ErrNotExist", key, err)
			}
		}
	}
	if diff := cmp.Diff(before, tree(root)); diff != "" {
		t.Errorf("refused keys changed the root (-before +after):\n%s", diff)
	}
	wantGeneration(t, root, "object", 1)
	wantGeneration(t, root, "folder/object", 2)
}

func TestKeysAllowed(t *testing.T) {
	root := memoryDir(t)
	keys := []string{"a", "..a", "a..", "...", ".hidden", "s3seal", "x/.s3seal", "x/.s3seal2/meta", ".s3seal.x", strings.Repeat("x", 255), strings.Repeat("d/", 511) + "ee"}
	if runtime.GOOS != "windows" {
		keys = append(keys, `back\slash`, `..\up`, "C:", "CON", "nul", "a ", "a:b", "new\nline", "*?")
	}
	for i, key := range keys {
		mustPut(t, root, key, i+1)
	}
	for i, key := range keys {
		wantGeneration(t, root, key, i+1)
	}
	wantClean(t, root)
	for _, key := range keys {
		if err := open(t, root).Delete(noCancel, key); err != nil {
			t.Errorf("Delete(%.40q) = %v", key, err)
		}
	}
	if entries, _ := os.ReadDir(root); len(entries) != 1 {
		t.Errorf("left of no objects:\n%s", tree(root))
	}
}

// TestLinks puts links of all kinds into the root. Behind a link could be what
// the key must not reach.
func TestLinks(t *testing.T) {
	parent := t.TempDir()
	root := filepath.Join(parent, "root")
	mustPut(t, root, "f/object", 1)
	write(t, parent, "secret", body(9))
	for link, target := range map[string]string{
		"up":        "..",
		"out":       filepath.Join(parent, "secret"),
		"relative":  "../secret",
		"inside":    "f",
		"file":      "f/object",
		"home":      ".s3seal",
		"home2":     ".s3seal/meta",
		"dangling":  "nowhere",
		"f/loop":    "loop",
		"f/newhome": "../.s3seal/tmp",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	if err := os.Link(filepath.Join(parent, "secret"), filepath.Join(root, "hard")); err != nil {
		t.Fatal(err)
	}
	before := tree(parent)
	d := open(t, root)
	for _, key := range []string{
		"up", "up/secret", "up/new", "out", "relative", "inside", "inside/object", "inside/new", "file",
		"home", "home/tmp/x", "home2/x", "dangling", "dangling/x", "f/loop", "f/loop/x", "f/newhome/x",
	} {
		_, err := d.Put(noCancel, key, unread{t}, 1, &backend.PutOptions{})
		_, serr := d.Stat(noCancel, key)
		_, _, gerr := d.Get(noCancel, key, &backend.GetOptions{})
		for _, err := range []error{err, serr, gerr, d.Delete(noCancel, key)} {
			if !errors.Is(err, backend.ErrKey) {
				t.Errorf("Put, Stat, Get or Delete(%q) = %v, want ErrKey", key, err)
			}
		}
	}
	if diff := cmp.Diff(before, tree(parent)); diff != "" {
		t.Errorf("keys through links changed something (-before +after):\n%s", diff)
	}
	// A hard link is a name like any other: put replaces it, not its target.
	mustPut(t, root, "hard", 3)
	if data, err := os.ReadFile(filepath.Join(parent, "secret")); err != nil || !bytes.Equal(data, body(9)) {
		t.Errorf("put over a hard link wrote through it: %v", err)
	}
}

// TestSwappedForLink puts a link where a file was, after it was looked at and
// before it is opened.
func TestSwappedForLink(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	mustPut(t, root, "other", 2)
	d := open(t, root)
	d.SetStep(func(step string) {
		if step == "inspected" {
			os.Remove(filepath.Join(root, "k"))
			if err := os.Symlink("other", filepath.Join(root, "k")); err != nil {
				t.Skip(err)
			}
		}
	})
	if gen, err := generation(d, "k"); !errors.Is(err, backend.ErrKey) {
		t.Errorf("Get = generation %d, %v, want ErrKey", gen, err)
	}
}

// TestHomeIsLink refuses a root in which other keys could lead to records.
func TestHomeIsLink(t *testing.T) {
	root := t.TempDir()
	write(t, root, "f/object", body(1))
	if err := os.Symlink("f", filepath.Join(root, ".s3seal")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	before := tree(root)
	d := open(t, root)
	if _, err := d.Put(noCancel, "x", unread{t}, 1, &backend.PutOptions{}); err == nil {
		t.Error("Put = nil, want an error")
	}
	if _, err := d.Stat(noCancel, "f/object"); err == nil {
		t.Error("Stat = nil, want an error")
	}
	sweepAll(t, root)
	if diff := cmp.Diff(before, tree(root)); diff != "" {
		t.Errorf("root changed (-before +after):\n%s", diff)
	}
}

// TestSpelling checks the parts of what a file system that folds case needs.
func TestSpelling(t *testing.T) {
	for name, want := range map[string]string{"Readme.TXT": "rEADME.txt", "ünï": "ÜNÏ", "123": "123", "漢": "漢"} {
		if got := dir.SwapCase(name); got != want {
			t.Errorf("SwapCase(%q) = %q, want %q", name, got, want)
		}
	}
	names := []string{"readme", "Other"}
	if err := dir.SpelledIn(names, "readme"); err != nil {
		t.Errorf("SpelledIn(readme) = %v", err)
	}
	if err := dir.SpelledIn(names, "README"); !errors.Is(err, backend.ErrKey) {
		t.Errorf("SpelledIn(README) = %v, want ErrKey", err)
	}
}

// TestTwoSpellings stores under keys that differ in case: as two objects, or
// the second is refused. Two hard links let a folder look as if it did fold.
func TestTwoSpellings(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "name", 1)
	err := put(open(t, root), "NAME", 2)
	if err != nil && !errors.Is(err, backend.ErrKey) {
		t.Errorf("Put = %v, want nil or ErrKey", err)
	}
	wantGeneration(t, root, "name", 1)
	if err != nil {
		return
	}
	wantGeneration(t, root, "NAME", 2)
	write(t, root, "both", body(plain))
	if err := os.Link(filepath.Join(root, "both"), filepath.Join(root, "BOTH")); err != nil {
		t.Skip(err)
	}
	mustPut(t, root, "both", 3)
	wantGeneration(t, root, "both", 3)
	wantGeneration(t, root, "BOTH", plain)
}

// snapshot returns the names and contents of everything below folder but skip.
func snapshot(t interface{ Fatal(...any) }, folder, skip string) map[string]string {
	m := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == skip {
			return fs.SkipDir
		}
		m[path] = e.Type().String()
		if e.Type().IsRegular() {
			data, err := os.ReadFile(path)
			m[path] += string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// keyParts are what attacks on paths are made of.
var keyParts = []string{
	"a", "b", "A", "..", ".", "", "/", "//", "\\", "..\\", "\x00", "up", "in", "home", ".s3seal", ".S3SEAL", "meta", "tmp",
	"secret", "root", "%2e%2e", "\u2024\u2024", "．．", "\u2215", "~", "C:", "CON", " ", "\xc0\xae", "\n", strings.Repeat("n", 256),
}

// TestKeysNeverEscape throws arbitrary keys at a driver. Nothing outside the
// root may change, nor anything in the root that is not of the key.
func TestKeysNeverEscape(t *testing.T) {
	parent := memoryDir(t)
	root := filepath.Join(parent, "root")
	write(t, parent, "secret", body(9))
	write(t, parent, "a/b", body(8))
	mustPut(t, root, "a/b", 1)
	for link, target := range map[string]string{"up": "..", "in": "a", "home": ".s3seal"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Logf("no symbolic links here: %v", err)
		}
	}
	d := open(t, root)
	outside, inside := snapshot(t, parent, root), snapshot(t, root, "")
	rapid.Check(t, func(t *rapid.T) {
		key := strings.Join(rapid.SliceOfN(rapid.SampledFrom(keyParts), 0, 6).Draw(t, "parts"), rapid.SampledFrom([]string{"/", ""}).Draw(t, "sep"))
		if key == "a/b" {
			t.Skip("that is an object of the test")
		}
		data := []byte("of the key")
		_, err := d.Put(noCancel, key, bytes.NewReader(data), -1, &backend.PutOptions{})
		if err != nil && !errors.Is(err, backend.ErrKey) {
			t.Fatalf("Put(%q) = %v, want nil or ErrKey", key, err)
		}
		if err == nil {
			got, rerr := os.ReadFile(root + "/" + key)
			if rerr != nil || !bytes.Equal(got, data) {
				t.Fatalf("file of %q: %q, %v", key, got, rerr)
			}
			if !filepath.IsLocal(filepath.FromSlash(key)) {
				t.Fatalf("Put(%q) = nil", key)
			}
		}
		if derr := d.Delete(noCancel, key); (derr == nil) != (err == nil) {
			t.Fatalf("Delete(%q) = %v after Put = %v", key, derr, err)
		}
		if diff := cmp.Diff(outside, snapshot(t, parent, root)); diff != "" {
			t.Fatalf("key %q changed what is outside:\n%s", key, diff)
		}
		if diff := cmp.Diff(inside, snapshot(t, root, "")); diff != "" {
			t.Fatalf("key %q changed what is inside:\n%s", key, diff)
		}
	})
}
