// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"time"
)

// A Multiparter is a [Driver] that can also store an object in parts: they
// arrive in any order and from several goroutines or processes, each of them as
// often as needed, and become an object all at once.
//
// A driver that has the methods but whose storage cannot do it must return an
// error that wraps errors.ErrUnsupported from StartUpload, and may from the
// others, so that a driver around another one can pass them on. What [Driver]
// says about keys and contexts holds here too. All methods must be safe for
// concurrent use, also for one upload.
type Multiparter interface {
	Driver

	// UploadLimits returns what an upload must keep to. It must not use the
	// storage.
	UploadLimits() UploadLimits

	// StartUpload begins an upload and returns its ID, which is never empty
	// and names it together with key. No reader of objects may see anything of
	// it. opts are as in Put; what cannot be kept must be refused here. A
	// condition that does not hold may be found here already.
	StartUpload(ctx context.Context, key string, opts *PutOptions) (id string, err error)

	// PutPart stores body as the part with a number from 1 on, replacing the
	// part before with that number. It must store all of body or nothing, must
	// not change or retain it, and must not return before the last use of it.
	// It may send it again, the same bytes, after a failure.
	PutPart(ctx context.Context, key, id string, number int, body []byte) (Part, error)

	// CompleteUpload makes an object of parts, in this order, and ends the
	// upload; parts that are not named are gone with it. It must be all or
	// nothing, as Put is, and opts must be those of StartUpload: their
	// conditions must be decided here, as Put decides them. parts must be as
	// PutPart or ListParts have returned them, with ascending numbers; one that
	// is missing from the upload or has another ETag, or a list that the storage
	// does not take, must be [ErrPart]. After any error there is no new object,
	// and the upload may be there or not: it is for the caller to abort.
	CompleteUpload(ctx context.Context, key, id string, parts []Part, opts *PutOptions) (*Info, error)

	// AbortUpload removes an upload with its parts. It must return
	// [ErrNoUpload] for one that is over or never was, or nil if the storage
	// cannot tell. The caller should first wait for calls of PutPart that are
	// under way: a storage may keep a part that arrives later.
	AbortUpload(ctx context.Context, key, id string) error

	// ListUploads returns the uploads of keys that begin with prefix and that
	// are neither completed nor aborted, in no particular order. It should
	// return those of all processes.
	ListUploads(ctx context.Context, prefix string) ([]Upload, error)

	// ListParts returns the parts of an upload, with ascending numbers, one for
	// each number: the one that was stored last.
	ListParts(ctx context.Context, key, id string) ([]Part, error)
}

// UploadLimits are what the parts of an upload must keep to, and what they had
// best be. Sizes are in bytes.
type UploadLimits struct {
	PartSize    int64 // best for most uploads
	MinPartSize int64 // of all parts but the last
	MaxPartSize int64 // of any part
	MaxSize     int64 // of the object
	MaxParts    int   // the greatest number of a part
	EqualParts  bool  // all parts but the last must be of one size
	Concurrency int   // parts that are best on their way at a time
}

// An Upload is a multipart upload that is not over.
type Upload struct {
	Key       string    // of the object that it is to become
	ID        string    // that the storage has given
	Initiated time.Time // zero if the storage does not say
}

// A Part is a part that is stored.
type Part struct {
	Number int    // from 1 on
	Size   int64  // in bytes
	ETag   string // differs between parts that differ; never empty

	// Checksum is what the storage has said of it, if anything, in a form that
	// only the driver knows. CompleteUpload wants it back.
	Checksum string
}

var (
	// ErrNoUpload says that there is no such multipart upload: it has been
	// completed or aborted, or never was.
	ErrNoUpload = errors.New("backend: no such upload")

	// ErrPart says that a part is not one of the upload, or that parts are not
	// in order or of a size that the storage does not take.
	ErrPart = errors.New("backend: part not in the upload, or not allowed there")
)
