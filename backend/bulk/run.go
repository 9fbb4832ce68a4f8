// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// A run is a job under way: what it has in common with all jobs.
type run struct {
	opts  *Options
	start time.Time

	mu      sync.Mutex // also of OnResult and the journal: one result at a time
	summary Summary
	sizes   int64 // of the objects that are finished

	moving atomic.Int64 // bytes of objects that are not
}

// A task is one object of a run.
type task struct {
	*backend.Info
	run    *run
	moved  int64
	header *envelope.Header // what stat has found last
}

// run works on all objects that this shard holds. That the journal says that one
// is done is for work to find out: a listing does not have what that takes. The
// Summary is never nil.
//
// A work that can tell that an object was interrupted, because its context is
// done, need not: what fails then does not count, neither as failed nor as
// anything else.
func (o *Options) run(ctx context.Context, objects iter.Seq2[*backend.Info, error], work func(context.Context, *task) Result) (*Summary, error) {
	r := &run{opts: o, start: time.Now(), summary: Summary{Reasons: make(map[string]int64)}}
	err := o.check()
	if err == nil {
		err = r.reporting(ctx, func(ctx context.Context) error {
			return each(ctx, r.ours(objects), o.workers(), func(ctx context.Context, info *backend.Info) error {
				return r.object(ctx, info, work)
			})
		})
	}
	r.summary.Elapsed = time.Since(r.start)
	return &r.summary, err
}

func (o *Options) workers() int {
	if o.Workers == 0 {
		return DefaultWorkers
	}
	return o.Workers
}

func (o *Options) check() error {
	if o.Workers < 0 {
		return fmt.Errorf("bulk: workers: want 0 or more, got %d", o.Workers)
	}
	return o.Shard.check()
}

// ours yields the objects of this shard.
func (r *run) ours(objects iter.Seq2[*backend.Info, error]) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for info, err := range objects {
			if err == nil && !r.opts.Shard.Holds(info.Key) {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// object works on one object. The error ends the job.
func (r *run) object(ctx context.Context, info *backend.Info, work func(context.Context, *task) Result) error {
	t := &task{Info: info, run: r}
	var res Result
	switch {
	case info.Noncurrent:
		res = skip(info, ReasonNoncurrent)
	default:
		res = work(ctx, t)
	}
	r.moving.Add(-t.moved)
	if res.fatal != nil {
		return res.fatal
	}
	if res.Outcome == Failed && ctx.Err() != nil {
		return nil // interrupted, not failed
	}
	res.Header = t.header
	return r.finish(&res, cmp.Or(info.Size, res.Size))
}

// finish counts a result and tells everybody. size is that of the object as it
// was listed, if that is known, as the total is made of such.
func (r *run) finish(res *Result, size int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes += size
	r.summary.add(res)
	if res.Reason != ReasonJournal || r.opts.Journal.complains(res.Key) {
		if err := r.note(&res.Entry); err != nil {
			return err
		}
	}
	if r.opts.OnResult != nil {
		r.opts.OnResult(*res)
	}
	return nil
}

// note writes e to the journal. The error ends the job: what is done and not
// remembered would be done again, or not be undone.
func (r *run) note(e *Entry) error {
	if r.opts.Journal == nil || r.opts.DryRun || r.opts.trial {
		return nil
	}
	return r.opts.Journal.Append(e)
}

// known reports whether the journal says that this very object is done, and has
// the envelope that it had then.
func (t *task) known(oi *backend.ObjectInfo) bool {
	j := t.run.opts.Journal
	return j != nil && oi.ETag != "" && j.Done(t.Key, oi.ETag, EnvelopeSum(oi.Header))
}

// move says that n bytes of the object were worked on, for Progress.
func (t *task) move(n int64) {
	t.moved += n
	t.run.moving.Add(n)
}
