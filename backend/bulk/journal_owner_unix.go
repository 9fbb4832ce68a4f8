// SPDX-License-Identifier: Apache-2.0

//go:build unix

package bulk

import (
	"io/fs"
	"os"
	"syscall"
)

// ours says whether a file belongs to the user. What root opens may be anybody's.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid())
}
