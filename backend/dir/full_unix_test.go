// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dir_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// fileLimit is the size of the largest file of a process with openLimited.
const fileLimit = 20_000

// openLimited opens a driver of a process that can write no larger file.
func openLimited(root string) (*dir.Driver, error) {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: fileLimit, Max: fileLimit}); err != nil {
		return nil, err
	}
	return dir.New(root, nil)
}

// fullUpload is fullDevice for what else writes: parts, what is made of them, and
// other metadata.
func fullUpload(args []string) error {
	d, err := openLimited(args[0])
	if err != nil {
		return err
	}
	opts := &backend.PutOptions{Metadata: metadata(2)}
	id, err := d.StartUpload(noCancel, crashKey, opts)
	if err != nil {
		return err
	}
	if _, err := d.PutPart(noCancel, crashKey, id, 1, make([]byte, 2*fileLimit)); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("part over the limit = %w, want %w", err, syscall.EFBIG)
	}
	var parts []backend.Part
	for n := range 2 { // they fit, what is made of them does not
		p, err := d.PutPart(noCancel, crashKey, id, n+1, make([]byte, fileLimit*3/4))
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	if _, err := d.CompleteUpload(noCancel, crashKey, id, parts, opts); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("object over the limit = %w, want %w", err, syscall.EFBIG)
	}
	if err := d.AbortUpload(noCancel, crashKey, id); err != nil {
		return err
	}
	if !dir.CanLock {
		return nil
	}
	info, err := d.Stat(noCancel, crashKey)
	if err != nil {
		return err
	}
	large := map[string]string{"large": strings.Repeat("x", 2*fileLimit)}
	if _, err := d.ReplaceMetadata(noCancel, crashKey, large, info.ETag); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("metadata over the limit = %w, want %w", err, syscall.EFBIG)
	}
	return nil
}

// TestFullDeviceOfUploads: no part, object or metadata is there in part.
func TestFullDeviceOfUploads(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, crashKey, 1)
	if out, err := child(t, "full upload", root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantGeneration(t, root, crashKey, 1)
	wantClean(t, root)
}

// readOnly does everything in a folder that this process may only read. Nothing is
// forbidden to root, so it becomes somebody else.
func readOnly(args []string) error {
	d, err := dir.New(args[0], nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if os.Getuid() == 0 { // not before: the way to the folder may be root's alone
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	if gen, err := generation(d, crashKey); gen != 1 || err != nil {
		return fmt.Errorf("generation %d, %w", gen, err)
	}
	info, err := d.Stat(noCancel, crashKey)
	if err != nil {
		return err
	}
	opts := &backend.PutOptions{Metadata: metadata(2)}
	_, perr := d.Put(noCancel, crashKey, bytes.NewReader(body(2)), -1, opts)
	_, nerr := d.Put(noCancel, "new/folder/object", bytes.NewReader(body(2)), -1, opts)
	_, uerr := d.StartUpload(noCancel, crashKey, opts)
	_, rerr := d.ReplaceMetadata(noCancel, crashKey, metadata(1), info.ETag)
	derr := d.Delete(noCancel, crashKey)
	for what, err := range map[string]error{"Put": perr, "Put of a new one": nerr, "StartUpload": uerr, "ReplaceMetadata": rerr, "Delete": derr} {
		if !errors.Is(err, fs.ErrPermission) && !(what == "ReplaceMetadata" && errors.Is(err, errors.ErrUnsupported)) {
			return fmt.Errorf("%s in a folder that is read-only = %w, want %w", what, err, fs.ErrPermission)
		}
	}
	return nil
}

// TestReadOnlyForOthers has a process read, and not write, what it may only read.
func TestReadOnlyForOthers(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, crashKey, 1)
	mode := func(m fs.FileMode) {
		filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(path, m)
			}
			return nil
		})
	}
	mode(0o555)
	t.Cleanup(func() { mode(0o755) })
	before := tree(root)
	if out, err := child(t, "read-only", root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if after := tree(root); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	wantGeneration(t, root, crashKey, 1)
}

// mix puts, uploads, replaces and deletes one object, at random, for as long as
// its second argument says.
func mix(args []string) error {
	span, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	d, err := dir.New(args[0], nil)
	if err != nil {
		return err
	}
	defer d.Close()
	for end, gen := time.Now().Add(span), os.Getpid()%1000*1000; time.Now().Before(end); gen++ {
		switch rand.IntN(5) {
		case 0, 1:
			err = put(d, crashKey, gen)
		case 2:
			err = uploadParts(d, crashKey, gen)
		case 3:
			err = replaceMeta(d, crashKey)
		case 4:
			err = d.Delete(noCancel, crashKey)
		}
		lost := errors.Is(err, backend.ErrExist) || errors.Is(err, backend.ErrChanged) || errors.Is(err, backend.ErrNotExist)
		if err != nil && !lost { // by those who have come first
			return err
		}
	}
	return nil
}

// TestProcessesMix lets three processes do everything to one object: a reader sees
// whole objects only, and nothing is left.
func TestProcessesMix(t *testing.T) {
	needLock(t)
	span := time.Second / 2
	if os.Getenv("S3SEAL_LONG") == "1" {
		span = 5 * time.Second
	}
	root := filepath.Join(memoryDir(t), "root")
	var writers, reader sync.WaitGroup
	var over atomic.Bool
	for range 3 {
		writers.Go(func() {
			if out, err := child(t, "mix", root, span.String()).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	reads := 0
	d := open(t, root)
	reader.Go(func() {
		for !over.Load() {
			if _, err := generation(d, crashKey); err == nil {
				reads++
			} else if !errors.Is(err, backend.ErrNotExist) {
				t.Errorf("Get = %v", err)
				return
			}
		}
	})
	writers.Wait()
	over.Store(true)
	reader.Wait()
	if reads == 0 {
		t.Error("no object was read")
	}
	uploads, err := d.ListUploads(noCancel, "")
	if err != nil {
		t.Error(err)
	}
	for _, u := range uploads { // whoever lost leaves it to the caller
		if err := d.AbortUpload(noCancel, u.Key, u.ID); err != nil {
			t.Error(err)
		}
	}
	wantClean(t, root)
}
