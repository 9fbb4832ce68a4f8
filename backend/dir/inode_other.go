// SPDX-License-Identifier: Apache-2.0

//go:build !unix && !windows

package dir

import (
	"io/fs"
	"os"
)

const openNonblock = 0

// inode returns 0: bodies are told apart by mtime and size only.
func inode(*os.File, fs.FileInfo) (uint64, error) { return 0, nil }
