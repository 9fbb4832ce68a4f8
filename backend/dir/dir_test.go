// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/dir"
)

// open returns a driver over root.
func open(t testing.TB, root string) *dir.Driver {
	t.Helper()
	d, err := dir.New(root, nil)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestConformance(t *testing.T) {
	roots := map[backend.Driver]string{}
	backendtest.TestDriverHarness(t, backendtest.Harness{
		New: func(t *testing.T) backend.Driver {
			root := t.TempDir()
			d := open(t, root)
			roots[d] = root
			return d
		},
		Leftovers: func(_ context.Context, d backend.Driver) (int, error) {
			return leftovers(roots[d])
		},
	})
}

// leftovers counts what is in root beside whole objects: bodies in tmp,
// records without a body, empty folders.
func leftovers(root string) (n int, err error) {
	bodies, records := 0, 0
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		switch {
		case !e.IsDir() && strings.HasPrefix(rel, ".s3seal/tmp/"):
			n++
		case !e.IsDir() && strings.HasPrefix(rel, ".s3seal/meta/"):
			records++
		case !e.IsDir():
			bodies++
		case rel != "." && rel != ".s3seal" && rel != ".s3seal/tmp" && rel != ".s3seal/meta":
			if isEmpty(path) {
				n++
			}
		}
		return nil
	})
	return n + max(records-bodies, 0), err
}

func isEmpty(folder string) bool {
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	hidden, herr := filepath.Glob(filepath.Join(folder, ".*"))
	return err == nil && herr == nil && len(names)+len(hidden) == 0
}
