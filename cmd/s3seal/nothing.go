// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// A missingError says in its own words that there is nothing at an address.
type missingError struct{ text string }

func (e *missingError) Error() string { return e.text }

// Unwrap makes it the exit code for what was not found.
func (e *missingError) Unwrap() error { return backend.ErrNotExist }

// noBucket puts err in plain words if it is that there is no such bucket.
func (a address) noBucket(err error) error {
	if err == nil || errorCode(err) != "NoSuchBucket" {
		return err
	}
	return &missingError{strings.TrimSuffix(a.place(), "/") + ": there is no such bucket"}
}

// checkBucket fails if there is no such bucket, which else each object would fail
// of. Who may not list finds that out then.
func (a address) checkBucket(ctx context.Context, d backend.Driver) error {
	return a.hasBucket(ctx, backend.NewBucket(d, nil, nil, nil), a.key)
}

// hasBucket is checkBucket for a bucket of which no more than prefix may be listed.
func (a address) hasBucket(ctx context.Context, b *backend.Bucket, prefix string) error {
	if !a.isS3() {
		return nil
	}
	for _, err := range b.List(ctx, &backend.ListOptions{Prefix: prefix}) {
		if errorCode(err) == "NoSuchBucket" {
			return a.noBucket(err)
		}
		break // one is enough
	}
	return nil
}

// watched makes the selection tell whether there was anything at all, and that the
// bucket is missing.
func (s *selection) watched(at address, manifest text) *selection {
	objects := s.objects
	s.objects = func(yield func(*backend.Info, error) bool) {
		for info, err := range objects {
			s.seen = s.seen || err == nil
			if !yield(info, at.noBucket(err)) {
				return
			}
		}
	}
	s.nothing = &missingError{"nothing under " + at.text}
	if manifest != "" {
		s.nothing.text += fmt.Sprintf(" in --manifest %s", manifest)
	}
	return s
}

// empty returns an error if there was no object, not even one that another shard
// works on or that was done before: most likely, the address is misspelt.
func (s *selection) empty() error {
	if s.seen || s.nothing == nil {
		return nil
	}
	return s.nothing
}
