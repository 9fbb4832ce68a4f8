// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// TestRecorded: what was put, what only has its name, and what has not even that.
func TestRecorded(t *testing.T) {
	root := t.TempDir()
	d, err := dir.New(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	want := func(when string, recorded, exact bool) {
		t.Helper()
		r, e, err := d.Recorded(t.Context(), "a/x")
		if r != recorded || e != exact || err != nil {
			t.Errorf("%s: Recorded = %v, %v, %v, want %v, %v", when, r, e, err, recorded, exact)
		}
	}
	write := func() {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(root, "a"), 0o777), os.WriteFile(filepath.Join(root, "a", "new"), []byte("by hand"), 0o666),
			os.Rename(filepath.Join(root, "a", "new"), filepath.Join(root, "a", "x"))); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Recorded(t.Context(), "a/x"); !errors.Is(err, backend.ErrNotExist) {
		t.Errorf("Recorded of nothing = %v, want ErrNotExist", err)
	}
	if _, _, err := d.Recorded(t.Context(), "a//x"); !errors.Is(err, backend.ErrKey) {
		t.Errorf("Recorded of no key = %v, want ErrKey", err)
	}
	write()
	want("written by hand", false, false)
	if _, err := d.Put(t.Context(), "a/x", bytes.NewReader([]byte("object")), 6, &backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	want("put without metadata", true, true)
	write()
	want("replaced by hand", true, false)
	if err := d.Delete(t.Context(), "a/x"); err != nil {
		t.Fatal(err)
	}
	write()
	want("written after a delete", false, false)
}
