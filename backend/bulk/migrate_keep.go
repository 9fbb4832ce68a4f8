// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// A KeepError says that an object has something beside its content that could not be
// kept, and how to migrate it without. It is only made of what another attempt
// would not change. It may hold text from storage.
type KeepError struct {
	// Option is the field of [MigrateOptions] that leaves it out: "DropTags",
	// "DropHeaders" or "NoStorageClass".
	Option string

	Err error // why it could not be kept; Unwrap returns it
}

// Error names the option.
func (e *KeepError) Error() string {
	return fmt.Sprintf("%v (MigrateOptions.%s leaves it out)", e.Err, e.Option)
}

// Unwrap returns Err.
func (e *KeepError) Unwrap() error { return e.Err }

// refusals are how texts of errors begin that say that a storage does not take one
// of these things, with the option that leaves it out. Package backend and its
// drivers have one error for all that is not supported, so that their words have to
// tell; the tests notice where those change. Each is compared with the beginning of
// an error in the chain: there, no key is.
var refusals = []struct{ begins, option string }{
	{"backend: headers: ", "DropHeaders"},
	{backend.ErrMetadata.Error() + ": header ", "DropHeaders"},
	{"backend: tags: ", "DropTags"},
	{"tags: ", "DropTags"},
	{"backend: a storage class: ", "NoStorageClass"},
	{"storage class ", "NoStorageClass"},
	{"The storage class ", "NoStorageClass"},    // S3
	{"Invalid storage class", "NoStorageClass"}, // MinIO
}

// explained makes a KeepError of an error of the destination that is about one of
// these things, and stays: what may pass is no reason to leave anything out.
func explained(put *backend.PutOptions, err error) error {
	has := map[string]bool{"DropHeaders": len(put.Headers) > 0, "DropTags": len(put.Tags) > 0, "NoStorageClass": put.StorageClass != ""}
	if interrupted(err) {
		return err
	}
	for _, r := range refusals {
		if has[r.option] && begins(err, r.begins) {
			return &KeepError{r.option, err}
		}
	}
	return err
}

// begins says whether the text of err, or of an error in it, begins so.
func begins(err error, text string) bool {
	if err == nil {
		return false
	}
	if strings.HasPrefix(err.Error(), text) {
		return true
	}
	switch e := any(err).(type) { // the error itself, for each that it wraps gets its turn
	case interface{ Unwrap() error }:
		return begins(e.Unwrap(), text)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(one error) bool { return begins(one, text) })
	}
	return false
}

// interrupted says whether err is one of a context, whatever else it is.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// unreadTags is the error of an object whose tags cannot be read: a KeepError if
// they may not be, or are such as nobody could store. Else another attempt may
// read them, and nobody is to be told to lose them.
func unreadTags(err error) error {
	err = fmt.Errorf("source: %w", err)
	if !interrupted(err) && (denied(err) || wrongTags(err)) {
		return &KeepError{"DropTags", err}
	}
	return err
}

// denied says whether a storage refuses who asks. S3 says so in two ways, of which
// the second names the user and the action before the resource.
func denied(err error) bool {
	const code = "Error response code AccessDenied" // without a message
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) ||
		begins(err, "Access Denied") || begins(err, "AccessDenied") || begins(err, code) || begins(err, "User: arn:")
}

// wrongTags says whether tags are not by the rules of S3, which its client tells by
// a code.
func wrongTags(err error) bool {
	coded, ok := errors.AsType[interface {
		error
		Code() string
	}](err)
	return ok && (coded.Code() == "InvalidTag" || coded.Code() == "BadRequest")
}

// keepsTags says whether objects of the source may have tags, and they are to be
// kept. A driver that tells none has none that it was asked to store.
func (m *migration) keepsTags(ctx context.Context) bool {
	if m.opts.DropTags {
		return false
	}
	_, err := m.src.Tags(ctx, "") // no key, no request
	return !errors.Is(err, errors.ErrUnsupported)
}

// tagRequests is how many requests it takes to know the tags of an object. How
// many it has is told by no answer that everybody gets.
func (m *migration) tagRequests() int64 {
	if m.tags {
		return 1
	}
	return 0
}

// putOptions returns what of the old object the new one keeps. The tags must be
// read before the body is opened, which finds out that the object was replaced.
func (m *migration) putOptions(ctx context.Context, oi *backend.ObjectInfo) (*backend.PutOptions, error) {
	put := &backend.PutOptions{
		Metadata:     maps.Clone(oi.Metadata),
		ContentType:  oi.ContentType,
		Headers:      oi.Headers,
		StorageClass: oi.StorageClass,
	}
	maps.DeleteFunc(put.Metadata, func(name, _ string) bool { return backend.ReservedMetadata(name) })
	if m.opts.NoStorageClass {
		put.StorageClass = ""
	}
	if m.opts.DropHeaders {
		put.Headers = nil
	}
	if !m.tags {
		return put, nil
	}
	var err error
	put.Tags, err = m.src.Tags(ctx, oi.Key)
	if errors.Is(err, errors.ErrUnsupported) { // a driver around another one
		return put, nil
	}
	if err != nil {
		return nil, unreadTags(err)
	}
	return put, nil
}
