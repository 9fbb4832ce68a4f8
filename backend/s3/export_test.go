// SPDX-License-Identifier: Apache-2.0

package s3

import "github.com/s3seal/s3seal/backend"

// SetLimits lets tests reach the limits of S3 with little data.
func (d *Driver) SetLimits(parts int, size int64) { d.maxParts, d.maxSize = parts, size }

// SetPartSize sets a part size that S3 does not allow, for uploads that are not
// to be completed.
func (d *Driver) SetPartSize(n int64) { d.partSize = n }

// PartSize is the size of part i of a body of size bytes, or of unknown size.
func PartSize(size, partSize int64, equal bool, i int) int64 {
	return newLayout(size, partSize, equal).size(i)
}

// MultipartETag is the ETag of an object of parts with these ETags.
func MultipartETag(etags ...string) (string, bool) {
	var parts []backend.Part
	for i, e := range etags {
		parts = append(parts, backend.Part{Number: i + 1, ETag: e})
	}
	return multipartETag(parts)
}
