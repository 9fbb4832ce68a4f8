// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// sized yields n objects of 100 bytes that come one a second.
func sized(n int) func(yield func(*backend.Info, error) bool) {
	return func(yield func(*backend.Info, error) bool) {
		for i := range n {
			time.Sleep(time.Second)
			if !yield(&backend.Info{Key: fmt.Sprint(i), Size: 100, StorageClass: "GLACIER"}, nil) {
				return
			}
		}
	}
}

// TestProgress wants two reports a second and one at the end, the right rates,
// and a time that is left.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int64
		var all []bulk.Progress
		opts := &bulk.MigrateOptions{Options: bulk.Options{Total: &bulk.Total{Objects: 100, Bytes: 10_000}}}
		opts.Progress = func(p bulk.Progress) {
			if now.Add(1) != 1 {
				t.Error("two reports at once")
			}
			time.Sleep(time.Millisecond)
			all = append(all, p)
			now.Add(-1)
		}
		b := target(t, mem.New())
		if _, err := bulk.Migrate(t.Context(), b, b, sized(100), opts); err != nil {
			t.Fatal(err)
		}
		if len(all) < 180 || len(all) > 202 {
			t.Errorf("%d reports in 100 seconds", len(all))
		}
		for i, p := range all {
			if p.Final != (i == len(all)-1) {
				t.Errorf("report %d of %d: final %t", i, len(all), p.Final)
			}
		}
		last, middle := all[len(all)-1], all[len(all)/2]
		if last.Skipped != 100 || last.Bytes != 10_000 || last.Remaining != 0 {
			t.Errorf("last report %+v", last)
		}
		if r := middle.ObjectsPerSecond; r < 0.9 || r > 1.1 || middle.BytesPerSecond < 90 || middle.BytesPerSecond > 110 {
			t.Errorf("rates %v, %v, want 1 and 100", r, middle.BytesPerSecond)
		}
		if left := middle.Remaining; left < 40*time.Second || left > 60*time.Second {
			t.Errorf("%v left in the middle, want about 50s", left)
		}
	})
}

// TestProgressUnknown has no total, and ends by an error.
func TestProgressUnknown(t *testing.T) {
	var last bulk.Progress
	opts := &bulk.MigrateOptions{Options: bulk.Options{Progress: func(p bulk.Progress) { last = p }}}
	b := target(t, mem.New())
	if _, err := bulk.Migrate(t.Context(), b, b, infos(errSpy, "a"), opts); !errors.Is(err, errSpy) {
		t.Errorf("Migrate = %v", err)
	}
	if !last.Final || last.Remaining >= 0 || last.Skipped != 1 {
		t.Errorf("last report %+v", last)
	}
}

// TestProgressPanics wants a callback that panics to be heard of.
func TestProgressPanics(t *testing.T) {
	for name, opts := range map[string]bulk.Options{
		"progress": {Progress: func(bulk.Progress) { panic("bang") }},
		"result":   {OnResult: func(bulk.Result) { panic("bang") }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				defer func() {
					if got := recover(); got != "bang" || time.Since(begun) > 5*time.Second {
						t.Errorf("recovered %v after %v", got, time.Since(begun))
					}
				}()
				b := target(t, mem.New())
				bulk.Migrate(t.Context(), b, b, sized(1000), &bulk.MigrateOptions{Options: opts})
			})
		})
	}
}

// TestOptions refuses what makes no sense, before anything is done.
func TestOptions(t *testing.T) {
	b := target(t, mem.New())
	for _, opts := range []bulk.Options{
		{Workers: -1}, {Shard: bulk.Shard{Index: 3, Count: 3}}, {Shard: bulk.Shard{Index: -1, Count: 3}}, {Shard: bulk.Shard{Index: 1}},
	} {
		if s, err := bulk.Migrate(t.Context(), b, b, infos(nil, "a"), &bulk.MigrateOptions{Options: opts}); err == nil || s == nil || s.Total() != 0 {
			t.Errorf("%+v: %+v, %v, want an error", opts, s, err)
		}
	}
}

// TestCancelled counts nothing that was interrupted.
func TestCancelled(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, 4)
	ctx, cancel := context.WithCancel(t.Context())
	d.onPut = func(string) { cancel() }
	opts := &bulk.MigrateOptions{Options: bulk.Options{Journal: journal(t, path)}, Map: toNew}
	src := source(t, d, envelope.V1, false)
	s, err := bulk.Migrate(ctx, src, target(t, d), infos(nil, "old/0000", "old/0001"), opts)
	if !errors.Is(err, context.Canceled) || s.Total() != 0 {
		t.Errorf("Migrate = %+v, %v, want context.Canceled", s, err)
	}
	if got := d.stored("new/"); len(got) > 0 {
		t.Errorf("stored %v", got)
	}
}
