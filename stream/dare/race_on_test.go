// SPDX-License-Identifier: Apache-2.0

//go:build race

package dare_test

const raceEnabled = true
