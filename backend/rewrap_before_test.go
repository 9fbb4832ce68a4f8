// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

// TestRewrapBefore is told of every kind of object what is going to be replaced,
// once and with the envelope that it had, and can stop it.
func TestRewrapBefore(t *testing.T) {
	eachRotation(t, func(t *testing.T, r rotation, d *mem.Driver) {
		r.put(t, d, pattern(77))
		stat := must(r.old(d).Stat(t.Context(), "k"))(t)
		stored := everythingIn(t, d)
		stop := errors.New("stop")
		var told []*backend.ObjectInfo
		opts := r.rewrapOptions()
		opts.DryRun = true
		opts.Before = func(old *backend.ObjectInfo) error {
			told = append(told, old)
			return stop
		}
		if _, err := r.old(d).Rewrap(t.Context(), "k", opts); err != nil || len(told) != 0 {
			t.Errorf("dry run = %v, Before was called %d times, want never", err, len(told))
		}
		opts.DryRun = false
		if _, err := r.old(d).Rewrap(t.Context(), "k", opts); !errors.Is(err, stop) {
			t.Errorf("Rewrap = %v, want the error of Before", err)
		}
		wantStored(t, d, stored)
		if len(told) != 1 || !reflect.DeepEqual(told[0], stat) {
			t.Errorf("Before was told %+v, want what Stat says: %+v", told, stat)
		}
		stop = nil
		must(r.old(d).Rewrap(t.Context(), "k", opts))(t)
		wantObject(t, r.renewed(d), "k", pattern(77))
		if len(told) != 2 || !reflect.DeepEqual(told[1], stat) {
			t.Errorf("Before was told %+v, then %+v", told, stat)
		}
	})
}
