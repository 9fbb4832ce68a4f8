// SPDX-License-Identifier: Apache-2.0

//go:build unix

package filelock

import (
	"io/fs"
	"os"
	"syscall"
)

// Ours says whether a file belongs to the user. What root opens may be anybody's.
// It may be called concurrently.
func Ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid())
}
