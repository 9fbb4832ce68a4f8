// SPDX-License-Identifier: Apache-2.0

//go:build race

package engine

// withRace is for tests that count allocations: the race detector makes
// sync.Pool drop things at random.
const withRace = true
