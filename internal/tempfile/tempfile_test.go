// SPDX-License-Identifier: Apache-2.0

package tempfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/internal/tempfile"
)

func wantNames(t *testing.T, what, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != want {
		t.Errorf("%s: %v in the folder, want %d", what, entries, want)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	f, err := tempfile.Create(dir, "x-*")
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		wantNames(t, "open", dir, 0)
	}
	if _, err := f.Write([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 6)
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, []byte("secret")) {
		t.Errorf("ReadAt = %q, %v", got, err)
	}
	if info, err := f.Stat(); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("Stat = %v, %v, want mode 0600", info, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wantNames(t, "closed", dir, 0)
}

// TestNamed is what happens where an open file cannot lose its name.
func TestNamed(t *testing.T) {
	dir := t.TempDir()
	f, err := os.CreateTemp(dir, "x-*")
	if err != nil {
		t.Fatal(err)
	}
	named := tempfile.Named(f)
	wantNames(t, "open", dir, 1)
	if err := named.Close(); err != nil {
		t.Error(err)
	}
	wantNames(t, "closed", dir, 0)
	if err := named.Close(); err == nil {
		t.Error("a second Close returned nil")
	}
}

func TestCreateFails(t *testing.T) {
	if f, err := tempfile.Create(filepath.Join(t.TempDir(), "none"), "x-*"); err == nil {
		t.Errorf("Create in a missing folder = %v, nil", f)
	}
}
