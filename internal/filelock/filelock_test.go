// SPDX-License-Identifier: Apache-2.0

package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/internal/filelock"
)

// TestLock opens one file several times: one has the lock until it is closed.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for range 3 {
		f, g := open(t, path), open(t, path)
		unlock, err := filelock.Lock(f, path)
		if err != nil {
			t.Fatalf("Lock = %v", err)
		}
		if _, err := filelock.Lock(g, path); !errors.Is(err, filelock.ErrLocked) {
			t.Errorf("Lock of a locked file = %v, want ErrLocked", err)
		}
		f.Close()
		unlock()
		unlock, err = filelock.Lock(g, path)
		if err != nil {
			t.Fatalf("Lock of a file that was closed = %v", err)
		}
		g.Close()
		unlock()
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files (%v), want the one", len(entries), err)
	}
}

// TestLockClosed must fail, whatever a closed file is locked by.
func TestLockClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no folder", "file")
	f := open(t, filepath.Join(t.TempDir(), "file"))
	f.Close()
	if _, err := filelock.Lock(f, path); err == nil {
		t.Error("Lock of a closed file in a folder that is not there = nil")
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
