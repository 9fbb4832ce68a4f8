// SPDX-License-Identifier: Apache-2.0

//go:build !unix || aix || solaris

package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Beside says whether the lock is a file of its own, beside the one that is
// locked, and so lasts when that is closed.
const Beside = true

// Lock takes a lock that is a file of its own beside the file at path, and that
// unlock removes, which is to be called after the file was closed. A process
// that is killed leaves it behind, and nobody but its owner can know that it is
// dead. Lock does not wait: the error wraps [ErrLocked] if another has the lock.
//
// It may be called concurrently.
func Lock(_ *os.File, path string) (unlock func(), err error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w, or was when its process was killed: then remove %s", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	f.Close() // nothing was written to it
	return func() { os.Remove(name) }, nil
}
