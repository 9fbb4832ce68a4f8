// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
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
	if err := d.checkNewKey(key); err != nil {
		return nil, err
	}
	if size > d.maxSize {
		return nil, fmt.Errorf("%w: want at most %d bytes, got %d", ErrTooLarge, d.maxSize, size)
	}
	headers, err := putOptions(opts)
	if err != nil {
		return nil, err
	}
	if err := d.foresee(ctx, key, opts); err != nil {
		return nil, err
	}
	reader := backend.NewBodyReader(ctx, body, size)
	if opts.MaxSize > 0 {
		reader.Limit(opts.MaxSize)
	}
	src := &source{body: reader}
	plan := d.newLayout(size, opts.MaxSize)
	var first []byte
	last := false
	if plan.size(0) <= d.spoolOver { // else there are many parts, and no room for one
		if first, last, err = d.readFirst(src, size, plan.size(0)); err != nil {
			return nil, err
		}
	}
	info := newPutInfo(key, headers, opts)
	if last {
		err = d.putSingle(ctx, info, first, headers, opts)
		d.release(first)
	} else {
		err = d.putParts(ctx, info, src, first, plan, headers, opts)
	}
	if err == nil && info.ETag == "" {
		err = errNoETag
	}
	return info, conditionError(opts, err)
}

// newPutInfo is what is known of an object before it is stored.
func newPutInfo(key string, headers minio.PutObjectOptions, opts *backend.PutOptions) *backend.Info {
	info := &backend.Info{Key: key, ContentType: headers.ContentType, Metadata: make(map[string]string)}
	maps.Copy(info.Metadata, opts.Metadata)
	if len(opts.Headers) > 0 {
		info.Headers = maps.Clone(opts.Headers)
	}
	return info
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
func (d *Driver) putSingle(ctx context.Context, info *backend.Info, b []byte, headers minio.PutObjectOptions, opts *backend.PutOptions) error {
	// The option is about hashes of chunks: there is one of the whole body.
	headers.DisableContentSha256 = true
	setConditions(&headers, opts)
	c := d.content(b)
	if c.sum.crc != "" {
		headers.UserMetadata[checksumHeader] = c.sum.crc
	}
	up, tries, err := d.putContent(ctx, info.Key, c, headers)
	if isTrailerConflict(err) {
		// This client is set to send a checksum behind the body, and cannot
		// sign the hash of the body as well. It leaves that out if there is a
		// checksum before the body.
		hash, _ := hex.DecodeString(c.sum.sha)
		headers.UserMetadata["x-amz-checksum-sha256"] = base64.StdEncoding.EncodeToString(hash)
		up, tries, err = d.putContent(ctx, info.Key, c, headers)
	}
	info.Size = int64(len(b))
	if isPrecondition(err) && tries > 1 && d.holds(ctx, info, md5Hex(b)) {
		return nil // the first try had come through, and only its answer had not
	}
	if err != nil {
		return err
	}
	info.ETag, info.VersionID = up.ETag, up.VersionID
	return nil
}

// putContent also returns how often the client has begun to send c.
func (d *Driver) putContent(ctx context.Context, key string, c content, opts minio.PutObjectOptions) (up minio.UploadInfo, tries int, err error) {
	err = send(ctx, c, func(ctx context.Context, body *payload) error {
		up, err = d.core.PutObject(ctx, d.bucket, key, body, c.size, "", c.sum.sha, opts)
		tries = body.begun()
		return err
	})
	return up, tries, err
}

// isTrailerConflict recognises the refusal to combine a hash with a checksum
// behind the body. The client does not tell its setting, but refuses before it
// sends anything.
func isTrailerConflict(err error) bool {
	return err != nil && strings.Contains(err.Error(), "contentSHA256Hex with trailer not supported")
}
