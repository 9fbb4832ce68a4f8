// SPDX-License-Identifier: Apache-2.0

// Package rss tells how much memory processes have taken.
package rss

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Peak returns the most resident memory in bytes that a process has had, this one
// if pid is 0. It does not ask getrusage, which counts what the process was started
// from too.
func Peak(pid int) (int64, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	status, err := os.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	var kib int64
	if _, err := fmt.Sscanf(string(rest), "%d kB", &kib); err != nil {
		return 0, fmt.Errorf("VmHWM in /proc/%s/status: %w", name, err)
	}
	return kib << 10, nil
}
