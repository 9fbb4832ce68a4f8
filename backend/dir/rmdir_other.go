// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package dir

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// removeFolder removes an empty folder. [os.Root.Remove] would not do: if the
// folder has become an object meanwhile, it would remove the object.
//
// It goes by path, for want of a call that goes by descriptor. Were a parent
// replaced by a link in just that moment, an empty folder elsewhere could go.
func (d *Driver) removeFolder(folder string) error {
	name := filepath.Join(d.root.Name(), filepath.FromSlash(folder))
	byRoot, err := d.root.Lstat(folder)
	if err != nil {
		return err
	}
	byPath, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if !os.SameFile(byRoot, byPath) {
		return &fs.PathError{Op: "rmdir", Path: name, Err: fs.ErrNotExist}
	}
	return syscall.Rmdir(name)
}
