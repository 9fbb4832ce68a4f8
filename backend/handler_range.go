// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// A rangeSpec is one range of a Range field (RFC 9110, section 14.1.2).
type rangeSpec struct {
	first, last int64 // last is math.MaxInt64 if it is open
	suffix      bool  // the last bytes, as many as last says
}

// all says whether s asks for everything, whatever that is.
func (s *rangeSpec) all() bool { return !s.suffix && s.first == 0 && s.last == math.MaxInt64 }

// resolve returns the part of size bytes that s names.
func (s *rangeSpec) resolve(size int64) (off, n int64, err error) {
	off = s.first
	if s.suffix {
		off = max(0, size-s.last)
	}
	if off >= size || s.suffix && s.last == 0 {
		return 0, 0, fmt.Errorf("%w: %s of %d bytes", ErrRange, s, size)
	}
	if n = size - off; !s.suffix && s.last < size {
		n = s.last - off + 1
	}
	return off, n, nil
}

// String writes s as in a Range field.
func (s *rangeSpec) String() string {
	switch {
	case s.suffix:
		return fmt.Sprintf("-%d", s.last)
	case s.last == math.MaxInt64:
		return fmt.Sprintf("%d-", s.first)
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}

// parseRanges reads the Range field of a request for one range of bytes. It
// returns nil if there is none to be looked at: another unit must be ignored,
// and several ranges may be. What is malformed is ErrRange, so that nobody gets
// other bytes than he has meant to ask for.
func parseRanges(h http.Header) (*rangeSpec, error) {
	fields := h.Values("Range")
	if len(fields) == 0 {
		return nil, nil
	}
	unit, set, ok := strings.Cut(fields[0], "=")
	if ok && !strings.EqualFold(unit, "bytes") {
		return nil, nil
	}
	if !ok || len(fields) > 1 {
		return nil, badRange(strings.Join(fields, ", "))
	}
	var only *rangeSpec
	specs := 0
	for part := range strings.SplitSeq(set, ",") {
		if part = strings.Trim(part, " \t"); part == "" { // an empty element of a list means nothing
			continue
		}
		spec, ok := parseRange(part)
		if !ok {
			return nil, badRange(fields[0])
		}
		only = spec
		specs++
	}
	switch specs {
	case 0:
		return nil, badRange(fields[0])
	case 1:
		return only, nil
	}
	return nil, nil
}

func badRange(field string) error { return fmt.Errorf("%w: malformed: %q", ErrRange, field) }

// parseRange reads a-b, a- or -n.
func parseRange(s string) (*rangeSpec, bool) {
	first, last, ok := strings.Cut(s, "-")
	if !ok || strings.Trim(first+last, "0123456789") != "" || first+last == "" {
		return nil, false
	}
	if first == "" {
		return &rangeSpec{suffix: true, last: saturated(last)}, true
	}
	spec := &rangeSpec{first: saturated(first), last: math.MaxInt64}
	if last != "" {
		spec.last = saturated(last)
	}
	return spec, spec.first <= spec.last
}

// saturated is the value of digits, or the largest there is. No object is larger.
func saturated(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}
