// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dir

import (
	"io/fs"
	"os"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK

// inode returns what tells f from all other files that exist, within its file
// system. The device is left out on purpose: all bodies of a root are on the
// device that they were renamed on, and its number can change with a reboot.
func inode(_ *os.File, fi fs.FileInfo) (uint64, error) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino), nil
	}
	return 0, nil
}
