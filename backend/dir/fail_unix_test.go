// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dir_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// fullDevice puts with a limit on the size of files, which is to a process
// what a full device is: a write fails after some bytes.
func fullDevice(args []string) error {
	d, err := openLimited(args[0])
	if err != nil {
		return err
	}
	// Over the limit: once the body, once the record.
	for n, meta := range map[int]map[string]string{
		100_000: metadata(2),
		100:     {"large": strings.Repeat("x", 2*fileLimit)},
	} {
		_, err := d.Put(noCancel, "f/k", bytes.NewReader(make([]byte, n)), int64(n), &backend.PutOptions{Metadata: meta})
		if !errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("put of %d bytes = %w, want %w", n, err, syscall.EFBIG)
		}
	}
	return nil
}

func TestFullDevice(t *testing.T) {
	for _, before := range []int{none, 1} {
		root := t.TempDir()
		if before != none {
			mustPut(t, root, "f/k", before)
		}
		if out, err := child(t, "full", root).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		wantGeneration(t, root, "f/k", before)
		wantClean(t, root)
	}
}

// TestFIFO looks at what blocks whoever opens it.
func TestFIFO(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	for _, name := range []string{"fifo", ".s3seal/tmp"} {
		path := filepath.Join(root, name)
		os.Remove(path)
		if err := syscall.Mkfifo(path, 0o666); err != nil {
			t.Skip(err)
		}
	}
	done := make(chan error)
	go func() {
		d, err := dir.New(root, nil) // sweeps
		if err != nil {
			done <- err
			return
		}
		defer d.Close()
		for _, key := range []string{"fifo", "fifo/x"} {
			_, perr := d.Put(noCancel, key, unread{t}, 1, &backend.PutOptions{})
			_, serr := d.Stat(noCancel, key)
			for _, err := range []error{perr, serr, d.Delete(noCancel, key)} {
				if !errors.Is(err, backend.ErrKey) {
					t.Errorf("Put, Stat or Delete(%q) = %v, want ErrKey", key, err)
				}
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a FIFO blocks the driver")
	}
	wantGeneration(t, root, "k", 1)
}

// TestModes checks that the umask decides who may read.
func TestModes(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, "f/k", 1)
	for name, want := range map[string]os.FileMode{"": 0o750, "f": 0o750, "f/k": 0o640, ".s3seal/meta": 0o750} {
		fi, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode().Perm(); got != want {
			t.Errorf("mode of %q: %v, want %v", name, got, want)
		}
	}
}
