// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// TestFailedPut fails puts in every way over an object, over nothing, and in a
// new folder. Nothing changes, nothing is left.
func TestFailedPut(t *testing.T) {
	custom := errors.New("custom")
	cancelled, cancel := context.WithCancel(noCancel)
	defer cancel()
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		ctx  context.Context
		body io.Reader
		size int64
		opts backend.PutOptions
		want error // nil is any
	}{
		"source":      {noCancel, io.MultiReader(bytes.NewReader(body(1)), iotest.ErrReader(custom)), -1, backend.PutOptions{}, custom},
		"too short":   {noCancel, strings.NewReader("abc"), 4, backend.PutOptions{}, backend.ErrSize},
		"too long":    {noCancel, strings.NewReader("abc"), 2, backend.PutOptions{}, backend.ErrSize},
		"cancelled":   {cancelled, cancelling{cancel}, -1, backend.PutOptions{}, context.Canceled},
		"name":        {noCancel, unread{t}, 1, backend.PutOptions{Metadata: map[string]string{"\xff": ""}}, nil},
		"value":       {noCancel, unread{t}, 1, backend.PutOptions{Metadata: map[string]string{"a": "\xff"}}, nil},
		"type":        {noCancel, unread{t}, 1, backend.PutOptions{ContentType: "\xff"}, nil},
		"big record":  {noCancel, unread{t}, 1, backend.PutOptions{Metadata: map[string]string{"a": long}}, nil},
		"no progress": {noCancel, stuck{}, -1, backend.PutOptions{}, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			mustPut(t, root, "f/old", 5)
			d := open(t, root)
			for _, key := range []string{"f/old", "f/new", "g/h/new"} {
				info, err := d.Put(c.ctx, key, c.body, c.size, &c.opts)
				if err == nil || info != nil || c.want != nil && key == "f/old" && !errors.Is(err, c.want) {
					t.Errorf("Put(%q) = %v, %v, want %v", key, info, err, c.want)
				}
				if err == io.EOF || err == io.ErrUnexpectedEOF {
					t.Errorf("Put(%q) = bare %v", key, err)
				}
			}
			wantGeneration(t, root, "f/old", 5)
			wantGeneration(t, root, "f/new", none)
			wantClean(t, root)
		})
	}
}

// stuck never delivers anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// cancelling delivers for ever, after it has cancelled.
type cancelling struct{ cancel func() }

func (c cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

// TestPanickingSource lets the body panic: that is no reason to leave a file.
func TestPanickingSource(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Put swallowed the panic of its body")
			}
		}()
		d.Put(noCancel, "k", unreadable{}, -1, &backend.PutOptions{})
	}()
	wantClean(t, root)
}

type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { panic("source") }

// TestFileInPlaceOfFolder puts files where the driver needs folders, which
// fails for root too.
func TestFileInPlaceOfFolder(t *testing.T) {
	for _, name := range []string{".s3seal", ".s3seal/tmp", ".s3seal/meta"} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "k", body(plain))
			write(t, root, name, nil)
			before := tree(root)
			err := put(open(t, root), "k", 1)
			if err == nil || errors.Is(err, backend.ErrKey) || errors.Is(err, backend.ErrNotExist) {
				t.Errorf("Put = %v, want an error of the file system", err)
			}
			if err := put(open(t, root), "new/folder/k", 1); err == nil {
				t.Error("Put in a new folder = nil, want an error")
			}
			sweepAll(t, root)
			if after := strings.Replace(tree(root), "drwxr-xr-x .s3seal/tmp\n", "", 1); len(after) > len(before)+len("d--------- /.s3seal/tmp\n") {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestReadOnly reads from a folder without write permission.
func TestReadOnly(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "f/k", 1)
	protect := func(mode fs.FileMode) {
		filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if e.IsDir() {
				os.Chmod(path, mode)
			}
			return nil
		})
	}
	protect(0o555)
	t.Cleanup(func() { protect(0o755) })
	wantGeneration(t, root, "f/k", 1)
	if f, err := os.Create(filepath.Join(root, "probe")); err == nil {
		f.Close()
		os.Remove(f.Name())
		t.Skip("this user may write into read-only folders: only the reading was tested")
	}
	if err := put(open(t, root), "f/k", 2); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Put = %v, want ErrPermission", err)
	}
	if err := open(t, root).Delete(noCancel, "f/k"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Delete = %v, want ErrPermission", err)
	}
	wantGeneration(t, root, "f/k", 1)
}

// TestTruncatedUnderReader cuts a file that is being read.
func TestTruncatedUnderReader(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	d := open(t, root)
	for _, r := range []*backend.Range{nil, {Offset: 500, Length: 20000}} {
		rc, _, err := d.Get(noCancel, "k", &backend.GetOptions{Range: r})
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(root, "k"), 5000); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err = io.Copy(io.Discard, rc)
			if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
				t.Errorf("read of a file cut short = %v, want an error of its own", err)
			}
		}
		overwrite(t, filepath.Join(root, "k"), body(1))
	}
}

// TestRaceForFolder lets folders disappear and turn into objects just before
// they are removed.
func TestRaceForFolder(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "f/a", 1)
	d, other := open(t, root), open(t, root)
	d.SetStep(func(step string) {
		if step != "before prune" {
			return
		}
		d.SetStep(nil)
		for _, err := range []error{put(other, "f/b", 2), other.Delete(noCancel, "f/b"), put(other, "f", 3)} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	if err := d.Delete(noCancel, "f/a"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	wantGeneration(t, root, "f", 3)
	wantClean(t, root)
}

// TestSweep leaves young leftovers alone, and everything that is not its own.
func TestSweep(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	for _, step := range []string{"body created", "body written", "record created", "before commit"} {
		d := open(t, root)
		abandon(d, step, func() { put(d, "k", 2) })
	}
	write(t, root, ".s3seal/tmp/not-ours", nil)
	write(t, root, ".s3seal/meta/not-ours", nil)
	old := time.Now().Add(-23 * time.Hour)
	temps, _ := filepath.Glob(filepath.Join(root, ".s3seal", "tmp", "*"))
	if len(temps) != 5 {
		t.Fatalf("%d files in tmp, want 5", len(temps))
	}
	for _, path := range temps {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		names, _ := filepath.Glob(filepath.Join(root, ".s3seal", "tmp", "*"))
		return len(names)
	}
	if d, err := dir.New(root, nil); err != nil {
		t.Fatal(err)
	} else {
		d.Close()
	}
	if n := count(); n != 5 {
		t.Errorf("%d files in tmp after a sweep at 24 hours, want 5", n)
	}
	if d, err := dir.New(root, &dir.Options{SweepAge: -1}); err != nil || count() != 5 {
		t.Errorf("%d files in tmp after no sweep, want 5 (%v)", count(), err)
	} else {
		d.Close()
	}
	d, err := dir.New(root, &dir.Options{SweepAge: 22 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := count(); n != 1 {
		t.Errorf("%d files in tmp after a sweep at 22 hours, want 1:\n%s", n, tree(root))
	}
	wantGeneration(t, root, "k", 1)
	records, _ := filepath.Glob(filepath.Join(root, ".s3seal", "meta", "*", "*"))
	if len(records) != 1 {
		t.Errorf("%d records after the sweep, want 1:\n%s", len(records), tree(root))
	}
}

func TestNew(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	if _, err := dir.New(root, &dir.Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("New of a missing folder = %v, want ErrNotExist", err)
	}
	d, err := dir.New(root, nil)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if err := put(d, "k", 1); err == nil {
		t.Error("Put after Close = nil")
	}
	if _, err := d.Stat(noCancel, "k"); err == nil || errors.Is(err, backend.ErrNotExist) {
		t.Errorf("Stat after Close = %v, want an error of the closed folder", err)
	}
	if err := os.WriteFile(root+"/file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.New(root+"/file", nil); err == nil {
		t.Error("New of a file = nil")
	}
}

func TestRecordName(t *testing.T) {
	good := "00000000000003e9-18a1b2c3d4e5f607-0000000000001000-deadbeef-0123456789abcdef0123456789abcdef.json"
	if got, ok := dir.RecordName(good); !ok || got != good {
		t.Errorf("RecordName(%q) = %q, %v", good, got, ok)
	}
	for _, name := range []string{"", ".DS_Store", good + "x", strings.ToUpper(good), good[1:], "+" + good[1:], strings.Replace(good, "0000000000001000", "ffffffffffffffff", 1), strings.TrimSuffix(good, ".json")} {
		if _, ok := dir.RecordName(name); ok {
			t.Errorf("RecordName(%q) is one", name)
		}
	}
}
