// SPDX-License-Identifier: Apache-2.0

// Package vectors reads the test vectors that are not of this repository: those
// of Project Wycheproof, which are a module, and those that are not ours to copy.
// The latter lie in the folder shared/vectors beside a checkout; a fresh clone
// does not have them. It is for tests alone.
package vectors

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Read returns a file of vectors, named by its path below their folder. Where it
// is not there the test is skipped, visibly, or fails if S3SEAL_REQUIRE_SHARED is
// 1.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, ok := Find(t, name)
	if !ok {
		t.Skipf("vectors beside the checkout are not there: %s", name)
	}
	return data
}

// Find is [Read] for a test that can do without: it says whether the file is
// there.
func Find(t testing.TB, name string) (data []byte, ok bool) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(beside(t), "shared", "vectors", name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("S3SEAL_REQUIRE_SHARED") != "1" {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return data, true
}

// beside returns the folder that the checkout is in.
func beside(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd() // that of the package under test
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Dir(dir)
		}
	}
	t.Fatal("no go.mod above the test")
	return ""
}

// DecodeHex decodes s.
func DecodeHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
