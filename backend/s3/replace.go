// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.MetadataReplacer = (*Driver)(nil)

var errNoMatch = errors.New("s3: the ETag of the object that is meant is empty")

// ReplaceMetadata replaces the metadata of an object, as
// [backend.MetadataReplacer] says. S3 cannot change metadata: the storage copies
// the object onto itself, so the object gets a new time and, where there are
// versions, becomes a new version.
//
// On AWS an object of up to 5 GiB is copied by one request, which stores the copy
// only if the object is the one with the ETag ifMatch at that moment. Others get
// no such request: MinIO looks at the ETag first and then puts the metadata of
// the copy on whatever is there, so that the body of a put in between comes under
// foreign metadata; versitygw does so too, and has no metadata at all for a
// moment. There, and for larger objects, the parts of a multipart upload are
// copied, each only from the object with that ETag, and the request that completes
// it has the same condition. AWS, MinIO and versitygw decide by that one, and so
// exactly: a put that comes in between is never undone, and the replacement is
// [backend.ErrChanged]. An old storage that ignores conditions of uploads has only
// been asked shortly before: what is put there between that answer and the next
// request is lost, and nothing tells. It takes eight small requests, nine of
// versitygw, which [Driver.Stat] asks twice; and an ETag like that of any upload
// comes of it.
//
// The condition is about the body, as ETags are. Of two replacements that meet
// both may be carried out, one after the other, if the ETag stays the same; and
// tags or a lock that somebody sets meanwhile may get lost. At the end
// ReplaceMetadata asks what is there; if it is not what it has stored, the object
// has been replaced once more, and that is an ErrChanged too.
//
// The copy keeps the content type, encoding, language and disposition,
// Cache-Control and Expires, the redirect of a website, tags, the storage class,
// encryption by the storage (the same method and key), retention that is not over
// and legal hold. The version that was copied stays locked as it was. What S3 does
// not tell about an object cannot be kept, and nothing says that it is lost: an
// ACL, which buckets of AWS have not had by default since 2023, and an encryption
// context for the KMS beyond that of S3 itself. A lock is not told to those
// who may not read it. Checksums are those that the storage makes of copies, the
// bounds of parts others than they were, and times of lifecycle rules begin anew.
// An object that is encrypted with a key of its owner (SSE-C) is an error that
// wraps errors.ErrUnsupported, and one in an archive an error of the storage.
//
// When ctx is done, it waits as [Driver.Put] does.
func (d *Driver) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
	info, err := d.replace(ctx, key, &backend.PutOptions{Metadata: metadata, IfMatch: ifMatch})
	if err != nil {
		return nil, fault(ctx, "replace metadata of", key, err)
	}
	return info, nil
}

func (d *Driver) replace(ctx context.Context, key string, opts *backend.PutOptions) (*backend.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if opts.IfMatch == "" {
		return nil, errNoMatch
	}
	old, err := d.headWhole(ctx, key)
	if err != nil {
		return nil, conditionError(opts, err)
	}
	info, err := newInfo(key, old, old.Headers)
	if err != nil {
		return nil, err
	}
	if err := opts.Match(info); err != nil {
		return nil, err
	}
	opts.ContentType, opts.StorageClass = info.ContentType, info.StorageClass
	headers, err := putOptions(opts)
	if err == nil {
		setHeaders(&headers, info.Headers) // whatever they are: the storage has them
		err = keep(&headers, old.Headers)
	}
	if err != nil {
		return nil, err
	}
	again := newPutInfo(key, headers, opts)
	again.Size, again.Headers, again.StorageClass, again.Locked = info.Size, info.Headers, info.StorageClass, info.Locked
	if err := d.copyOnto(ctx, again, headers, opts); err != nil {
		return nil, d.reason(ctx, key, opts, err)
	}
	return d.confirm(ctx, again)
}

// reason returns why a copy has failed. Of an object that is not there any more a
// storage may say something else first, such as that it has no such range.
func (d *Driver) reason(ctx context.Context, key string, opts *backend.PutOptions, err error) error {
	err = conditionError(opts, err)
	if ctx.Err() == nil && errors.Is(d.foresee(ctx, key, opts), backend.ErrChanged) {
		err = withMeaning(err, backend.ErrChanged)
	}
	return err
}

// copyOnto copies an object onto itself and completes info. Who refuses to do it
// in one request has done nothing.
func (d *Driver) copyOnto(ctx context.Context, info *backend.Info, headers minio.PutObjectOptions, opts *backend.PutOptions) error {
	if info.Size > d.copyLimit {
		return d.copyParts(ctx, info, headers, opts)
	}
	err := d.copyWhole(ctx, info, headers, opts.IfMatch)
	switch minio.ToErrorResponse(err).Code {
	case "EntityTooLarge", "InvalidRequest", "NotImplemented":
		return d.copyParts(ctx, info, headers, opts)
	}
	return err
}

// copyLimit returns the size of the largest object for which a single request
// copies and decides at once.
func copyLimit(client *minio.Client) int64 {
	if s3utils.IsAmazonEndpoint(*client.EndpointURL()) {
		return maxPartSize
	}
	return -1
}

// copyWhole copies an object onto itself by a single request. Headers and
// conditions are all written here: the client has functions that keep some of
// them, but none that sends If-Match.
func (d *Driver) copyWhole(ctx context.Context, info *backend.Info, headers minio.PutObjectOptions, ifMatch string) error {
	request := map[string]string{
		"x-amz-metadata-directive": "REPLACE",
		sourceIfMatch:              quote(ifMatch),
		"If-Match":                 quote(ifMatch),
	}
	for name, values := range headers.Header() {
		request[name] = values[0]
	}
	return send(ctx, content{}, func(ctx context.Context, _ *payload) error {
		done, err := d.core.CopyObject(ctx, d.bucket, info.Key, d.bucket, info.Key, request, minio.CopySrcOptions{}, minio.PutObjectOptions{})
		if err == nil && done.ETag == "" {
			// A copy may fail when its answer has begun, with status 200.
			err = errNoETag
		}
		info.ETag = done.ETag
		return err
	})
}

const sourceIfMatch = "x-amz-copy-source-if-match"

func quote(etag string) string { return `"` + etag + `"` }

// confirm asks what has become of the object that was stored, and returns what
// Stat does. Without an answer it is what was asked for.
func (d *Driver) confirm(ctx context.Context, stored *backend.Info) (*backend.Info, error) {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	got, err := d.stat(ctx, stored.Key)
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return stored, nil
	}
	if err != nil || !agrees(got, stored) {
		return nil, fmt.Errorf("%w: after its metadata was replaced", backend.ErrChanged)
	}
	return got, nil
}

// agrees reports whether an object is the one that was stored. A storage may lose
// empty values, and one name.
func agrees(got, stored *backend.Info) bool {
	if got.ETag != stored.ETag || got.Size != stored.Size || got.ContentType != stored.ContentType {
		return false
	}
	for name, value := range stored.Metadata {
		has, ok := got.Metadata[name]
		lost := !ok && (value == "" || name == "x-amz-unencrypted-content-length")
		if has != value && !lost {
			return false
		}
	}
	return true
}

// keep adds what an object has beside its metadata, content type, headers and
// storage class to the headers of its copy.
func keep(put *minio.PutObjectOptions, h http.Header) error {
	put.WebsiteRedirectLocation = h.Get("x-amz-website-redirect-location")
	if h.Get("x-amz-server-side-encryption-customer-algorithm") != "" {
		return fmt.Errorf("server-side encryption with the owner's key: %w", errors.ErrUnsupported)
	}
	put.ServerSideEncryption = sameSSE(h)
	return keepLock(put, h)
}

// keepLock locks the copy for as long as the object is. A time that is over is
// left out, since a storage refuses it.
func keepLock(put *minio.PutObjectOptions, h http.Header) error {
	if h.Get(legalHoldHeader) == string(minio.LegalHoldEnabled) {
		put.LegalHold = minio.LegalHoldEnabled
	}
	mode := h.Get(lockModeHeader)
	if mode == "" {
		return nil
	}
	until, err := time.Parse(time.RFC3339, h.Get(retainUntilHeader))
	if err != nil {
		return fmt.Errorf("retention %s: %w", mode, err)
	}
	if until.After(time.Now()) {
		put.Mode = minio.RetentionMode(mode)
		put.RetainUntilDate = until.Add(time.Second - 1).Truncate(time.Second) // the client sends whole seconds
	}
	return nil
}

// sseHeaders are those of an answer that ask for the same encryption in a
// request.
var sseHeaders = []string{
	"X-Amz-Server-Side-Encryption",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
	"X-Amz-Server-Side-Encryption-Context",
}

// A sameSSE asks for the encryption that an answer has named.
type sameSSE http.Header

// Type is asked only whether it is SSE-C, which this is not.
func (s sameSSE) Type() encrypt.Type { return encrypt.S3 }

// Marshal adds the headers to h.
func (s sameSSE) Marshal(h http.Header) {
	for _, name := range sseHeaders {
		if values := s[name]; len(values) > 0 {
			h[name] = values
		}
	}
}
