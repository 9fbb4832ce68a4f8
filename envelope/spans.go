// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"cmp"
	"slices"
)

// spans are parts of an object, by offset. None overlap or touch: those that
// meet become one, so that parts which come about in order stay few.
type spans []BodyRange

// add adds n bytes at off, and says false, and adds nothing, if some of them are
// there.
func (s *spans) add(off, n int64) bool {
	i, ok := slices.BinarySearchFunc(*s, off, func(r BodyRange, off int64) int { return cmp.Compare(r.Off, off) })
	if ok && n > 0 || i > 0 && (*s)[i-1].end() > off || i < len(*s) && off+n > (*s)[i].Off {
		return false
	}
	if n == 0 {
		return true
	}
	*s = slices.Insert(*s, i, BodyRange{off, n})
	s.join(i)
	if i > 0 {
		s.join(i - 1)
	}
	return true
}

// join makes one of the parts i and i+1 if they meet.
func (s *spans) join(i int) {
	if i+1 < len(*s) && (*s)[i].end() == (*s)[i+1].Off {
		(*s)[i].N += (*s)[i+1].N
		*s = slices.Delete(*s, i+1, i+2)
	}
}

// whole says whether all of the bytes up to end are there.
func (s spans) whole(end int64) bool {
	return end == 0 || len(s) == 1 && s[0] == BodyRange{0, end}
}

func (r BodyRange) end() int64 { return r.Off + r.N }
