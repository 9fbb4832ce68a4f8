// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/s3seal/s3seal/wrap"
)

// rotating are the keys of a rewrap that may have been interrupted: the old ones,
// and the new ones for what has them already. In one keyring two keys for RSA
// PKCS#1 v1.5 would stand in each other's way.
type rotating struct {
	old, new wrap.Unwrapper
	desc     map[string]string // of the new ones
}

// loadRotating loads the keys of -k, and those of --to that can open.
func (a *app) loadRotating(old []text, to *newKeys, region text) (*rotating, error) {
	before, err := a.loadKeyring(old, contextFlags{}, region)
	if err != nil {
		return nil, err
	}
	after, err := a.loadKeyring(to.readable, contextFlags{}, region)
	if err != nil {
		return nil, err
	}
	return &rotating{before, after, to.desc}, nil
}

// Unwrap implements wrap.Unwrapper.
func (r *rotating) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	first, second := r.old, r.new
	if r.described(info.MatDesc) {
		first, second = second, first
	}
	cek, err := first.Unwrap(ctx, alg, wrapped, info)
	if !errors.Is(err, wrap.ErrUnwrap) && !errors.Is(err, wrap.ErrNoKey) {
		return cek, err
	}
	if again, otherErr := second.Unwrap(ctx, alg, wrapped, info); otherErr == nil {
		return again, nil
	}
	return nil, err
}

// described says whether the object has the description of the new keys.
func (r *rotating) described(desc map[string]string) bool {
	own := ownContext(r.desc)
	for name, value := range own {
		if desc[name] != value {
			return false
		}
	}
	return len(own) > 0
}
