// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"github.com/s3seal/s3seal/backend"
)

// A group is some goroutines that end together. One that panics, or that ends
// by runtime.Goexit as a failed test does, has the caller of wait do the same:
// there it can be seen, and what was deferred is done.
type group struct {
	wg     sync.WaitGroup
	cancel context.CancelFunc

	mu     sync.Mutex
	err    error // the first
	thrown any   // what the first that panicked said
	exited bool
}

// spawn runs f in a goroutine.
func (g *group) spawn(f func()) {
	g.wg.Go(func() {
		ended := false
		defer func() {
			if ended {
				return
			}
			thrown := recover()
			g.mu.Lock()
			defer g.mu.Unlock()
			g.exited = true
			if g.thrown == nil {
				g.thrown = thrown
			}
			g.cancel()
		}()
		f()
		ended = true
	})
}

// fail makes err the error of the group, unless there is one, and stops it.
func (g *group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	g.cancel()
}

// wait returns the first error when all goroutines have ended.
func (g *group) wait() error {
	g.wg.Wait()
	if g.thrown != nil {
		panic(g.thrown)
	}
	if g.exited {
		runtime.Goexit()
	}
	return g.err
}

// each calls work for the objects, of up to workers at a time, in their order,
// and returns when all calls have. The first error of work cancels the context
// of the others and is returned; that of the sequence lets them finish.
func each(ctx context.Context, objects iter.Seq2[*backend.Info, error], workers int, work func(context.Context, *backend.Info) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	g := &group{cancel: cancel}
	queue := make(chan *backend.Info) // unbuffered: nothing is taken that nobody works on
	for range workers {
		g.spawn(func() {
			for info := range queue {
				if inner.Err() != nil {
					continue
				}
				if err := work(inner, info); err != nil {
					g.fail(err)
				}
			}
		})
	}
	seqErr := feed(inner, g, objects, queue)
	if err := g.wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("bulk: %w", context.Cause(ctx))
	}
	return seqErr
}

// feed puts the objects into queue, and closes it. When it panics, as objects
// may, no goroutine of g is left either.
func feed(ctx context.Context, g *group, objects iter.Seq2[*backend.Info, error], queue chan<- *backend.Info) error {
	ended := false
	defer func() {
		close(queue)
		if !ended {
			g.cancel()
			g.wg.Wait()
		}
	}()
	var err error
	for info, seqErr := range objects {
		if seqErr != nil {
			err = fmt.Errorf("bulk: objects: %w", seqErr)
			break
		}
		if !send(ctx, queue, info) {
			break
		}
	}
	ended = true
	return err
}

// send reports whether somebody has taken info.
func send(ctx context.Context, queue chan<- *backend.Info, info *backend.Info) bool {
	select {
	case queue <- info:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
