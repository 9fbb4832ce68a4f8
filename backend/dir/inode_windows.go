// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"io/fs"
	"os"
	"syscall"
)

const openNonblock = 0

// inode returns the index of f, which tells it from all other files that
// exist on its volume.
func inode(f *os.File, _ fs.FileInfo) (uint64, error) {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &info); err != nil {
		return 0, &fs.PathError{Op: "GetFileInformationByHandle", Path: f.Name(), Err: err}
	}
	return uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}
