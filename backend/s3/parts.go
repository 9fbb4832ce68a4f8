// SPDX-License-Identifier: Apache-2.0

package s3

import "math"

// A layout says how large the parts of an upload are.
type layout struct {
	base  int64 // of the first part
	grows bool
}

// newLayout plans an upload of size bytes, or of an unknown number if size is
// -1.
func newLayout(size, partSize int64, equal bool) layout {
	if size < 0 {
		return layout{base: partSize, grows: !equal}
	}
	least := (size + maxParts - 1) / maxParts
	if least <= partSize {
		return layout{base: partSize}
	}
	const unit = 1 << 20
	return layout{base: (least + unit - 1) / unit * unit}
}

// size returns the size of part i, counted from 0.
//
// The parts of a body of unknown size grow with the square of their number,
// in steps of the base so that few buffers are made. At 17 bytes for each i²
// the sum over 10,000 parts passes 5 TiB whatever the base, while the first
// 700 parts, 5.5 GiB of 8 MiB each, do not grow at all. Growing in proportion
// to i would end no lower and begin much earlier.
func (l layout) size(i int) int64 {
	if !l.grows {
		return l.base
	}
	n := int64(i)
	steps := 17 * n * n / l.base
	return min(l.base*(1+steps), maxPartSize, math.MaxInt)
}
