// SPDX-License-Identifier: Apache-2.0

//go:build unix && !aix && !solaris

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Beside says whether the lock is a file of its own, beside the one that is
// locked, and so lasts when that is closed.
const Beside = false

// Lock takes the lock of an open file, alone. It ends with the file, also if the
// process is killed; unlock, which is to be called after the file was closed,
// has nothing to do. Lock does not wait: the error is [ErrLocked] if another has
// the lock. path is the name that f was opened by.
//
// It may be called concurrently.
func Lock(f *os.File, path string) (unlock func(), err error) {
	conn, err := f.SyscallConn() // f.Fd would make all its calls blocking ones
	if err != nil {
		return nil, err
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			lockErr = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
			if lockErr != syscall.EINTR {
				return
			}
		}
	})
	if errors.Is(lockErr, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return func() {}, errors.Join(err, lockErr)
}
