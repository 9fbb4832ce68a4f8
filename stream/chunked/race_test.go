// SPDX-License-Identifier: Apache-2.0

//go:build race

package chunked_test

const raceEnabled = true
