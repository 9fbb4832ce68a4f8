// SPDX-License-Identifier: Apache-2.0

// Package filelock keeps other processes, and other calls in this one, away from
// a file that is in use, and tells files of other users.
package filelock

import "errors"

// ErrLocked says that another has the lock.
var ErrLocked = errors.New("file is in use")
