// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/fips140"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

const (
	// settleTimeout bounds the wait for an object that the storage says it has:
	// 5 GiB take versitygw a minute or two on a busy disk.
	settleTimeout  = 15 * time.Minute
	maxSettlePause = 2 * time.Second
)

// holds reports whether the storage has the object that info describes, with
// that ETag, and then completes info. It is asked when a request has failed that
// may have been carried out all the same, and says yes only if it is sure: the
// ETag is a digest of the contents. Storages whose ETags are made in another way
// always get a no.
func (d *Driver) holds(ctx context.Context, info *backend.Info, etag string) bool {
	if etag == "" {
		return false
	}
	ctx, cancel := cleanup(ctx)
	defer cancel()
	stat, err := d.stat(ctx, info.Key)
	if err != nil || stat.ETag != etag || stat.Size != info.Size || stat.ContentType != info.ContentType {
		return false
	}
	for name, value := range info.Metadata {
		// The same contents may have been there before, under another
		// description. A name that is missing was dropped by the storage.
		if got, ok := stat.Metadata[name]; ok && got != value {
			return false
		}
	}
	info.ETag, info.VersionID = etag, stat.VersionID
	return true
}

// settle waits until the object that info describes is there, after an upload that
// the client had to ask more than once to complete. versitygw, which makes a large
// object of its parts before it answers, calls such an upload complete while the
// first request is still at work, which may yet fail. Who must not look at the
// object has to believe it.
//
// Where the upload is gone and there is another object, ours was there and has
// been replaced. That is looked at twice, since nothing says in which order a
// storage does the two.
func (d *Driver) settle(ctx context.Context, info *backend.Info, id string) error {
	replaced := false
	limit := time.NewTimer(d.settleTimeout)
	defer limit.Stop()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, maxSettlePause) {
		stat, err := d.stat(ctx, info.Key)
		if err == nil && stat.ETag == info.ETag && stat.Size == info.Size {
			return nil
		}
		if minio.ToErrorResponse(err).Code == minio.AccessDenied {
			return nil
		}
		again := err == nil && d.over(ctx, info.Key, id)
		if again && replaced {
			return nil
		}
		replaced = again
		select {
		case <-time.After(pause):
		case <-limit.C:
			return fmt.Errorf("the storage says that it is complete, and does not have it after %v", d.settleTimeout)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// md5Hex returns the ETag that S3 gives to an object of one request, or "".
func md5Hex(b []byte) string {
	if fips140.Enforced() {
		return ""
	}
	return fmt.Sprintf("%x", md5.Sum(b))
}

// multipartETag returns the ETag that S3 gives to an object of these parts:
// the MD5 of the MD5s of the parts, and their number. MD5 is no secret's
// guardian here, but it is what the protocol uses; where it is forbidden there
// is no answer.
func multipartETag(parts []backend.Part) (string, bool) {
	if fips140.Enforced() {
		return "", false
	}
	h := md5.New()
	for _, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil || len(sum) != md5.Size {
			return "", false
		}
		h.Write(sum)
	}
	return fmt.Sprintf("%x-%d", h.Sum(nil), len(parts)), true
}
