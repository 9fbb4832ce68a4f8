// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// A byteRange is a part of the plaintext in the terms of Bucket.GetRange: n is
// -1 for all from off on, and a negative off counts from the end.
type byteRange struct {
	off, n int64
}

// Decode implements kong.MapperValue. It takes the token as it is, because
// kong would take the -N in "--range -N" for a flag.
func (r *byteRange) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	s, _ := token.Value.(string)
	parsed, err := parseRange(s)
	*r = parsed
	return err
}

// parseRange reads the three forms of an HTTP range: A-B (both inclusive), A-
// and -N (the last N bytes).
func parseRange(s string) (byteRange, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok || first == "" && last == "" {
		return byteRange{}, badRange(s)
	}
	if first == "" {
		n, ok := parseOffset(last)
		if !ok || n == 0 {
			return byteRange{}, badRange(s)
		}
		return byteRange{off: -n, n: -1}, nil
	}
	a, ok := parseOffset(first)
	if !ok {
		return byteRange{}, badRange(s)
	}
	if last == "" {
		return byteRange{off: a, n: -1}, nil
	}
	b, ok := parseOffset(last)
	if !ok || b < a {
		return byteRange{}, badRange(s)
	}
	if b-a == math.MaxInt64 { // its length does not fit, but no object is that long
		return byteRange{off: a, n: -1}, nil
	}
	return byteRange{off: a, n: b - a + 1}, nil
}

// parseOffset is strconv.ParseInt for digits only: no sign, no underscore.
func parseOffset(s string) (int64, bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func badRange(s string) error {
	return usagef("range %q: want A-B with A <= B (both inclusive), A- or -N (the last N bytes)", s)
}
