// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// sparing opens root so that plain files stay.
func sparing(t *testing.T, root string) *dir.Driver {
	t.Helper()
	d, err := dir.New(root, &dir.Options{SparePlainFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// plainFile writes a file as any other program does.
func plainFile(t *testing.T, root, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// wantPlain fails the test unless the file holds content.
func wantPlain(t *testing.T, root, name, content string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != content {
		t.Errorf("%s holds %.40q, %v, want %q", name, got, err, content)
	}
}

func putText(t *testing.T, d *dir.Driver, key, text string, opts *backend.PutOptions) error {
	t.Helper()
	_, err := d.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), opts)
	return err
}

// TestSparePlainFiles: what was not put here is not replaced, in one piece or in
// parts, unless its ETag is named.
func TestSparePlainFiles(t *testing.T) {
	root := t.TempDir()
	d := sparing(t, root)
	plainFile(t, root, "x", "by hand")
	if err := putText(t, d, "x", "object", &backend.PutOptions{}); !errors.Is(err, dir.ErrPlainFile) {
		t.Errorf("Put = %v, want ErrPlainFile", err)
	}
	if _, err := d.StartUpload(t.Context(), "x", &backend.PutOptions{}); !errors.Is(err, dir.ErrPlainFile) {
		t.Errorf("StartUpload = %v, want ErrPlainFile", err)
	}
	if dir.CanLock {
		if err := putText(t, d, "x", "object", &backend.PutOptions{IfNoneMatch: true}); !errors.Is(err, backend.ErrExist) {
			t.Errorf("Put if there is none = %v, want ErrExist", err)
		}
	}
	wantPlain(t, root, "x", "by hand")
	if names, err := os.ReadDir(root); err != nil || len(names) != 1 && len(names) != 2 {
		t.Errorf("%d names in the folder, %v, want the file and perhaps .s3seal", len(names), err)
	}
	for i := range 2 { // an object is replaced as ever
		if err := putText(t, d, "y", strings.Repeat("object", i+1), &backend.PutOptions{}); err != nil {
			t.Errorf("Put = %v", err)
		}
	}
	if !dir.CanLock {
		return
	}
	info, err := d.Stat(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := putText(t, d, "x", "object", &backend.PutOptions{IfMatch: info.ETag}); err != nil {
		t.Errorf("Put with the ETag = %v, want it done", err)
	}
	wantPlain(t, root, "x", "object")
}

// TestPlainFileIsReplaced: without the option it is, as the driver has no other
// way to know what it is to be spared for.
func TestPlainFileIsReplaced(t *testing.T) {
	root := t.TempDir()
	plainFile(t, root, "x", "by hand")
	if err := putText(t, open(t, root), "x", "object", &backend.PutOptions{}); err != nil {
		t.Errorf("Put = %v", err)
	}
	wantPlain(t, root, "x", "object")
}

// TestSparePlainFilesMeanwhile: a file that comes while the body is written stays,
// too, and nothing else does.
func TestSparePlainFilesMeanwhile(t *testing.T) {
	for _, parts := range []bool{false, true} {
		root := t.TempDir()
		d := sparing(t, root)
		var parted []backend.Part
		id := ""
		if parts {
			var err error
			if id, err = d.StartUpload(t.Context(), "x", &backend.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			p, err := d.PutPart(t.Context(), "x", id, 1, []byte("object"))
			if err != nil {
				t.Fatal(err)
			}
			parted = []backend.Part{p}
		}
		d.SetStep(func(step string) {
			if step == "before commit" {
				plainFile(t, root, "x", "by hand")
			}
		})
		var err error
		if parts {
			_, err = d.CompleteUpload(t.Context(), "x", id, parted, &backend.PutOptions{})
		} else {
			err = putText(t, d, "x", "object", &backend.PutOptions{})
		}
		if !errors.Is(err, dir.ErrPlainFile) {
			t.Errorf("in parts %v: %v, want ErrPlainFile", parts, err)
		}
		wantPlain(t, root, "x", "by hand")
		if recorded, _, err := d.Recorded(t.Context(), "x"); recorded || err != nil {
			t.Errorf("in parts %v: Recorded = %v, %v, want no record left", parts, recorded, err)
		}
		left, err := filepath.Glob(filepath.Join(root, ".s3seal", "tmp", "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("in parts %v: %q left, %v", parts, left, err)
		}
	}
}
