// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// listed returns the keys of a listing.
func listed(t *testing.T, d *dir.Driver, opts backend.ListOptions) []string {
	t.Helper()
	var keys []string
	for info, err := range d.List(noCancel, &opts) {
		if err != nil {
			t.Fatalf("List(%+v) = %v after %q", opts, err, keys)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// TestListIsWhatGetOpens lists a folder into which others have written.
func TestListIsWhatGetOpens(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, "a/object", 1)
	mustPut(t, root, "z", 2)
	write(t, root, "plain/file", body(plain))
	write(t, root, "plain/.hidden", body(plain))
	write(t, root, "sub/.s3seal/file", body(plain)) // of a bucket in this one
	outside := t.TempDir()
	write(t, outside, "secret", body(plain))
	for link, to := range map[string]string{"link": outside + "/secret", "folder": outside, "inner": "a", "a/home": "../.s3seal", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skipf("no symbolic links: %v", err)
		}
	}
	if runtime.GOOS == "linux" {
		write(t, root, "bytes\xff", body(plain)) // no key
	}
	want := []string{"a/object", "plain/.hidden", "plain/file", "z"}
	d := open(t, root)
	if got := listed(t, d, backend.ListOptions{}); !slices.Equal(got, want) {
		t.Errorf("List:\n got %q\nwant %q", got, want)
	}
	for _, prefix := range []string{"link", "folder/", "inner/", "inner/object", "a/home/", ".s3seal/", ".s3seal/meta/", "../", "a/../", strings.Repeat("n", 300) + "/"} {
		if got := listed(t, d, backend.ListOptions{Prefix: prefix}); len(got) > 0 {
			t.Errorf("List of prefix %q: %q, want nothing", prefix, got)
		}
	}
}

// TestListAndDamage: a damaged record is no matter of a listing, a folder that may
// not be read is.
func TestListAndDamage(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, "damaged", 1)
	mustPut(t, root, "folder/object", 2)
	d := open(t, root)
	for _, name := range recordNames(t, root) {
		if strings.Contains(keyOf(name), "damaged") {
			if err := os.WriteFile(name, []byte("{"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := d.Stat(noCancel, "damaged"); err == nil {
		t.Fatal("Stat of an object with a damaged record = nil")
	}
	if got, want := listed(t, d, backend.ListOptions{}), []string{"damaged", "folder/object"}; !slices.Equal(got, want) {
		t.Errorf("List: %q, want %q", got, want)
	}
	if os.Getuid() <= 0 {
		return // nothing is forbidden to root, and Windows asks others
	}
	folder := filepath.Join(root, "folder")
	if err := os.Chmod(folder, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(folder, 0o777) })
	var last error
	for _, err := range d.List(noCancel, &backend.ListOptions{}) {
		last = err
	}
	if !errors.Is(last, os.ErrPermission) {
		t.Errorf("List over a folder that may not be read ends with %v, want %v", last, os.ErrPermission)
	}
}

// recordNames returns the paths of all records.
func recordNames(t *testing.T, root string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, ".s3seal", "meta", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// replaceMeta replaces metadata by that of the same generation and a mark.
func replaceMeta(d *dir.Driver, key string) error {
	info, err := d.Stat(noCancel, key)
	if err != nil {
		return err
	}
	meta := maps.Clone(info.Metadata)
	if meta == nil {
		meta = map[string]string{}
	}
	meta["mark"] = "new"
	_, err = d.ReplaceMetadata(noCancel, key, meta, info.ETag)
	return err
}

func marked(t *testing.T, root, key string) bool {
	t.Helper()
	info, err := open(t, root).Stat(noCancel, key)
	if err != nil {
		t.Fatalf("Stat(%q) = %v", key, err)
	}
	return info.Metadata["mark"] == "new"
}

func crashReplace(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	return replaceMeta(d, crashKey)
}

// TestKilledReplace kills a replacement of metadata at each of its steps: the
// object stays what it is, with the old metadata or the new.
func TestKilledReplace(t *testing.T) {
	if !dir.CanLock {
		t.Skip("no lock on this system")
	}
	before := map[string]func(t *testing.T, root string){
		"of an object":      func(t *testing.T, root string) { mustPut(t, root, crashKey, 4) },
		"of a plain file":   func(t *testing.T, root string) { write(t, root, crashKey, body(plain)) },
		"of a copied body":  func(t *testing.T, root string) { mustPut(t, root, crashKey, 4); copyBody(t, root, crashKey) },
		"of a body touched": func(t *testing.T, root string) { mustPut(t, root, crashKey, 4); touch(t, root, crashKey) },
	}
	for name, f := range before {
		if os.Getenv("S3SEAL_LONG") == "" && name != "of an object" && name != "of a copied body" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			gen, turned := 4, false
			if name == "of a plain file" {
				gen = plain
			}
			crashes(t, "replace", f, func(t *testing.T, root string, dead bool) {
				wantGeneration(t, root, crashKey, gen)
				now := marked(t, root, crashKey)
				if turned && !now || !dead && !now {
					t.Fatalf("metadata is the old one, turned %v, dead %v", turned, dead)
				}
				turned = now
				if !dead {
					wantClean(t, root)
				}
				copied(t, root, gen)
				usable(t, root)
			})
		})
	}
}

// copyBody gives the body another inode, as cp does.
func copyBody(t *testing.T, root, key string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(key))
	data, err := os.ReadFile(path)
	if err == nil {
		err = errors.Join(os.WriteFile(path+".copy", data, 0o666), os.Rename(path+".copy", path))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// touch gives the body another mtime.
func touch(t *testing.T, root, key string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(key))
	fi, err := os.Stat(path)
	if err == nil {
		at := fi.ModTime().Add(1e9)
		err = os.Chtimes(path, at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplaceOfCopies: a body without a record of its own gets one, and the
// listing knows its new ETag.
func TestReplaceOfCopies(t *testing.T) {
	if !dir.CanLock {
		t.Skip("no lock on this system")
	}
	root := filepath.Join(t.TempDir(), "root")
	for i, prepare := range []func(t *testing.T, root, key string){copyBody, touch} {
		key := fmt.Sprintf("folder/object-%d", i)
		mustPut(t, root, key, 6)
		prepare(t, root, key)
		d := open(t, root)
		if err := replaceMeta(d, key); err != nil {
			t.Fatalf("ReplaceMetadata(%q) = %v", key, err)
		}
		wantGeneration(t, root, key, 6)
		info, err := d.Stat(noCancel, key)
		if err != nil || info.Metadata["mark"] != "new" {
			t.Fatalf("Stat(%q) = %+v, %v", key, info, err)
		}
		for got, err := range d.List(noCancel, &backend.ListOptions{Prefix: key}) {
			if err != nil || got.ETag != info.ETag {
				t.Errorf("List(%q) = %v, %v, want ETag %q", key, got, err, info.ETag)
			}
		}
	}
	wantClean(t, root)
}

// TestReplaceMeetsPut lets a put, or a delete, come in at each step of a
// replacement: it is never undone.
func TestReplaceMeetsPut(t *testing.T) {
	if !dir.CanLock {
		t.Skip("no lock on this system")
	}
	for _, over := range []bool{false, true} {
		for n, more := 0, true; more; n++ {
			root := filepath.Join(memoryDir(t), "root")
			mustPut(t, root, crashKey, 4)
			if over {
				copyBody(t, root, crashKey)
			}
			more = putAtStep(t, root, n)
			if t.Failed() || n > 60 {
				t.Fatalf("stopped at step %d", n)
			}
			wantClean(t, root)
		}
	}
}

// putAtStep puts at step n of a replacement. It returns false if there was none.
func putAtStep(t *testing.T, root string, n int) (there bool) {
	t.Helper()
	d, other := open(t, root), open(t, root)
	info, err := d.Stat(noCancel, crashKey)
	if err != nil {
		t.Fatal(err)
	}
	locked, late, want := false, false, 4
	d.SetStep(func(step string) {
		locked = (locked || step == "metadata locked") && step != "metadata synced"
		late = late || step == "metadata synced"
		if n--; n != -1 {
			return
		}
		if there = true; locked { // the put would wait
			return
		}
		if want = 6; put(other, crashKey, want) != nil {
			t.Errorf("Put at step %q failed", step)
		}
		if !late {
			info = nil
		}
	})
	_, err = d.ReplaceMetadata(noCancel, crashKey, map[string]string{"generation": "4", "mark": "new"}, info.ETag)
	if errors.Is(err, backend.ErrChanged) != (info == nil) || info != nil && err != nil {
		t.Errorf("ReplaceMetadata = %v; put before the lock: %v", err, info == nil)
	}
	wantGeneration(t, root, crashKey, want)
	if got := marked(t, root, crashKey); got != (want == 4) {
		t.Errorf("generation %d with the metadata of the replacement: %v", want, got)
	}
	return there
}
