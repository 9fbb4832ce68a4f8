// SPDX-License-Identifier: Apache-2.0

//go:build unix && !aix && !solaris

package dir

import (
	"errors"
	"os"
	"syscall"
)

// canLock says that lockFile works.
const canLock = true

// lockFile tries to lock an open file, alone or together with others. It does
// not wait. The lock ends with the file, also if the process is killed.
func lockFile(f *os.File, alone bool) (done bool, err error) {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var lerr error
	err = conn.Control(func(fd uintptr) { lerr = syscall.Flock(int(fd), how|syscall.LOCK_NB) })
	if err = errors.Join(err, lerr); errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
