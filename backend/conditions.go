// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"errors"
	"fmt"
)

// Check returns an error if a [Bucket] would refuse o whatever the storage is: a
// reserved or wrong name of metadata, a value that would not come back, conditions
// that contradict each other. What the envelope leaves room for it does not know.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) Check() error { return checkOptions(o) }

// CheckConditions returns an error if the conditions of o contradict each other.
// It wraps errors.ErrUnsupported, as no storage supports such a put.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) CheckConditions() error {
	if o.IfNoneMatch && o.IfMatch != "" {
		return fmt.Errorf("backend: IfNoneMatch together with IfMatch %q: %w", o.IfMatch, errors.ErrUnsupported)
	}
	return nil
}

// CheckPlain is CheckConditions for drivers of a storage that has neither headers
// nor tags nor storage classes nor encryption of its own: asking for one of these
// is an error that wraps errors.ErrUnsupported.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) CheckPlain() error {
	if len(o.Headers) > 0 {
		return fmt.Errorf("backend: headers: %w", errors.ErrUnsupported)
	}
	return o.CheckWithHeaders()
}

// CheckWithHeaders is CheckPlain for drivers that keep Headers. What it accepts
// has also passed CheckHeaders.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) CheckWithHeaders() error {
	what := ""
	switch {
	case len(o.Tags) > 0:
		what = "tags"
	case o.StorageClass != "":
		what = "a storage class"
	case o.SSE != nil:
		what = "encryption by the storage"
	default:
		return cmp.Or(o.CheckConditions(), o.CheckHeaders())
	}
	return fmt.Errorf("backend: %s: %w", what, errors.ErrUnsupported)
}

// Conditional reports whether the put depends on what is there before. It may be
// called concurrently while nobody changes o.
func (o *PutOptions) Conditional() bool { return o.IfNoneMatch || o.IfMatch != "" }

// Match returns nil if the conditions of o allow to replace the object that old
// describes, nil if there is none. Else the error wraps [ErrExist] or
// [ErrChanged], and never [ErrNotExist]. It knows what old says and nothing of
// what happens after: a driver calls it where nobody else can replace the object.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) Match(old *Info) error {
	switch {
	case o.IfNoneMatch && old != nil:
		return fmt.Errorf("%w: ETag %q", ErrExist, old.ETag)
	case o.IfMatch != "" && old == nil:
		return fmt.Errorf("%w: want ETag %q, got no object", ErrChanged, o.IfMatch)
	case o.IfMatch != "" && old.ETag != o.IfMatch:
		return fmt.Errorf("%w: want ETag %q, got %q", ErrChanged, o.IfMatch, old.ETag)
	}
	return nil
}
