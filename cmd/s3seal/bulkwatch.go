// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

// maxFailures is how many failures are named on stderr.
const maxFailures = 20

// A jobWatch tells on stderr how a job goes. It is safe for concurrent use.
type jobWatch struct {
	app    *app
	at     address
	ctx    context.Context // of the job
	bucket *backend.Bucket // in which failures are looked at; nil if they need not be
	single bool
	onDone func(bulk.Result) error // may be nil
	stop   context.CancelFunc      // ends the job, once onDone has failed

	mu      sync.Mutex
	lost    error // of onDone
	failed  int
	refused int    // of the failed, by policy
	remedy  remedy // for all of these
	err     error  // the last failure that was named
	drawn   bool   // there is a line of progress
}

// result takes what became of an object.
func (w *jobWatch) result(r bulk.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.Outcome == bulk.Failed:
		w.fail(r)
	case r.Outcome == bulk.Done && w.onDone != nil && w.lost == nil:
		if w.lost = w.onDone(r); w.lost != nil {
			w.stop()
		}
	}
}

// fail counts a failure, and names the first ones.
func (w *jobWatch) fail(r bulk.Result) {
	if policy, ok := errors.AsType[*envelope.PolicyError](r.Err); ok {
		w.refused++
		w.remedy.add(policy)
	}
	if w.failed++; w.failed > maxFailures {
		return
	}
	w.err = w.explain(r)
	if !w.single {
		w.clear()
		w.app.warn("failed: %s", w.text())
	}
}

// explain puts a failure in the words that the commands for one object have, too.
func (w *jobWatch) explain(r bulk.Result) error {
	at := w.at
	if !w.single {
		at = at.object(r.Key)
	}
	err := r.Err
	if err == nil {
		err = errors.New(r.Reason)
	}
	if errors.Is(err, envelope.ErrNotEncrypted) && w.permits(r.Key) {
		return at.about(&refusal{"not encrypted, but by the journal it was sealed", err})
	}
	return (&reading{address: at, bucket: w.bucket}).explainKnown(w.ctx, err, r.Header)
}

// permits says whether an object may be read by policy, so that no flag would help.
func (w *jobWatch) permits(key string) bool {
	if w.bucket == nil {
		return false
	}
	oi, err := w.bucket.Stat(w.ctx, key)
	return err == nil && w.bucket.Permit(oi) == nil
}

// text is the last failure as app.fail would print it.
func (w *jobWatch) text() string {
	return spoken(w.err, exitCode(context.Background(), w.err))
}

// place is the address of a prefix without the prefix.
func (a address) place() string {
	if a.alias != "" {
		return mcScheme + a.alias + "/" + a.bucket + "/"
	}
	if a.isS3() {
		return s3Scheme + a.bucket + "/"
	}
	return dirScheme + a.root + "//"
}

// object is the address of an object at the place of a.
func (a address) object(key string) address {
	a.key = key
	a.text = a.place() + key
	return a
}

// progress draws one line over itself. Rates of the first second say nothing.
func (w *jobWatch) progress(p bulk.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clear()
	if p.Final || p.Elapsed < progressAfter {
		return
	}
	line := progressText(&p)
	if _, err := fmt.Fprint(w.app.stderr, line); err == nil {
		w.drawn = true
	}
}

// progressText is shorter than the line of a terminal.
func progressText(p *bulk.Progress) string {
	line := fmt.Sprintf("%d done", p.Done)
	if p.Skipped > 0 {
		line += fmt.Sprintf(", %d skipped", p.Skipped)
	}
	if p.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Failed)
	}
	line += fmt.Sprintf("  %.0f/s  %.1f MiB/s", p.ObjectsPerSecond, p.BytesPerSecond/(1<<20))
	if p.Remaining >= 0 {
		line += "  " + p.Remaining.Round(time.Second).String() + " left"
	}
	return line
}

// clear takes the line of progress away.
func (w *jobWatch) clear() {
	if w.drawn {
		fmt.Fprint(w.app.stderr, "\r\x1b[K")
		w.drawn = false
	}
}

// end says how many failures were not named, and what would have let in all that
// policy has refused.
func (w *jobWatch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clear()
	if w.single {
		return
	}
	if more := w.failed - maxFailures; more > 0 {
		w.app.warn("failed: and %d more, which a --journal names", more)
	}
	if todo := w.remedy.forMany(); todo != "" {
		w.app.warn("%s refused by policy: %s", objectsText(w.refused), todo)
	}
}

// objectsText counts objects.
func objectsText(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}
