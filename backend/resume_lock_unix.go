// SPDX-License-Identifier: Apache-2.0

//go:build unix && !aix && !solaris

package backend

import (
	"errors"
	"os"
	"syscall"
)

// closeToRemove is false: the lock is on the file itself, and so must not end before the file does.
const closeToRemove = false

// lockState takes the lock of an open state file, which ends with the file, also
// if the process is killed. It does not wait: the error is [ErrStateInUse] if
// another has it.
func lockState(f *os.File, _ string) (unlock func(), err error) {
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, ErrStateInUse
		default:
			return func() {}, err
		}
	}
}

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
