// SPDX-License-Identifier: Apache-2.0

//go:build !linux || arm

package backend

import "os"

// writeOut does nothing here: the system begins when it likes.
func writeOut(*os.File, int64, int64) {}
