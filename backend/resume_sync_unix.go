// SPDX-License-Identifier: Apache-2.0

//go:build unix && !aix && !solaris

package backend

import (
	"errors"
	"os"
	"syscall"
)

// syncParent makes durable that a file is in its folder. There are file systems
// that cannot; they do so by themselves, or never.
func syncParent(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
