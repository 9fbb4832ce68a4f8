// SPDX-License-Identifier: Apache-2.0

//go:build unix

package score

import (
	"syscall"
	"time"
)

// now returns the processor time that this process has used, which does not
// run while a neighbour has the core.
func now() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("score: internal error: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
