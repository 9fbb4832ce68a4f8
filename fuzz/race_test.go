// SPDX-License-Identifier: Apache-2.0

//go:build race

package fuzz_test

// withRace is true under the race detector, which makes pools of buffers forget
// and short streams slow.
const withRace = true
