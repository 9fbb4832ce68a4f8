// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
)

func keys(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("key", i))
	}
	return all
}

// TestEach works on all objects in their order, so many at a time and no more.
func TestEach(t *testing.T) {
	for _, workers := range []int{1, 3, 50} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var begun []string
			var now atomic.Int64
			var most int64
			err := bulk.Each(t.Context(), infos(nil, keys(20)...), workers, func(_ context.Context, info *backend.Info) error {
				mu.Lock()
				most = max(most, now.Add(1))
				begun = append(begun, info.Key)
				mu.Unlock()
				defer now.Add(-1)
				time.Sleep(time.Second)
				return nil
			})
			if err != nil || len(begun) != 20 || most != int64(min(workers, 20)) {
				t.Errorf("%v, %d objects, %d at a time, want 20 and %d", err, len(begun), most, workers)
			}
			if workers == 1 && !slices.Equal(begun, keys(20)) {
				t.Errorf("order %v", begun)
			}
		})
	}
}

// TestEachEnds ends a job early in every way, after which nothing is begun, no
// goroutine is left (synctest looks), and the reason is known.
func TestEachEnds(t *testing.T) {
	for name, end := range map[string]func(stop func()) (iter.Seq2[*backend.Info, error], func() error){
		"sequence": func(func()) (iter.Seq2[*backend.Info, error], func() error) {
			return infos(errSpy, keys(9)...), func() error { return nil }
		},
		"work": func(func()) (iter.Seq2[*backend.Info, error], func() error) {
			return infos(nil, keys(1000)...), func() error { return errSpy }
		},
		"context": func(stop func()) (iter.Seq2[*backend.Info, error], func() error) {
			return infos(nil, keys(1000)...), func() error { stop(); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				seq, f := end(func() { cancel(errSpy) })
				n := atomic.Int64{}
				err := bulk.Each(ctx, seq, 4, func(context.Context, *backend.Info) error {
					n.Add(1)
					return f()
				})
				if !errors.Is(err, errSpy) || n.Load() > 12 {
					t.Errorf("Each = %v after %d objects", err, n.Load())
				}
			})
		})
	}
}

// TestEachPanics wants what panics to be seen by the caller, when all others
// have ended.
func TestEachPanics(t *testing.T) {
	bang := func() { panic("bang") }
	for name, where := range map[string]struct{ seq, work func() }{
		"sequence": {bang, func() {}},
		"work":     {func() {}, bang},
		"both":     {bang, bang},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var inside atomic.Int64
				defer func() {
					if got := recover(); got != "bang" || inside.Load() != 0 {
						t.Errorf("recovered %v with %d at work", got, inside.Load())
					}
				}()
				bulk.Each(t.Context(), func(yield func(*backend.Info, error) bool) {
					for yield(new(backend.Info), nil) {
						where.seq()
					}
				}, 4, func(context.Context, *backend.Info) error {
					inside.Add(1)
					defer inside.Add(-1)
					time.Sleep(time.Second)
					where.work()
					return nil
				})
			})
		})
	}
}

// TestEachGoexit is what a failed test in a callback does.
func TestEachGoexit(t *testing.T) {
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- returned }()
		bulk.Each(context.Background(), infos(nil, "a"), 2, func(context.Context, *backend.Info) error {
			runtime.Goexit()
			return nil
		})
		returned = true
	}()
	if <-ended {
		t.Error("Each has returned, want it to exit too")
	}
}
