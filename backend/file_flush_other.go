// SPDX-License-Identifier: Apache-2.0

//go:build !linux || arm

package backend

import "syscall"

// writeOut does nothing here: the system begins when it likes.
func writeOut(syscall.Conn, int64, int64) {}
