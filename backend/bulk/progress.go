// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"time"
)

const (
	// reportEvery is the time between two calls of Options.Progress.
	reportEvery = 500 * time.Millisecond

	// rateOver is how many calls a rate is taken over: half a minute, so that it
	// follows what happens, but not each large object.
	rateOver = 60
)

// Total is what is known of a job before it begins: an estimate, or the sum of
// what a manifest lists. Either may be 0, which is not known. With a Shard it is
// the total of the shard.
type Total struct {
	Objects int64 // how many
	Bytes   int64 // stored
}

// Progress is how far a job has come.
type Progress struct {
	Done, Skipped, Failed int64 // objects

	// Bytes is the stored size of these objects, and of what was read of those
	// that are not finished.
	Bytes int64

	Elapsed time.Duration // since the job has begun

	// ObjectsPerSecond and BytesPerSecond are rates of the last half minute.
	ObjectsPerSecond, BytesPerSecond float64

	// Remaining is the time that is left, if the rates stay as they are: the
	// longer of what objects and bytes make of it. It is negative if nobody
	// knows, as without Options.Total.
	Remaining time.Duration

	// Final is set in the last call of a job, however it has ended.
	Final bool
}

// objects returns how many objects are finished.
func (p *Progress) objects() int64 { return p.Done + p.Skipped + p.Failed }

// reporting calls f, and Options.Progress as long as that takes. Where that
// panics, the context of f is done.
func (r *run) reporting(ctx context.Context, f func(context.Context) error) error {
	if r.opts.Progress == nil {
		return f(ctx)
	}
	inner, cancel := context.WithCancel(ctx)
	g := &group{cancel: cancel}
	m := &meter{run: r}
	g.spawn(func() { m.tick(inner) })
	ended := false
	defer func() {
		cancel()
		if !ended { // f has panicked
			g.wg.Wait()
		}
	}()
	err := f(inner)
	ended = true
	cancel()
	g.wait() // tick has no error
	m.report(true)
	return err
}

// A meter measures how fast a run is.
type meter struct {
	run     *run
	samples []Progress // up to rateOver, the newest last
}

func (m *meter) tick(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.report(false)
		}
	}
}

func (m *meter) report(final bool) {
	p := m.run.progress()
	p.Final = final
	first := Progress{}
	if len(m.samples) > 0 {
		first = m.samples[0]
	}
	if len(m.samples) < rateOver {
		first = Progress{} // since the beginning
	}
	if sec := (p.Elapsed - first.Elapsed).Seconds(); sec > 0 {
		p.ObjectsPerSecond = float64(p.objects()-first.objects()) / sec
		p.BytesPerSecond = max(0, float64(p.Bytes-first.Bytes)/sec)
	}
	p.Remaining = remaining(&p, m.run.opts.Total)
	m.samples = append(m.samples, p)
	if len(m.samples) > rateOver {
		m.samples = m.samples[1:]
	}
	m.run.opts.Progress(p)
}

func (r *run) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.summary
	return Progress{
		Done: s.Done, Skipped: s.Skipped, Failed: s.Failed,
		Bytes:   r.sizes + r.moving.Load(),
		Elapsed: time.Since(r.start),
	}
}

// remaining estimates how long it takes from p to total.
func remaining(p *Progress, total *Total) time.Duration {
	if total == nil {
		return -1
	}
	return max(
		eta(total.Objects, p.objects(), p.ObjectsPerSecond),
		eta(total.Bytes, p.Bytes, p.BytesPerSecond),
	)
}

// eta returns -1 if it cannot be known.
func eta(total, n int64, rate float64) time.Duration {
	if total <= 0 {
		return -1
	}
	if n >= total {
		return 0
	}
	if rate <= 0 {
		return -1
	}
	sec := float64(total-n) / rate
	if sec > (365 * 24 * time.Hour).Seconds() {
		return -1
	}
	return time.Duration(sec * float64(time.Second))
}
