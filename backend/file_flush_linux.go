// SPDX-License-Identifier: Apache-2.0

//go:build !arm

package backend

import "syscall"

// writeOut has the system begin to write n bytes from off on to the disk. It is no
// more than a hint: whether they are there is what Sync finds out.
func writeOut(f syscall.Conn, off, n int64) {
	const write = 2 // SYNC_FILE_RANGE_WRITE, which does not wait for the disk
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = syscall.SyncFileRange(int(fd), off, n, write) })
	}
}
