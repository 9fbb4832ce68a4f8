// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// Stat describes an object with a single request, as [backend.Driver] says. It
// asks versitygw twice, or more often while the object is being replaced, because
// a single answer of that may be of two objects, the metadata of the old one under
// the ETag of the new. If it is replaced without end, the error is
// [backend.ErrChanged].
func (d *Driver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.statWhole(ctx, key)
	if err != nil {
		return nil, fault(ctx, "stat", key, err)
	}
	return info, nil
}

func (d *Driver) statWhole(ctx context.Context, key string) (*backend.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	stat, err := d.headWhole(ctx, key)
	if err != nil {
		return nil, err
	}
	return newInfo(key, stat, stat.Headers)
}

// maxHeads bounds how often headWhole asks.
const maxHeads = 100

var errRestless = fmt.Errorf("%w: again and again while it was looked at", backend.ErrChanged)

// headWhole asks for an object until the answer is sure to be of one object only.
//
// versitygw (1.8.0) reads the size, the metadata and the ETag one after the other,
// each of the file that has the name at that moment. Who makes new metadata out of
// the old object's, and is then held to the ETag of the new one, stores an envelope
// over a body that it does not open. An answer with the ETag of the answer before
// is whole: all of it was read while that object was there.
func (d *Driver) headWhole(ctx context.Context, key string) (minio.ObjectInfo, error) {
	stat, err := d.core.StatObject(ctx, d.bucket, key, minio.StatObjectOptions{})
	if err != nil || stat.Headers.Get("Server") != "VERSITYGW" {
		return stat, err
	}
	for range maxHeads {
		before := stat.ETag
		stat, err = d.core.StatObject(ctx, d.bucket, key, minio.StatObjectOptions{})
		if err != nil || stat.ETag == before {
			return stat, err
		}
	}
	return stat, errRestless
}

// stat is for who compares the answer with what there should be, and so needs no
// more than one.

func (d *Driver) stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	stat, err := d.core.StatObject(ctx, d.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return nil, err
	}
	return newInfo(key, stat, stat.Headers)
}

// Delete removes an object, as [backend.Driver] says. In a bucket with
// versions it becomes invisible; its versions stay.
//
// S3 does not say whether there was anything to delete, so Delete asks first:
// of two concurrent deletes of an object both may succeed. Who may delete but
// not read gets no [backend.ErrNotExist].
func (d *Driver) Delete(ctx context.Context, key string) error {
	_, err := d.stat(ctx, key)
	if err == nil || minio.ToErrorResponse(err).Code == minio.AccessDenied {
		err = d.core.RemoveObject(ctx, d.bucket, key, minio.RemoveObjectOptions{})
	}
	if err != nil {
		return fault(ctx, "delete", key, err)
	}
	return nil
}

const metaPrefix = "x-amz-meta-"

// What an answer says of the lock on an object.
const (
	lockModeHeader    = "x-amz-object-lock-mode"
	retainUntilHeader = "x-amz-object-lock-retain-until-date"
	legalHoldHeader   = "x-amz-object-lock-legal-hold"
)

// newInfo reads what an answer says of an object. Its Size is that of the
// answer's body.
func newInfo(key string, stat minio.ObjectInfo, header http.Header) (*backend.Info, error) {
	if stat.Size < 0 {
		return nil, errNoLength
	}
	if stat.ETag == "" {
		return nil, errNoETag
	}
	info := &backend.Info{
		Key:         key,
		Size:        stat.Size,
		ETag:        stat.ETag,
		VersionID:   stat.VersionID,
		ModTime:     stat.LastModified,
		ContentType: stat.ContentType,
		Metadata:    make(map[string]string),
		Headers:     readHeaders(stat, header),

		StorageClass: storageClass(header.Get("x-amz-storage-class")),
		Locked:       locked(header, time.Now()),
	}
	for name, values := range header {
		if name, ok := strings.CutPrefix(strings.ToLower(name), metaPrefix); ok {
			// A name that comes twice is not the object that was stored. All
			// its values, as HTTP joins them, fail in whoever parses them;
			// the first alone might pass.
			info.Metadata[name] = strings.Join(values, ",")
		}
	}
	return info, nil
}

// readHeaders returns the headers that are kept with the object.
func readHeaders(stat minio.ObjectInfo, header http.Header) map[string]string {
	all := make(map[string]string)
	for _, name := range backend.HeaderNames() {
		value := strings.Join(header.Values(name), ", ")
		switch {
		case name == "content-encoding":
			value = contentEncoding(value)
		case name == "expires" && value != "": // the client reads more formats than it writes
			value = stat.Expires.UTC().Format(http.TimeFormat)
		}
		if value != "" {
			all[name] = value
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// contentEncoding returns that of the object. versitygw also names the one that
// the body had on its way there.
func contentEncoding(value string) string {
	list := strings.Split(value, ",")
	object := slices.DeleteFunc(slices.Clone(list), func(token string) bool {
		return strings.EqualFold(strings.TrimSpace(token), "aws-chunked")
	})
	if len(object) == len(list) {
		return value
	}
	return strings.TrimSpace(strings.Join(object, ","))
}

// checkHeaders refuses what the storage would not give back.
func checkHeaders(opts *backend.PutOptions) error {
	if err := opts.CheckHeaders(); err != nil {
		return err
	}
	for name, value := range opts.Headers {
		if !isMetadataValue(value) {
			return fmt.Errorf("%w: header %s: value would not come back as it is", backend.ErrMetadata, name)
		}
	}
	return nil
}

// setHeaders adds the headers that are kept with an object.
func setHeaders(put *minio.PutObjectOptions, headers map[string]string) {
	put.CacheControl = headers["cache-control"]
	put.ContentDisposition = headers["content-disposition"]
	put.ContentEncoding = headers["content-encoding"]
	put.ContentLanguage = headers["content-language"]
	put.Expires, _ = time.Parse(http.TimeFormat, headers["expires"]) // zero if there is none
}

// storageClass names the default of S3 as S3 does in answers about an object: not
// at all. A listing does name it.
func storageClass(name string) string {
	if name == "STANDARD" {
		return ""
	}
	return name
}

// locked reports whether an answer says that an object may not be deleted. Who
// may not read its retention is not told of it. A time that cannot be read is
// taken for one to come.
func locked(header http.Header, now time.Time) bool {
	if header.Get(legalHoldHeader) == string(minio.LegalHoldEnabled) {
		return true
	}
	until, err := time.Parse(time.RFC3339, header.Get(retainUntilHeader))
	return header.Get(lockModeHeader) != "" && (err != nil || until.After(now))
}

// putOptions writes the headers of an object. The names have their full prefix
// here: the client adds it to most names, and sends others as they are.
func putOptions(opts *backend.PutOptions) (minio.PutObjectOptions, error) {
	put := minio.PutObjectOptions{
		ContentType:  opts.ContentType,
		UserMetadata: make(map[string]string, len(opts.Metadata)),
	}
	if put.ContentType == "" {
		put.ContentType = "application/octet-stream"
	}
	if !isHeaderValue(put.ContentType) {
		return put, fmt.Errorf("content type %q: not printable ASCII", opts.ContentType)
	}
	for name, value := range opts.Metadata {
		if !isMetadataName(name) {
			return put, fmt.Errorf("metadata name %q: not a lower-case header name", name)
		}
		if !isMetadataValue(value) {
			return put, fmt.Errorf("metadata %s: value is not printable ASCII, or would not come back as it is", name)
		}
		put.UserMetadata[metaPrefix+name] = value
	}
	if err := checkHeaders(opts); err != nil {
		return put, err
	}
	setHeaders(&put, opts.Headers)
	return put, serverOptions(&put, opts)
}

// isMetadataName reports whether a name is a header name (a token of RFC 9110,
// section 5.6.2) that comes back as it is, that is, in lower case.
func isMetadataName(name string) bool {
	for _, c := range []byte(name) {
		letterOrDigit := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// isMetadataValue reports whether a value comes back as it is. HTTP cuts the
// spaces around it, and the client decodes what looks like an encoded word of
// RFC 2047.
func isMetadataValue(v string) bool {
	decoded, err := new(mime.WordDecoder).DecodeHeader(v)
	return isHeaderValue(v) && strings.TrimSpace(v) == v && (err != nil || decoded == v)
}

func isHeaderValue(v string) bool {
	for _, c := range []byte(v) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
