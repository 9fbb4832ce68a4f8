// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

const (
	// DefaultAuditRows is how many rows a report has at most, if
	// AuditOptions.MaxRows does not say.
	DefaultAuditRows = 1000

	// DefaultAuditExamples is how many examples a finding has at most, if
	// AuditOptions.Examples does not say.
	DefaultAuditExamples = 10
)

// An AuditLevel is what some readers accept.
type AuditLevel struct {
	Name string // in the report

	// Open says what they let in. Its Release and ExtraSuites do not matter:
	// formats that the Bucket knows count as known to the readers.
	Open envelope.OpenOptions
}

// AuditLevels returns the levels of AuditOptions by default: "v3", which is the
// zero value of envelope.OpenOptions; "v2", with AllowUncommitted; and "legacy",
// with AllowLegacyWraps and AllowLegacyCBC as well. It may be called concurrently.
func AuditLevels() []AuditLevel {
	return []AuditLevel{
		{Name: "v3"},
		{Name: "v2", Open: envelope.OpenOptions{AllowUncommitted: true}},
		{Name: "legacy", Open: envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true}},
	}
}

// AuditOptions say what an audit reports. The zero value has the defaults.
type AuditOptions struct {
	// Options are as for every job, but that there must be no Journal: what
	// was skipped would be missing in the report. DryRun makes no difference.
	Options

	// Levels are those of which the report says what they accept; nil means
	// AuditLevels.
	Levels []AuditLevel

	// InstructionSuffix is that of the Bucket, if it has one of its own. What
	// ends in [envelope.InstructionSuffix] counts in any case.
	InstructionSuffix string

	// MaxRows is how many rows the report has at most; what is left goes into
	// Report.Others. 0 means [DefaultAuditRows].
	MaxRows int

	// Examples is how many examples each finding has at most. 0 means
	// [DefaultAuditExamples].
	Examples int

	// OnObject, if not nil, is called for each object, in any order, but never
	// by two goroutines at once, nor after Audit has returned. What it gets
	// belongs to it.
	OnObject func(*AuditObject)
}

func (o *AuditOptions) levels() []AuditLevel {
	if o.Levels == nil {
		return AuditLevels()
	}
	return o.Levels
}

// instructionSuffixes are the ends of the keys of instruction files.
func instructionSuffixes(own string) []string {
	suffixes := []string{envelope.InstructionSuffix}
	if own != "" && own != envelope.InstructionSuffix {
		suffixes = append(suffixes, own)
	}
	return suffixes
}

// Audit says what the objects are, how they are sealed and for which keys, who
// accepts them, and what about them is wrong. It needs no key and uses none, and
// reads no body but those of instruction files: b may have been made without keys.
//
// For each object it takes one Stat of b, and one or two more for keys that end
// like those of instruction files and sidecars. Memory does not depend on the
// number of objects: rows and examples are bounded, as is what they hold of values
// from storage; with the defaults that is less than 1 MiB for buckets of people,
// and 32 MiB for the worst that somebody can put into one.
//
// # What is not promised
//
// Nothing authenticates what Audit sees. Who can write to the bucket can have an
// object counted as V3, or for a key that it was never sealed for; only reading it
// tells, which [Verify] does. An object of V1 or V2 whose instruction file was
// deleted may look like one that was never encrypted. That content is in the
// place of other content of the same key nobody can tell from here.
//
// # Errors
//
// An object that cannot be looked at is a finding and a failed Result, and no
// error. The error is that of the objects or of ctx, and the report says what was
// seen until then. opts may be nil. Audit may be called concurrently.
func Audit(ctx context.Context, b *backend.Bucket, objects iter.Seq2[*backend.Info, error], opts *AuditOptions) (*Report, error) {
	if opts == nil {
		opts = new(AuditOptions)
	}
	t := newTally(opts)
	if opts.Journal != nil {
		return t.done(), errors.New("bulk: audit: want no journal: what it knows would be missing in the report")
	}
	a := &auditor{b, slices.Clone(opts.levels()), instructionSuffixes(opts.InstructionSuffix)}
	var mu sync.Mutex
	sum, err := opts.run(ctx, objects, func(ctx context.Context, task *task) Result {
		o, err := a.visit(ctx, task.Info)
		if o == nil {
			return fail(task.Info, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if err := t.add(o); err != nil {
			return Result{fatal: err}
		}
		if opts.OnObject != nil {
			opts.OnObject(o)
		}
		if err != nil {
			return fail(task.Info, err)
		}
		return done(task.Info)
	})
	t.report.Noncurrent = sum.Reasons[ReasonNoncurrent]
	return t.done(), err
}
