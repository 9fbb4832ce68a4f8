// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// firstRead is where the buffer of a body of unknown size begins. Most objects
// are small, and a thousand of them may be on their way at once.
const firstRead = 64 << 10

// Put stores an object, as [backend.Driver] says: by a single request if body
// fits into one part, else as a multipart upload. A size over 5 TiB is
// refused with [ErrTooLarge] before any request, a body of unknown size when
// it turns out to be larger.
//
// When ctx is done, Put waits up to 5 seconds for the answer to a request that
// it has already sent, since the storage may have carried it out; if it has,
// and it was the last, the put has succeeded. A failed upload is aborted, which
// may take 10 seconds more. If an answer never comes Put cannot know what
// became of its last request: it returns an error, and the object may be there,
// whole.
func (d *Driver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.put(ctx, key, body, size, opts)
	if err != nil {
		return nil, fault(ctx, "put", key, err)
	}
	return info, nil
}

func (d *Driver) put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if size > d.maxSize {
		return nil, fmt.Errorf("%w: want at most %d bytes, got %d", ErrTooLarge, d.maxSize, size)
	}
	headers, err := putOptions(opts)
	if err != nil {
		return nil, err
	}
	src := &source{body: backend.NewBodyReader(ctx, body, size)}
	plan := newLayout(size, d.partSize, d.equalParts)
	first, last, err := d.readFirst(src, size, plan.size(0))
	if err != nil {
		return nil, err
	}
	info := &backend.Info{Key: key, ContentType: headers.ContentType, Metadata: make(map[string]string)}
	maps.Copy(info.Metadata, opts.Metadata)
	if last {
		err = d.putSingle(ctx, info, first, headers)
		d.release(first)
	} else {
		err = d.putParts(ctx, info, src, first, plan, headers)
	}
	if err == nil && info.ETag == "" {
		err = errNoETag
	}
	return info, err
}

// readFirst reads the first part, or all of a body that is not longer. The
// buffer grows with a body of unknown size.
func (d *Driver) readFirst(src *source, size, partSize int64) (buf []byte, last bool, err error) {
	next := min(firstRead, partSize)
	if size >= 0 {
		next = min(max(size, 1), partSize)
	}
	n := 0
	for {
		grown := d.buffer(next)
		copy(grown, buf[:n])
		buf = grown
		var m int
		m, last, err = src.fill(buf[n:])
		n += m
		if last || err != nil || next == partSize {
			return buf[:n], last, err
		}
		next = min(8*next, partSize)
	}
}

// buffer returns a buffer of n bytes; those of the usual part size are used
// again.
func (d *Driver) buffer(n int64) []byte {
	if n == d.partSize {
		if b, ok := d.buffers.Get().(*[]byte); ok {
			return *b
		}
	}
	return make([]byte, n)
}

// release takes back a buffer, which the caller must not use after it.
func (d *Driver) release(b []byte) {
	if int64(cap(b)) == d.partSize {
		b = b[:cap(b)]
		d.buffers.Put(&b)
	}
}

// putSingle stores b as an object and completes info.
func (d *Driver) putSingle(ctx context.Context, info *backend.Info, b []byte, opts minio.PutObjectOptions) error {
	// The option is about hashes of chunks: there is one of the whole body.
	opts.DisableContentSha256 = true
	hash := sha256.Sum256(b)
	up, err := d.putBytes(ctx, info.Key, b, hash, opts)
	if isTrailerConflict(err) {
		// This client is set to send a checksum behind the body, and cannot
		// sign the hash of the body as well. It leaves that out if there is a
		// checksum before the body.
		opts.UserMetadata["x-amz-checksum-sha256"] = base64.StdEncoding.EncodeToString(hash[:])
		up, err = d.putBytes(ctx, info.Key, b, hash, opts)
	}
	if err != nil {
		return err
	}
	info.Size, info.ETag, info.VersionID = int64(len(b)), up.ETag, up.VersionID
	return nil
}

func (d *Driver) putBytes(ctx context.Context, key string, b []byte, hash [sha256.Size]byte, opts minio.PutObjectOptions) (up minio.UploadInfo, err error) {
	err = send(ctx, b, func(ctx context.Context, body *payload) error {
		up, err = d.core.PutObject(ctx, d.bucket, key, body, int64(len(b)), "", hex.EncodeToString(hash[:]), opts)
		return err
	})
	return up, err
}

// isTrailerConflict recognises the refusal to combine a hash with a checksum
// behind the body. The client does not tell its setting, but refuses before it
// sends anything.
func isTrailerConflict(err error) bool {
	return err != nil && strings.Contains(err.Error(), "contentSHA256Hex with trailer not supported")
}
