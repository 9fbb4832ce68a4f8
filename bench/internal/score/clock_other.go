// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package score

import "time"

var start = time.Now()

// now returns the time since the start; there is no portable processor time.
func now() time.Duration { return time.Since(start) }
