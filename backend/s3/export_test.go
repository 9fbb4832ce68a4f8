// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// SetLimits lets tests reach the limits of S3 with little data.
func (d *Driver) SetLimits(parts int, size int64) { d.maxParts, d.maxSize = parts, size }

// MaxHeads bounds how often Stat asks.
const MaxHeads = maxHeads

// SetPartSize sets a part size that S3 does not allow, for uploads that are not
// to be completed.
func (d *Driver) SetPartSize(n int64) { d.partSize = n }

// SetSpool sets from what size on parts go into files, and after how many they
// begin to grow.
func (d *Driver) SetSpool(over int64, growAfter int) { d.spoolOver, d.growAfter = over, growAfter }

// SetSettleTimeout sets how long a driver waits for an object that is said to be
// there.
func (d *Driver) SetSettleTimeout(t time.Duration) { d.settleTimeout = t }

// SpoolFile is what a part needs of a temporary file.
type SpoolFile = spoolFile

// SetCreateSpool replaces what makes the files of parts, and returns it.
func (d *Driver) SetCreateSpool(f func(dir string) (SpoolFile, error)) func(dir string) (SpoolFile, error) {
	old := d.createSpool
	d.createSpool = f
	return old
}

// PartSize is the size of part i of a body of size bytes, or of an unknown number
// of at most most.
func PartSize(size, most, partSize int64, equal bool, i int) int64 {
	d := &Driver{partSize: partSize, equalParts: equal, maxParts: maxParts, growAfter: growAfter, spoolOver: max(memoryPart, partSize)}
	return d.newLayout(size, most).size(i)
}

// MultipartETag is the ETag of an object of parts with these ETags.
func MultipartETag(etags ...string) (string, bool) {
	var parts []backend.Part
	for i, e := range etags {
		parts = append(parts, backend.Part{Number: i + 1, ETag: e})
	}
	return multipartETag(parts)
}

// SetCopy sets up to what size an object is copied onto itself by one request,
// and what size the parts of larger ones have.
func (d *Driver) SetCopy(limit, part int64) { d.copyLimit, d.copyPart = limit, part }

// SetListKeys sets how many keys an answer to a listing has.
func (d *Driver) SetListKeys(n int) { d.listKeys = n }

// CopyLimit is the size of the largest object that one request copies.
func CopyLimit(client *minio.Client) int64 { return copyLimit(client) }

// LimitAnswersTo is LimitAnswers with a limit of n bytes.
func LimitAnswersTo(next http.RoundTripper, n int64) http.RoundTripper {
	return &limitedTransport{next, n}
}

// SetUploadLimits sets how many uploads and pages a list of uploads may have.
func (d *Driver) SetUploadLimits(uploads, pages int) { d.maxUploads, d.maxPages = uploads, pages }
