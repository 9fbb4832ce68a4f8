// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"syscall"
)

// maxRSS returns the maximum resident size, in bytes, of a process that has
// ended.
func maxRSS(state *os.ProcessState) (int64, bool) {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, false
	}
	return int64(usage.Maxrss) << 10, true // in KiB here
}
