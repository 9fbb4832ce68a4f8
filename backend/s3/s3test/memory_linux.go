// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	memory     = "/dev/shm"
	memoryRoom = 4 << 30 // bytes: several test binaries share it

	// sweepAge is more than passes between the making of a folder and its lock.
	sweepAge = time.Minute
)

// memoryFolder returns a file system in memory for what servers store, or "" for
// the usual folder. Servers wait for the disk after each request, and most of the
// time of a test would be that. Where tests take their time there are objects
// that memory may not hold, and a user who has set TMPDIR means it.
func memoryFolder() string {
	var fs syscall.Statfs_t
	if os.Getenv("S3SEAL_LONG") == "1" || os.Getenv("TMPDIR") != "" ||
		syscall.Statfs(memory, &fs) != nil || int64(fs.Bavail)*int64(fs.Bsize) < memoryRoom {
		return ""
	}
	sweep(memory)
	return memory
}

// sweep removes from parent what test binaries left that were killed: in memory
// it would be in the way until the machine is started again. What others keep
// there is not touched.
func sweep(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, dir := range left {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		if held, err := hold(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = os.Remove(dir + ".log")
			_ = held.Close()
		}
	}
}

// hold locks a folder, which the kernel undoes when this process ends.
func hold(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
