// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"os"
	"path"
	"syscall"
	"unsafe"
)

// atRemovedir lets unlinkat remove folders, and nothing but folders.
const atRemovedir = 0x200

// removeFolder removes an empty folder. [os.Root.Remove] would not do: if the
// folder has become an object meanwhile, it would remove the object.
func (d *Driver) removeFolder(folder string) error {
	parent, err := d.root.Open(path.Dir(folder))
	if err != nil {
		return err
	}
	defer parent.Close()
	name, err := syscall.BytePtrFromString(path.Base(folder))
	if err != nil {
		return err
	}
	// The one call that package os does not offer and syscall does not wrap.
	_, _, errno := syscall.Syscall(syscall.SYS_UNLINKAT, parent.Fd(), uintptr(unsafe.Pointer(name)), atRemovedir)
	if errno != 0 {
		return &os.PathError{Op: "unlinkat", Path: folder, Err: errno}
	}
	return nil
}
