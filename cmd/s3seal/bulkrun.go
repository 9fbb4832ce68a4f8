// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

// A job is a command that works on many objects, or on one as if it were many.
type job struct {
	flags  jobFlags
	name   bulk.Job
	verb   string // what was done to objects that are done
	at     address
	to     string // the other address, if there is one
	single bool   // the address is that of an object
	copies bool   // what is skipped is missing at the other address
	sums   bool   // stdout is for hashes
	plain  bool   // what is not encrypted may be among what is done

	against []bulk.Job // whose journals the objects are compared with

	// work does it.
	work func(ctx context.Context, s *selection, opts bulk.Options) (*bulk.Summary, error)

	// onDone prints what is known of an object. It may be nil.
	onDone func(bulk.Result) error
}

// run does the job with the objects of s, and says what became of them.
func (j *job) run(ctx context.Context, a *app, s *selection) error {
	opts, err := j.flags.options()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := &jobWatch{app: a, at: j.at, ctx: ctx, bucket: s.bucket, single: j.single, onDone: j.onDone, stop: cancel}
	opts.OnResult, opts.DryRun = watch.result, j.flags.DryRun
	if !a.quiet && isTerminal(a.stderr) {
		opts.Progress = watch.progress
		opts.Total = s.total(opts.Shard)
	}
	opts.Journal, err = j.flags.journal(j.name)
	if err != nil {
		return err
	}
	sum, err := j.work(ctx, s, opts)
	if opts.Journal != nil {
		err = firstOf(err, opts.Journal.Close())
	}
	err = j.at.noBucket(err)
	watch.end()
	return firstOf(j.verdict(watch, sum, err), s.empty(), j.report(a, sum))
}

// verdict is what the exit code says.
func (j *job) verdict(w *jobWatch, sum *bulk.Summary, err error) error {
	switch {
	case w.lost != nil:
		return w.lost
	case errors.Is(err, bulk.ErrUnversioned):
		text := "the bucket does not keep versions, so that nothing would be left of the old objects: allow it with --force-unversioned"
		return j.at.about(&allowable{refusal{text, err}})
	case errors.Is(err, bulk.ErrManifest):
		return fmt.Errorf("--manifest %s: %w", j.flags.Manifest, err)
	case err != nil:
		return j.at.about(err)
	case j.single && w.failed > 0:
		return w.err
	case j.single && sum.Skipped > 0:
		return j.at.about(skippedError(sum))
	case sum.Failed > 0:
		return j.at.about(&partlyError{sum.Failed, sum.Total()})
	}
	if sealed, _ := j.leftBehind(sum); sealed > 0 {
		text := fmt.Sprintf("%d objects that are locked or archived are not at %s", sealed, j.to)
		return j.at.about(&refusal{text, &partlyError{sealed, sum.Total()}})
	}
	return nil
}

// leftBehind says how many objects were skipped that are missing at the other
// address, and how many of them are or may be sealed: of some that are locked or
// archived, nobody has looked.
func (j *job) leftBehind(sum *bulk.Summary) (sealed, all int64) {
	if !j.copies {
		return 0, 0
	}
	sealed = sum.Reasons[bulk.ReasonLocked] + sum.Reasons[bulk.ReasonArchived]
	return sealed, sealed + sum.Reasons[bulk.ReasonNotEncrypted]
}

// skippedError says why nothing was done to a single object. That of another run
// has done it is no error.
func skippedError(sum *bulk.Summary) error {
	for reason := range sum.Reasons {
		switch reason {
		case bulk.ReasonGone:
			return backend.ErrNotExist
		case bulk.ReasonJournal, bulk.ReasonWrapped:
			return nil
		case bulk.ReasonNotEncrypted:
			return &refusal{"nothing to do: " + reason, envelope.ErrNotEncrypted}
		default: // which no flag would change
			return errors.New("nothing to do: " + reason)
		}
	}
	return nil
}

// A jobSummary is what a job prints. The JSON names are relied upon.
type jobSummary struct {
	Operation       string           `json:"operation"`
	Source          string           `json:"source"`
	Destination     string           `json:"destination,omitempty"`
	DryRun          bool             `json:"dry_run"`
	Done            int64            `json:"done"`
	Skipped         int64            `json:"skipped"`
	Failed          int64            `json:"failed"`
	Reasons         map[string]int64 `json:"reasons"` // of what was skipped
	Unauthenticated int64            `json:"unauthenticated"`
	Requests        int64            `json:"requests"`
	Bytes           int64            `json:"bytes"`
	KMSCalls        int64            `json:"kms_calls"`
	Seconds         float64          `json:"seconds"`
	Against         []bulk.Job       `json:"against,omitempty"` // whose journals the objects were compared with
}

// report prints the summary, also that of a job that has ended early.
func (j *job) report(a *app, sum *bulk.Summary) error {
	switch {
	case j.flags.JSON:
		return a.printJSON(&jobSummary{
			Operation: j.name.Operation, Source: j.at.text, Destination: j.to, DryRun: j.flags.DryRun,
			Done: sum.Done, Skipped: sum.Skipped, Failed: sum.Failed, Reasons: sum.Reasons,
			Unauthenticated: sum.Unauthenticated,
			Requests:        sum.Requests, Bytes: sum.Bytes, KMSCalls: sum.KMSCalls,
			Seconds: sum.Elapsed.Seconds(),
			Against: j.against,
		})
	case j.sums:
		return nil
	}
	return a.summary("%s", j.text(sum))
}

// text is the summary in one line.
func (j *job) text(sum *bulk.Summary) string {
	verb := j.verb
	if j.flags.DryRun {
		verb = "would be " + verb
	}
	text := fmt.Sprintf("%s: %d", verb, sum.Done)
	if sum.Unauthenticated > 0 {
		why := "CBC or CTR"
		if j.plain {
			why = "CBC, CTR or not encrypted"
		}
		text += fmt.Sprintf(" (%d of them unauthenticated: %s)", sum.Unauthenticated, why)
	}
	text += fmt.Sprintf(", skipped: %d%s, failed: %d", sum.Skipped, reasonsText(sum.Reasons), sum.Failed)
	if _, left := j.leftBehind(sum); left+sum.Failed > 0 && j.copies {
		text += fmt.Sprintf("; not at DST: %d", left+sum.Failed)
	}
	text += fmt.Sprintf("; %d requests, %s, %d KMS calls", sum.Requests, sizeText(sum.Bytes, sum.Bytes), sum.KMSCalls)
	if !j.flags.DryRun {
		text += fmt.Sprintf("; %.1f s", sum.Elapsed.Seconds())
	}
	return text + byJournals(j.against)
}

func reasonsText(reasons map[string]int64) string {
	var texts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		texts = append(texts, fmt.Sprintf("%d %s", reasons[reason], reason))
	}
	if len(texts) == 0 {
		return ""
	}
	return " (" + strings.Join(texts, ", ") + ")"
}
