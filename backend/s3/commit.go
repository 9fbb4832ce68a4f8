// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/hex"
	"fmt"

	"github.com/minio/minio-go/v7"
)

// committed reports whether the upload is the object under its key, by the
// ETag that follows from its parts. It is asked when completing it has failed,
// and then says yes only if it is sure: the ETag is a digest of the contents.
// Storages whose ETags are made in another way always get a no.
func (u *upload) committed() (minio.UploadInfo, bool) {
	want, ok := multipartETag(u.parts)
	if !ok {
		return minio.UploadInfo{}, false
	}
	ctx, cancel := cleanup(u.caller)
	defer cancel()
	stat, err := u.d.core.StatObject(ctx, u.d.bucket, u.key, minio.StatObjectOptions{})
	if err != nil || stat.ETag != want || stat.Size != u.size {
		return minio.UploadInfo{}, false
	}
	return minio.UploadInfo{ETag: stat.ETag, VersionID: stat.VersionID}, true
}

// multipartETag returns the ETag that S3 gives to an object of these parts:
// the MD5 of the MD5s of the parts, and their number. MD5 is no secret's
// guardian here, but it is what the protocol uses; where it is forbidden there
// is no answer.
func multipartETag(parts []minio.CompletePart) (string, bool) {
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
