// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/s3seal/s3seal/backend"
)

// meanings are the codes of S3 errors for which backend has a name. A missing
// bucket is not among them: that is a wrong address, not a missing object.
var meanings = map[string]error{
	minio.NoSuchKey:          backend.ErrNotExist,
	minio.NoSuchVersion:      backend.ErrNotExist,
	minio.PreconditionFailed: backend.ErrChanged,
	"InvalidRange":           backend.ErrRange,
	"KeyTooLongError":        backend.ErrKey,
	minio.NoSuchUpload:       backend.ErrNoUpload,
	"InvalidPart":            backend.ErrPart,
	"InvalidPartOrder":       backend.ErrPart,
	"InvalidPartNumber":      backend.ErrPart,
	"EntityTooSmall":         backend.ErrPart,
	"NotImplemented":         errors.ErrUnsupported,

	// Servers that keep objects as files cannot hold all keys.
	minio.XMinioInvalidObjectName:   backend.ErrKey,
	"XMinioInvalidResourceName":     backend.ErrKey,
	"XMinioObjectExistsAsDirectory": backend.ErrKey,
	"ObjectParentIsFile":            backend.ErrKey,
	"ExistingObjectIsDirectory":     backend.ErrKey,
	"DirectoryObjectContainsData":   backend.ErrKey,
}

// fault says where an error happened, and gives it the meaning that backend
// has a name for. An error after ctx was done is one of ctx too: the client
// reports the cause of a cancellation instead, or an error that followed.
func fault(ctx context.Context, op, key string, err error) error {
	var response minio.ErrorResponse
	if errors.As(err, &response) && !errors.Is(err, backend.ErrExist) && !errors.Is(err, backend.ErrChanged) {
		err = withMeaning(err, meanings[response.Code])
	}
	return fmt.Errorf("s3: %s %q: %w", op, key, withMeaning(err, ctx.Err()))
}

func withMeaning(err, meaning error) error {
	if meaning == nil || errors.Is(err, meaning) {
		return err
	}
	return fmt.Errorf("%w: %w", meaning, err)
}

// checkKey refuses keys that S3 cannot hold, and those that may not arrive.
// Clients, proxies and servers resolve dots in the path of a URL, each in its
// own way and some behind a backslash too, so that such a key may name another
// object, and one of slashes alone the bucket; a NUL ends the name for those
// that are written in C.
//
// Empty segments are let through, because S3 holds such keys and they are in
// use; but see checkNewKey.
func checkKey(key string) error {
	if err := s3utils.CheckValidObjectName(key); err != nil {
		return fmt.Errorf("%w: %w", backend.ErrKey, err)
	}
	if strings.Trim(key, "/") == "" || strings.Contains(key, "\x00") {
		return fmt.Errorf("%w: only slashes, or a NUL", backend.ErrKey)
	}
	for segment := range strings.FieldsFuncSeq(key, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return fmt.Errorf("%w: a segment of its path is %q", backend.ErrKey, segment)
		}
	}
	return nil
}

// checkNewKey is checkKey of a key to store under. Servers that keep objects as
// files drop slashes without a word (MinIO those in front, versitygw all that are
// one too many), and would replace the object under the shorter key.
func (d *Driver) checkNewKey(key string) error {
	if err := checkKey(key); err != nil || d.emptySegments {
		return err
	}
	if strings.HasPrefix(key, "/") || strings.Contains(key, "//") {
		return fmt.Errorf("%w: an empty segment, which the storage may drop", backend.ErrKey)
	}
	return nil
}
