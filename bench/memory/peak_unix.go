// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package main

import (
	"fmt"
	"runtime"
	"syscall"
)

// peakMemory returns the most memory in bytes that this process has had.
func peakMemory() (int64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss), nil
	}
	return int64(u.Maxrss) << 10, nil
}
