// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/dir"
)

// open returns a driver over root, without sweeping it.
func open(t testing.TB, root string) *dir.Driver {
	t.Helper()
	d, err := dir.New(root, &dir.Options{SweepAge: -1})
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestConformance(t *testing.T) {
	roots := map[backend.Driver]string{}
	backendtest.TestDriverHarness(t, backendtest.Harness{
		Multipart:       true,
		List:            true,
		Headers:         true,
		ReplaceMetadata: dir.CanLock,
		New: func(t *testing.T) backend.Driver {
			root := memoryDir(t)
			d := open(t, root)
			roots[d] = root
			return d
		},
		Leftovers: func(_ context.Context, d backend.Driver) (int, error) {
			return leftovers(roots[d])
		},
	})
}

// leftovers counts what is in root beside whole objects: bodies in tmp, parts,
// records without a body, all but one record of a body, empty folders.
func leftovers(root string) (n int, err error) {
	seen := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		switch {
		case !e.IsDir() && (strings.HasPrefix(rel, ".s3seal/tmp/") || strings.HasPrefix(rel, ".s3seal/parts/")):
			n++
		case !e.IsDir() && strings.HasPrefix(rel, ".s3seal/meta/"):
			key := keyOf(path)
			if _, err := os.Lstat(root + "/" + key); err != nil || seen[key] {
				n++
			}
			seen[key] = true
		case e.IsDir() && rel != "." && rel != ".s3seal" && rel != ".s3seal/tmp" && rel != ".s3seal/meta":
			entries, err := os.ReadDir(path)
			if err == nil && len(entries) == 0 {
				n++
			}
			return err
		}
		return nil
	})
	return n, err
}

// keyOf returns the key that a record is for.
func keyOf(path string) string {
	var record struct{ Key string }
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &record) != nil {
		return "no key"
	}
	return record.Key
}
