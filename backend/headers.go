// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// headerNames are in order. Content-Type is not among them, as every object has
// one; nor is what a storage says of an object on its own.
var headerNames = []string{"cache-control", "content-disposition", "content-encoding", "content-language", "expires"}

// HeaderNames returns the names that [PutOptions].Headers and [Info].Headers can
// have: the headers of HTTP that a storage keeps with an object and repeats in its
// answers, in lower case and in order. It may be called concurrently.
func HeaderNames() []string { return slices.Clone(headerNames) }

// CheckHeaders returns an error if Headers of o are not what they may be. It wraps
// [ErrMetadata]. A value is printable ASCII, not empty and without blanks at its
// ends. Expires is a time in the format http.TimeFormat; there are clients that
// cannot read an object with another. Content-Encoding has no aws-chunked, which
// is that of a request and not of an object.
//
// It may be called concurrently while nobody changes o.
func (o *PutOptions) CheckHeaders() error {
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if err := checkHeader(name, o.Headers[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkHeader(name, value string) error {
	if !slices.Contains(headerNames, name) {
		return fmt.Errorf("%w: header %q: want one of %s", ErrMetadata, name, strings.Join(headerNames, ", "))
	}
	if value == "" || !storable(value) {
		return fmt.Errorf("%w: header %s %q: want printable ASCII without blanks at its ends", ErrMetadata, name, value)
	}
	switch name {
	case "expires":
		at, err := time.Parse(http.TimeFormat, value)
		if err != nil || at.Format(http.TimeFormat) != value {
			return fmt.Errorf("%w: header %s %q: want a time as %q", ErrMetadata, name, value, http.TimeFormat)
		}
	case "content-encoding":
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "aws-chunked") {
				return fmt.Errorf("%w: header %s %q: want none of a request", ErrMetadata, name, value)
			}
		}
	}
	return nil
}

// A Tagger is a [Driver] that can also tell the tags of an object, which are no
// part of [Info]. What Driver says about keys and contexts holds here too. The
// method must be safe for concurrent use.
type Tagger interface {
	Driver

	// Tags returns the tags of an object, none if the storage has no tags. It
	// must return [ErrNotExist] for a missing object if the storage can tell.
	// Where it has the method but cannot do it, the error must wrap
	// errors.ErrUnsupported. The map is the caller's.
	Tags(ctx context.Context, key string) (map[string]string, error)
}

// Tags returns the tags of the object under key, as [PutOptions].Tags has them.
// Nothing protects them: whoever can write to the storage can change them. They
// are those of a moment, and change without the ETag. A driver that is no
// [Tagger] is an error that wraps errors.ErrUnsupported, before anything else is
// looked at; an empty key is [ErrKey] before the storage is asked.
//
// It may be called concurrently.
func (b *Bucket) Tags(ctx context.Context, key string) (map[string]string, error) {
	tagger, ok := b.driver.(Tagger)
	if !ok {
		return nil, opError("tags", key, fmt.Errorf("the driver tells no tags: %w", errors.ErrUnsupported))
	}
	if key == "" {
		return nil, opError("tags", key, ErrKey)
	}
	tags, err := tagger.Tags(ctx, key)
	if err != nil {
		return nil, opError("tags", key, err)
	}
	return tags, nil
}
