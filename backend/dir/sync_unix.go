// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dir

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder makes durable what is in an open folder, and closes it. There are
// file systems that cannot sync folders; they do so by themselves, or never.
func syncFolder(f *os.File) error {
	defer f.Close()
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
