// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// TestGetFileSync: when a file goes to the disk changes nothing of what is in it,
// with sizes around what goes at once.
func TestGetFileSync(t *testing.T) {
	p := profiles(t)[0]
	path := filepath.Join(t.TempDir(), "out")
	for _, size := range []int{0, 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 17 << 20} {
		data := bytes.Repeat([]byte("s3seal "), size/7+1)[:size]
		d := stored(t, p, "key", data)
		for _, o := range []backend.DownloadOptions{
			{}, {NoSync: true}, {Concurrency: 1}, {PartSize: 5 << 20}, {PartSize: 1 << 20, NoSync: true},
		} {
			if _, err := p.downloading(d, nil, o).GetFile(t.Context(), "key", path); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %+v: got %d bytes, %v", size, o, len(got), err)
			}
		}
	}
}

// TestGetFileSyncs: a file has its name when all of it is on the disk, and not
// before; with NoSync nobody waits for that.
func TestGetFileSyncs(t *testing.T) {
	path := filepath.Join(memoryFolder(t), "out")
	for _, p := range suites(t) {
		for _, size := range []int{0, 1, 3*chunk + 5} {
			data := pattern(size)
			d := stored(t, p, "key", data)
			for _, o := range []backend.DownloadOptions{{}, {Concurrency: 1}, {PartSize: chunk}, {NoSync: true}, {NoSync: true, PartSize: chunk}} {
				what := fmt.Sprintf("%s: %d bytes, %+v", p.name, size, o)
				if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
				f := &backend.TracedFile{OnSync: func(name string) {
					if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, data) {
						t.Errorf("%s: Sync has %d bytes, %v", what, len(got), err)
					}
					if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
						t.Errorf("%s: %d bytes under its name ahead of Sync, %v", what, len(got), err)
					}
				}}
				if err := p.downloading(d, nil, o).GetFileTraced(t.Context(), "key", path, f); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				want := []string{"truncate", "write", "truncate", "sync", "close"}
				steps := slices.DeleteFunc(want, func(step string) bool {
					return step == "write" && size == 0 || step == "sync" && o.NoSync
				})
				if !slices.Equal(f.Steps, steps) {
					t.Errorf("%s: %q, want %q", what, f.Steps, steps)
				}
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: got %d bytes, %v", what, len(got), err)
				}
			}
		}
	}
}

// TestGetFileDiskFails: whatever a disk refuses, path is as it was, and nothing is
// left beside it.
func TestGetFileDiskFails(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(3*chunk))
	for _, step := range []string{"truncate", "write", "sync", "close"} {
		folder := memoryFolder(t)
		path := filepath.Join(folder, "out")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		f := &backend.TracedFile{Fail: map[string]error{step: errBroken}}
		err := p.downloading(d, nil, noResume).GetFileTraced(t.Context(), "key", path, f)
		wantErr(t, step, err, errBroken)
		wantFile(t, folder, "out", "old")
	}
}
