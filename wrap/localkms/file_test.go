// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap/localkms"
)

func createFile(t testing.TB) (*localkms.KMS, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := localkms.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func mustOpen(t testing.TB, path string) *localkms.KMS {
	t.Helper()
	k, err := localkms.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFileKeepsKeys(t *testing.T) {
	k, path := createFile(t)
	if ids := mustOpen(t, path).KeyIDs(); len(ids) != 0 {
		t.Errorf("a new file has the keys %q", ids)
	}
	var blobs [][]byte
	for _, step := range []func(string) error{k.CreateKey, k.Rotate, k.Rotate} {
		if err := step(keyA); err != nil {
			t.Fatal(err)
		}
		blobs = append(blobs, mustEncrypt(t, k, []byte{byte(len(blobs))}, md{"a": "b"}))
	}
	again := mustOpen(t, path)
	if n := again.Versions(keyA); n != 3 {
		t.Errorf("Versions = %d, want 3", n)
	}
	for i, blob := range blobs {
		wantPlain(t, again, keyA, blob, md{"a": "b"}, []byte{byte(i)})
	}
	if err := again.Rotate(keyA); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %d files, %v, want 1, nil", len(entries), err)
	}
}

func TestFilePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	k, path := createFile(t)
	if err := k.CreateKey(keyA); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600, nil", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o601, 0o604, 0o640, 0o620, 0o660, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := localkms.Open(path); err == nil || !strings.Contains(err.Error(), "0600") {
			t.Errorf("Open with mode %04o = %v, want an error that names 0600", mode, err)
		}
		if err := k.Rotate(keyA); err == nil {
			t.Errorf("Rotate with mode %04o = nil, want an error", mode)
		}
	}
	if n := k.Versions(keyA); n != 1 {
		t.Errorf("Versions = %d after failed rotations, want 1", n)
	}
}

func TestFileIsNotOverwritten(t *testing.T) {
	k, path := createFile(t)
	if err := k.CreateKey(keyA); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, path)
	if _, err := localkms.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create = %v, want %v", err, fs.ErrExist)
	}
	if !bytes.Equal(readFile(t, path), before) {
		t.Error("Create changed the file")
	}
	// What another process has added must not be lost.
	other := mustOpen(t, path)
	if err := other.CreateKey(keyB); err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(keyA); err == nil {
		t.Error("Rotate of a changed file = nil, want an error")
	}
	if n := mustOpen(t, path).Versions(keyB); n != 1 {
		t.Errorf("the other's key has %d versions, want 1", n)
	}
}

func TestFileGone(t *testing.T) {
	k, path := createFile(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := k.CreateKey(keyA); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CreateKey = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := localkms.Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := localkms.Open(filepath.Dir(path)); err == nil {
		t.Error("Open of a folder = nil, want an error")
	}
	if _, err := localkms.Create(filepath.Join(path, "x")); err == nil {
		t.Error("Create without a folder = nil, want an error")
	}
	if len(k.KeyIDs()) != 0 {
		t.Errorf("KeyIDs = %q, want none", k.KeyIDs())
	}
}

func TestFileBehindLink(t *testing.T) {
	k, path := createFile(t)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	if err := mustOpen(t, link).CreateKey(keyA); err != nil {
		t.Fatal(err)
	}
	if n := mustOpen(t, path).Versions(keyA); n != 1 || len(k.KeyIDs()) != 0 {
		t.Errorf("the file has %d versions, want 1", n)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is now %v, %v", info.Mode(), err)
	}
}

func TestFileIsStrict(t *testing.T) {
	key := `"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`
	_, path := createFile(t)
	write := func(text string) error {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := localkms.Open(path)
		return err
	}
	good := `{"s3seal_localkms":1,"keys":{"k":[{"created":"2026-01-02T03:04:05Z","key":` + key + `}]}}`
	if err := write(good); err != nil {
		t.Fatalf("Open = %v, want nil", err)
	}
	for name, bad := range map[string]string{
		"empty": "", "no JSON": "keys", "array": "[]", "cut": good[:len(good)-1], "trailing": good + "{}",
		"format 2":      strings.Replace(good, "kms\":1", "kms\":2", 1),
		"no format":     `{"keys":{}}`,
		"unknown name":  strings.Replace(good, `"created"`, `"made"`, 1),
		"no version":    `{"s3seal_localkms":1,"keys":{"k":[]}}`,
		"no ID":         strings.Replace(good, `"k"`, `""`, 1),
		"short key":     strings.Replace(good, key, `"AAEC"`, 1),
		"no base64":     strings.Replace(good, key, `"?"`, 1),
		"deep":          `{"s3seal_localkms":1,"keys":` + strings.Repeat(`{"k":`, 1<<19),
		"deep, whole":   strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"4 MiB and one": good + strings.Repeat(" ", 4<<20+1-len(good)),
	} {
		if write(bad) == nil {
			t.Errorf("%s: Open = nil, want an error", name)
		}
	}
	if err := write(good + strings.Repeat(" ", 4<<20-len(good))); err != nil {
		t.Errorf("4 MiB: Open = %v, want nil", err)
	}
}
