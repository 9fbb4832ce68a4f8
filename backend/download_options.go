// SPDX-License-Identifier: Apache-2.0

package backend

import "time"

const (
	defaultPartSize    = 8 << 20
	defaultConcurrency = 3
	defaultResumes     = 5
	defaultPause       = 200 * time.Millisecond

	// maxPartSize is more than any part can be, and can be rounded up.
	maxPartSize = 1 << 40

	// maxDoublings is where the pause before a resumption stops growing.
	maxDoublings = 6
)

// DownloadOptions say how a [Bucket] reads bodies from the storage. In the zero
// value every field has its default; a negative value is one, too, unless the
// field says otherwise.
type DownloadOptions struct {
	// PartSize is how many bytes [Bucket.GetFile] and [Bucket.GetToUnverified]
	// ask for at once, rounded up to what the format takes; 0 means 8 MiB. What
	// is stored in no more than that takes one request, or two if it is empty.
	PartSize int64

	// Concurrency is how many parts are read at a time; 0 means 3. Each needs
	// memory for a part. With 1, objects are read by one request, in order and
	// in little memory; those of s3seal's own formats always are, but take one
	// request more if they are larger than a part.
	Concurrency int

	// Resumes is how often in a row, with no byte in between, the storage is
	// asked for the rest of a body that was cut short, or for a part that it did
	// not begin to deliver; 0 means 5, and a negative number never. Only what a
	// connection can suffer counts as cut short: an error of package net, a
	// request without an answer, and an end before its time. What the storage
	// answers does not: where another try would help, it is for the driver.
	Resumes int

	// ResumePause is how long to wait before that; 0 means 200 ms. It doubles
	// each time in a row, up to 64 times as long, and up to half of it is left
	// out at random.
	ResumePause time.Duration

	// NoSync makes GetFile leave it to the system when the file reaches the disk,
	// as most programs do. It saves the wait for the disk, and gives up what
	// GetFile says for the case that the system crashes soon after: the file may
	// then have its name and not its bytes.
	NoSync bool
}

// withDefaults returns options that say everything.
func (o DownloadOptions) withDefaults() DownloadOptions {
	if o.PartSize <= 0 {
		o.PartSize = defaultPartSize
	}
	o.PartSize = min(o.PartSize, maxPartSize)
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Resumes == 0 {
		o.Resumes = defaultResumes
	}
	o.Resumes = max(o.Resumes, 0)
	if o.ResumePause <= 0 {
		o.ResumePause = defaultPause
	}
	return o
}
