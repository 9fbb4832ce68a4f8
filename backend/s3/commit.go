// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/hex"
	"fmt"

	"github.com/minio/minio-go/v7"
)

// committed reports whether the upload is the object under its key, and then
// completes info. It is asked when completing the upload has failed, and says
// yes only if it is sure: the ETag that follows from the parts is a digest of
// the contents. Storages whose ETags are made in another way always get a no.
func (u *upload) committed() bool {
	etag, ok := multipartETag(u.parts)
	if !ok {
		return false
	}
	ctx, cancel := cleanup(u.caller)
	defer cancel()
	stat, err := u.d.stat(ctx, u.info.Key)
	if err != nil || stat.ETag != etag || stat.Size != u.info.Size || stat.ContentType != u.info.ContentType {
		return false
	}
	for name, value := range u.info.Metadata {
		// The same contents may have been there before, under another
		// description. A name that is missing was dropped by the storage.
		if got, ok := stat.Metadata[name]; ok && got != value {
			return false
		}
	}
	u.info.ETag, u.info.VersionID = etag, stat.VersionID
	return true
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
