// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
)

func TestParseRange(t *testing.T) {
	for _, c := range []struct {
		in     string
		off, n int64
	}{
		{"0-0", 0, 1},
		{"0-99", 0, 100},
		{"5-5", 5, 1},
		{"007-9", 7, 3},
		{"5-", 5, -1},
		{"0-", 0, -1},
		{"-1", -1, -1},
		{"-500", -500, -1},
		{"1-9223372036854775807", 1, 9223372036854775807},
		{"0-9223372036854775807", 0, -1},
		{"9223372036854775807-", 9223372036854775807, -1},
		{"-9223372036854775807", -9223372036854775807, -1},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, err := parseRange(c.in)
			if want := (byteRange{c.off, c.n}); err != nil || got != want {
				t.Errorf("parseRange = %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestParseRangeRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", "--", "5", "5-4", "-0", "-00", "a-b", "1-b", "+1-2", "1-+2", "1--2", "-1-2", "0x1-2", "1_0-20",
		" 1-2", "1-2 ", "1-2,4-5", "bytes=1-2", "9223372036854775808-", "0-9223372036854775808", "-9223372036854775808",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := parseRange(in)
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Errorf("parseRange = %+v, %v; want a usage error", got, err)
			}
		})
	}
}
