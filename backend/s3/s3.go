// SPDX-License-Identifier: Apache-2.0

// Package s3 is a [backend.Driver] for S3 and what speaks its protocol, on
// top of the MinIO client library. The caller makes the client: address,
// credentials, TLS, proxy, retries and timeouts are all set there.
//
// A small object is one request. A large one is a multipart upload from
// buffers of this package, so each part can be sent again with the very same
// bytes however often the client retries, and so memory is bounded whatever
// the size. Each request carries the SHA-256 of its body in its signature, and
// its CRC-32C: a storage that verifies one of them cannot store a body that was
// cut short or altered on the way, over TLS or not. See [Options] for less.
//
// # Conditions
//
// A put with a condition first asks what is there, which saves the upload where
// the condition does not hold. Then the condition goes with the request that
// stores the object; of a multipart upload with the request that starts it, and
// with the one that completes it, before which the driver asks once more. All
// current storages decide by the one that stores the object, and so exactly. An
// old one that ignores conditions only has the answers to go by, and of two puts
// at the same moment both may succeed: there is no way to notice.
//
// Tags, storage class and encryption are asked for by the request that stores
// the object or starts the upload. What the storage refuses with 501 is an error
// that wraps errors.ErrUnsupported, but only the storage knows, so it may have
// read a body by then; what it ignores is not noticed (versitygw ignores storage
// class and encryption).
//
// A process that is killed during a multipart upload leaves the parts that it
// had sent, and so may a network that swallows the answer to the request that
// starts an upload. They are invisible, but a storage charges for them. A
// lifecycle rule of the bucket that aborts incomplete uploads after some days
// removes them.
//
// # What was rejected
//
// PutObject and Object of the client library: the former takes a source that has
// failed with io.ErrUnexpectedEOF for one that has ended, and reads a body that can
// seek once more for the next attempt; the latter takes any answer for the range
// that it has asked for. The driver uses minio.Core, one request at a time.
//
// Streaming a body into its request, which allows no second attempt. Signatures of
// each chunk of a body: one hash of all of it is checked over TLS as well.
// CRC-64/NVME, which the standard library computes slowly.
//
// CopyObject to replace metadata anywhere but on AWS: MinIO and versitygw put the
// metadata of the copy on whatever is there by then. They get an upload whose parts
// are copied, under a condition. Sorting the keys of a listing that is out of
// order: it would hide what is missing between two of them.
//
// A client of the driver's own with limits on answers: not all settings of the
// caller's can be asked for. Changing the transport of the caller's in New: others
// may be using it. See [LimitAnswers].
package s3

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/s3seal/s3seal/backend"
)

// The limits of S3, in bytes and parts.
const (
	maxObjectSize = 5 << 40
	minPartSize   = 5 << 20
	maxPartSize   = 5 << 30
	maxParts      = 10000
)

const (
	defaultPartSize    = 8 << 20
	defaultConcurrency = 3
	maxConcurrency     = maxParts // more would have nothing to do
)

// ErrTooLarge says that a body is larger than S3, or the chosen parts, can
// hold.
var ErrTooLarge = errors.New("s3: object too large")

// Options configure a [Driver]. The zero value is good for objects of any
// size.
type Options struct {
	// PartSize is the size of a part of a multipart upload in bytes, from
	// 5 MiB to 5 GiB; 0 means 8 MiB. A body that fits into one part is stored
	// by a single request. Where 10,000 parts of this size would not do, parts
	// are larger: all of them if the size of the body is known, the later ones
	// if nothing is known of it, from 800 parts on. A part that is larger than
	// 64 MiB, and than PartSize, is kept in a file while it is sent: see SpoolDir.
	PartSize int64

	// Concurrency is the number of part buffers of one Put: one is being
	// filled while the others are on their way. 0 means 3. Put needs
	// Concurrency times the part size of memory, and little for small bodies.
	Concurrency int

	// SpoolDir is the folder for parts that are too large for memory; empty is
	// that for temporary files. What is in the files is the ciphertext, nobody
	// else can open them, and where the system allows it they have no name. There
	// are two at most for one Put, each as large as a part: up to 1.2 GiB for
	// bodies of unknown size with the default PartSize, and 525 MiB else.
	SpoolDir string

	// EqualParts keeps all parts of an upload the same size even if the size
	// of the body is unknown, for storages that insist on it. Such a body is
	// then limited to 10,000 times PartSize, unless its format has a limit that
	// larger parts in memory can reach.
	EqualParts bool

	// NoChecksum leaves out the CRC-32C of bodies, for storages that refuse
	// requests with headers that they do not know. Google's never gets it.
	NoChecksum bool

	// UnsignedPayload leaves the SHA-256 of bodies out of signatures. It saves
	// most of the time that a put takes besides encryption, and leaves it to
	// TLS and to the CRC-32C to find what was altered on the way, so New wants
	// both. The CRC-32C is no protection against intent; the tag of a sealed
	// object is.
	UnsignedPayload bool

	// EmptySegments says that the storage keeps keys with empty segments, such
	// as "/a" and "a//b", as they are. Those of AWS and Google do, and need no
	// saying. Others may store the object as "a" or "a/b", in place of what is
	// there, so nothing is put under such a key; it can be read and deleted.
	EmptySegments bool
}

// A Driver stores objects in one bucket. It implements [backend.Driver].
//
// It is safe for concurrent use.
type Driver struct {
	core        minio.Core
	bucket      string
	partSize    int64
	concurrency int
	equalParts  bool
	checksum    bool
	unsigned    bool
	spoolDir    string
	maxParts    int   // fields, so that tests can reach the limits
	maxSize     int64 //
	copyLimit   int64 // what one request may copy onto itself
	copyPart    int64 // what one request copies of a larger object
	listKeys    int   // in an answer; 0 leaves it to the storage
	growAfter   int   //
	maxUploads  int   // in a list of those under way
	maxPages    int   // of such a list
	spoolOver   int64 // size of the largest part in memory
	createSpool func(dir string) (spoolFile, error)

	emptySegments bool
	settleTimeout time.Duration
	buffers       sync.Pool // of *[]byte, partSize long
}

var _ backend.Driver = (*Driver)(nil)

// New returns a driver for a bucket, which must exist when the driver is used;
// New makes no request. A nil opts means the defaults. The client should have
// its region set, else it asks for that first, and a transport of [LimitAnswers],
// else an answer without an end takes memory without one.
//
// Options that contradict each other, or are out of their bounds, are an error,
// as is a name that no bucket can have. New neither changes nor closes the client,
// which other code may use too, and several drivers. It may be called concurrently.
func New(client *minio.Client, bucket string, opts *Options) (*Driver, error) {
	if client == nil {
		return nil, errors.New("s3: client is nil")
	}
	if err := s3utils.CheckValidBucketName(bucket); err != nil {
		return nil, fmt.Errorf("s3: bucket %q: %w", bucket, err)
	}
	if opts == nil {
		opts = &Options{}
	}
	d := &Driver{
		core:        minio.Core{Client: client},
		bucket:      bucket,
		partSize:    opts.PartSize,
		concurrency: opts.Concurrency,
		equalParts:  opts.EqualParts,
		checksum:    !opts.NoChecksum && !s3utils.IsGoogleEndpoint(*client.EndpointURL()),
		unsigned:    opts.UnsignedPayload,
		spoolDir:    opts.SpoolDir,
		maxParts:    maxParts,
		maxSize:     maxObjectSize,
		copyLimit:   copyLimit(client),
		copyPart:    copyPartSize,
		growAfter:   growAfter,
		maxUploads:  maxUploads,
		maxPages:    maxPages,
		createSpool: createSpool,

		emptySegments: opts.EmptySegments || isExact(client),
		settleTimeout: settleTimeout,
	}
	if err := d.setDefaults(); err != nil {
		return nil, err
	}
	return d, nil
}

// isExact says whether the storage is one that is known to keep keys as they are.
func isExact(client *minio.Client) bool {
	return s3utils.IsAmazonEndpoint(*client.EndpointURL()) || s3utils.IsGoogleEndpoint(*client.EndpointURL())
}

// setDefaults replaces the zero values of the options and refuses wrong ones.
func (d *Driver) setDefaults() error {
	if d.unsigned && (!d.checksum || d.core.EndpointURL().Scheme != "https") {
		return errors.New("s3: unsigned payload: want TLS and a checksum")
	}
	if d.partSize == 0 {
		d.partSize = defaultPartSize
	}
	if d.partSize < minPartSize || d.partSize > min(maxPartSize, math.MaxInt) {
		return fmt.Errorf("s3: part size: want %d to %d bytes, got %d", int64(minPartSize), int64(maxPartSize), d.partSize)
	}
	d.spoolOver = max(memoryPart, d.partSize)
	if d.concurrency == 0 {
		d.concurrency = defaultConcurrency
	}
	if d.concurrency < 0 || d.concurrency > maxConcurrency {
		return fmt.Errorf("s3: concurrency: want 1 to %d, got %d", maxConcurrency, d.concurrency)
	}
	return nil
}
