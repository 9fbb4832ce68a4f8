// SPDX-License-Identifier: Apache-2.0

//go:build !race

package fuzz_test

const withRace = false
