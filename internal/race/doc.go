// SPDX-License-Identifier: Apache-2.0

// Package race tells tests whether the race detector is at work. It makes
// [sync.Pool] drop things at random, and computing several times as slow.
package race
