// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

// Package rss tells how much memory processes have taken.
package rss

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// Peak returns the most resident memory in bytes that this process has had. Of
// others, pid not being 0, it is not known on this system.
func Peak(pid int) (int64, error) {
	if pid != 0 {
		return 0, errors.New("the peak of resident memory of a process is not known on this system")
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss), nil
	}
	return int64(u.Maxrss) << 10, nil
}
