// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"os"
	"sync"
)

// A TracedFile is the temporary file of one GetFile. It records what is done with
// it, a row of writes as one, and fails where it is told to.
type TracedFile struct {
	*os.File
	Steps  []string
	Fail   map[string]error // by step
	OnSync func(name string)

	mu sync.Mutex
}

// GetFileTraced is GetFile with a temporary file that is f.
func (b *Bucket) GetFileTraced(ctx context.Context, key, path string, f *TracedFile) error {
	_, err := b.getFile(ctx, key, path, func(folder string) (tempFile, error) {
		var err error
		f.File, err = os.CreateTemp(folder, tempPattern)
		return f, err
	})
	return err
}

func (f *TracedFile) step(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.Steps); name != "write" || n == 0 || f.Steps[n-1] != name {
		f.Steps = append(f.Steps, name)
	}
	return f.Fail[name]
}

// WriteAt writes.
func (f *TracedFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.step("write"); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

// Truncate changes the size.
func (f *TracedFile) Truncate(size int64) error {
	if err := f.step("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync does not wait for any disk.
func (f *TracedFile) Sync() error {
	if f.OnSync != nil {
		f.OnSync(f.Name())
	}
	return f.step("sync")
}

// Close closes the file, also if it says that it has failed.
func (f *TracedFile) Close() error {
	closed := f.File.Close()
	if err := f.step("close"); err != nil {
		return err
	}
	return closed
}
