// SPDX-License-Identifier: Apache-2.0

package s3

// The parts of a body of unknown size grow after the first growAfter, by
// growBy bytes from one to the next. That is the least with which 10,000 of them
// pass 5 TiB whatever the part size, and 6 GiB go into parts of 8 MiB before.
const (
	growAfter = 800
	growBy    = 128 << 10
)

// A layout says how large the parts of an upload are.
type layout struct {
	base  int64 // of the first part
	grows bool
	after int // parts before those that grow
}

// newLayout plans an upload of size bytes, or of an unknown number of at most
// most if size is -1; a most of 0 is none.
func (d *Driver) newLayout(size, most int64) layout {
	if size < 0 && most > 0 {
		// If parts that fit into memory do for the longest body, then they do for
		// this one, and none has to be larger than the others.
		if base := d.fit(most); base <= d.spoolOver {
			return layout{base: base}
		}
	}
	if size < 0 {
		return layout{base: d.partSize, grows: !d.equalParts, after: d.growAfter}
	}
	return layout{base: d.fit(size)}
}

// fit returns the size of parts that are enough for a body of that size.
func (d *Driver) fit(size int64) int64 {
	const unit = 1 << 20
	least := (size + int64(d.maxParts) - 1) / int64(d.maxParts)
	if least <= d.partSize {
		return d.partSize
	}
	return (least + unit - 1) / unit * unit
}

// size returns the size of part i, counted from 0. Parts grow in steps of the
// base, so that a buffer serves for many of them.
func (l layout) size(i int) int64 {
	if !l.grows || i < l.after {
		return l.base
	}
	steps := 1 + growBy*int64(i-l.after)/l.base
	return min(l.base*(1+steps), maxPartSize)
}
