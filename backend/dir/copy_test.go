// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// copyWith copies root by a command, or skips the test if there is none.
func copyWith(t *testing.T, root string, command ...string) string {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("no %s here", command[0])
	}
	cp := filepath.Join(t.TempDir(), "copy")
	args := append(command[1:], root, cp)
	if out, err := exec.Command(command[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%v = %v: %s", command, err, out)
	}
	return cp
}

// TestCopied reads, writes and deletes in folders that other programs copied.
func TestCopied(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	for i, key := range []string{"a", "b/c", "b/d"} {
		mustPut(t, root, key, 10+i)
	}
	write(t, root, "plain", body(plain))
	for _, command := range [][]string{{"cp", "-a"}, {"cp", "-r"}, {"cp", "-al"}} {
		t.Run(command[0]+command[1], func(t *testing.T) {
			cp := copyWith(t, root, command...)
			wantGeneration(t, cp, "a", 10)
			wantGeneration(t, cp, "b/c", 11)
			wantGeneration(t, cp, "plain", plain)
			mustPut(t, cp, "a", 20)
			wantGeneration(t, cp, "a", 20)
			wantClean(t, cp)
			if err := open(t, cp).Delete(noCancel, "b/c"); err != nil {
				t.Errorf("Delete = %v", err)
			}
			wantGeneration(t, cp, "b/c", none)
			wantGeneration(t, cp, "b/d", 12)
		})
	}
	wantGeneration(t, root, "a", 10) // the source of cp -al shares its inodes
	wantGeneration(t, root, "b/c", 11)
}

// TestCopiedAfterCrash copies a folder with two records for a key: that of
// the object and that of the one before it, or of one never put. Their bodies
// are of one size, so only the checksum can tell.
func TestCopiedAfterCrash(t *testing.T) {
	for _, step := range []string{"committed", "record synced", "before commit"} {
		t.Run(step, func(t *testing.T) {
			root := t.TempDir()
			mustPut(t, root, "k", 1)
			d := open(t, root)
			abandon(d, step, func() { put(d, "k", 3) })
			want, err := generation(open(t, root), "k")
			if err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{"cp", "-a"}, {"cp", "-r"}} {
				cp := copyWith(t, root, command...)
				wantGeneration(t, cp, "k", want)
				os.RemoveAll(filepath.Join(cp, ".s3seal", "tmp"))
				wantGeneration(t, cp, "k", want)
			}
			cp := copyWith(t, root, "cp", "-r")
			overwrite(t, filepath.Join(cp, "k"), body(5))
			// Of the record of a body never put nobody may take notice.
			if meta, _ := stat(t, cp, "k", len(body(5))); meta["generation"] != strconv.Itoa(want) {
				t.Errorf("metadata of a copied and changed body: %v, want generation %d", meta, want)
			}
		})
	}
}

// stat returns metadata and ETag of an object and checks its size.
func stat(t *testing.T, root, key string, size int) (map[string]string, string) {
	t.Helper()
	info, err := open(t, root).Stat(noCancel, key)
	if err != nil {
		t.Fatalf("Stat(%q) = %v", key, err)
	}
	if info.Size != int64(size) {
		t.Errorf("Stat(%q): size %d, want %d", key, info.Size, size)
	}
	return info.Metadata, info.ETag
}

// TestTouchedByHand changes bodies behind the driver's back. The metadata
// stays, for decryption to refuse the body, and the ETag changes.
func TestTouchedByHand(t *testing.T) {
	for name, touch := range map[string]func(t *testing.T, path string) int{
		"flipped": func(t *testing.T, path string) int {
			data := body(2)
			data[100] ^= 1
			return overwrite(t, path, data)
		},
		"truncated": func(t *testing.T, path string) int { return overwrite(t, path, body(2)[:50]) },
		"emptied":   func(t *testing.T, path string) int { return overwrite(t, path, nil) },
		"replaced by rename": func(t *testing.T, path string) int {
			n := overwrite(t, path+".new", body(7))
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
			return n
		},
		"touched": func(t *testing.T, path string) int {
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			return len(body(2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			mustPut(t, root, "k", 2)
			_, before := stat(t, root, "k", len(body(2)))
			size := touch(t, filepath.Join(root, "k"))
			meta, after := stat(t, root, "k", size)
			if meta["generation"] != "2" {
				t.Errorf("metadata %v, want that of generation 2", meta)
			}
			if before == after {
				t.Errorf("ETag %q did not change", after)
			}
			if _, again := stat(t, root, "k", size); again != after {
				t.Errorf("ETag %q, then %q", after, again)
			}
			mustPut(t, root, "k", 3)
			wantGeneration(t, root, "k", 3)
			wantClean(t, root)
		})
	}
}

func overwrite(t *testing.T, path string, data []byte) int {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return len(data)
}

// TestTouchedMeanwhile changes a body in place while its put is still busy with
// removing records: not its own.
func TestTouchedMeanwhile(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	d := open(t, root)
	d.SetStep(func(step string) {
		if step == "records judged" {
			overwrite(t, filepath.Join(root, "k"), body(7)[:100])
		}
	})
	if err := put(d, "k", 2); err != nil {
		t.Fatal(err)
	}
	if meta, _ := stat(t, root, "k", 100); meta["generation"] != "2" {
		t.Errorf("metadata %v, want that of generation 2", meta)
	}
}

// TestPlainFiles reads and replaces files that no put has written.
func TestPlainFiles(t *testing.T) {
	root := t.TempDir()
	write(t, root, "sub/plain", body(plain))
	meta, etag := stat(t, root, "sub/plain", len(body(plain)))
	if len(meta) > 0 || etag == "" {
		t.Errorf("Stat: metadata %v, ETag %q, want none and one", meta, etag)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 1 {
		t.Errorf("a reader has written:\n%s", tree(root))
	}
	mustPut(t, root, "sub/plain", 1)
	wantGeneration(t, root, "sub/plain", 1)
	wantClean(t, root)
}

// TestRemovedByHand removes a body as users do. Delete, though there is
// nothing to delete, forgets what is left of the object.
func TestRemovedByHand(t *testing.T) {
	root := t.TempDir()
	mustPut(t, root, "k", 1)
	if err := os.Remove(filepath.Join(root, "k")); err != nil {
		t.Fatal(err)
	}
	wantGeneration(t, root, "k", none)
	if err := open(t, root).Delete(noCancel, "k"); !errors.Is(err, backend.ErrNotExist) {
		t.Errorf("Delete = %v, want ErrNotExist", err)
	}
	wantClean(t, root)
	write(t, root, "k", body(plain))
	wantGeneration(t, root, "k", plain)
}

// TestSameIdentity gives a put a body that the file system cannot tell from
// one before it. It must not get that one's metadata.
func TestSameIdentity(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	d.SetStep(func(step string) {
		if step != "body closed" {
			return
		}
		names, err := filepath.Glob(filepath.Join(root, ".s3seal", "tmp", "*"))
		if err != nil || len(names) != 1 {
			t.Fatalf("bodies in tmp: %v, %v", names, err)
		}
		path, _ := filepath.Rel(root, names[0])
		if err := dir.ForgeRecord(root, filepath.ToSlash(path), "k", `{"key":"k","metadata":{"generation":"9"}}`); err != nil {
			t.Fatal(err)
		}
	})
	if err := put(d, "k", 1); err != nil {
		t.Fatal(err)
	}
	wantGeneration(t, root, "k", 1)
}

// TestDamagedRecord reads objects whose records are not what Put wrote.
func TestDamagedRecord(t *testing.T) {
	for name, data := range map[string]string{
		"empty":       "",
		"torn":        `{"key":"k","metadata":{"gene`,
		"other key":   `{"key":"other","metadata":{}}`,
		"wrong type":  `{"key":"k","metadata":{"a":1}}`,
		"two objects": `{"key":"k"}{"key":"k"}`,
		"deep":        `{"key":"k","metadata":` + strings.Repeat(`{"a":`, 1<<17),
		"deep, whole": strings.Repeat("[", 1<<18) + strings.Repeat("]", 1<<18),
		"huge":        `{"key":"k"}` + string(bytes.Repeat([]byte(" "), 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "k", body(1))
			if err := dir.ForgeRecord(root, "k", "k", data); err != nil {
				t.Fatal(err)
			}
			_, err := open(t, root).Stat(noCancel, "k")
			if err == nil || errors.Is(err, backend.ErrNotExist) || errors.Is(err, io.EOF) {
				t.Errorf("Stat = %v, want an error that the record is damaged", err)
			}
			mustPut(t, root, "k", 2)
			wantGeneration(t, root, "k", 2)
			wantClean(t, root)
		})
	}
}
