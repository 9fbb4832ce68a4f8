// SPDX-License-Identifier: Apache-2.0

// Package bulk does one thing to many objects of a [backend.Bucket]: gives them
// another key ([Rewrap]), seals them anew in another format ([Migrate]), says what
// they are ([Audit]) and whether they are whole ([Verify]).
//
//	sum, err := bulk.Verify(ctx, bucket, bucket.List(ctx, &backend.ListOptions{Prefix: "logs/"}), nil)
//	// err has ended the job; objects that have failed are counted in sum
//
// Which objects is a sequence, of [backend.Bucket.List] or of a [Manifest]. A
// [Shard] is a part of them: several processes, on as many machines, share a
// bucket without talking to each other. A [Journal] remembers what was done, so
// that a job that was killed is gone on with.
//
// # What a job is, and what it is not
//
// A job is not a transaction. It works on each object for itself, at the time at
// which it comes to it; what others store meanwhile may or may not be part of
// it. An object that fails is counted, reported to Options.OnResult and written
// to the journal, and the job goes on with the next one. Only what makes it
// useless to go on ends it with an error: the sequence of objects has failed,
// the context is done, or the journal cannot be written.
//
// No object is worse off than before because a job has failed or was killed: it
// has the old content under the old key or the new content under the new one.
//
// # The bytes
//
// A [Journal] is a file of lines of JSON, each of up to 1 MiB: a header, which
// names the [Job], and an [Entry] for each object.
//
//	{"s3seal_journal":1,"operation":"rewrap","source":"…","options":"…"}
//	{"time":"…","key":"logs/1","etag":"…","size":30,"outcome":"begun","envelope":{"x-amz-3":"…",…}}
//	{"time":"…","key":"logs/1","etag":"…","size":30,"outcome":"done","envelope_sha256":"…"}
//
// A line is whole when it has its newline; what a crash leaves of the last one is
// cut off. A [Manifest] is CSV as an S3 Inventory has it, a line of which has up to
// 64 KiB:
//
//	"bucket","logs/1%20old","30","…"
//
// # What was rejected
//
// A database, or the bucket itself, for the journal: a file that is appended to
// survives a crash without either, and what it says is not for the bucket to know.
// Locks and leases between processes: a [Shard] needs nobody to talk to, and two
// jobs that meet all the same find an object that has changed, or is done.
//
// Objects whose headers or tags would be lost counted as done with a note: nobody
// reads notes before the old bucket is deleted, so they fail. FNV to divide keys:
// modulo 2 it is their parity; a shard is decided by SHA-256.
package bulk

import (
	"slices"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// DefaultWorkers is how many objects are worked on at a time, if Options.Workers
// does not say. Most of the time of each is waiting for the storage.
const DefaultWorkers = 8

// Options are what all jobs have in common. The zero value works on all objects,
// without a journal.
//
// An Options may be used for several jobs, also concurrently, if its functions
// may be called so and it has no Journal.
type Options struct {
	// Workers is how many objects are worked on at a time; 0 means
	// [DefaultWorkers].
	Workers int

	// Shard is the part of the objects that this job works on. Others are not
	// even counted.
	Shard Shard

	// Journal, if not nil, remembers what was done. What it says was done is
	// skipped, if it has the same ETag and the same envelope, which takes a Stat
	// of each object that was done, too. The job does not close it.
	Journal *Journal

	// DryRun looks at the objects, and counts what there is to do and what it
	// would cost, without using a key or changing anything, the journal
	// included. What the policy of the Bucket does not allow has failed then, too, by
	// Rewrap and Migrate; that an object would fail of something else is not known.
	DryRun bool

	// Progress, if not nil, is called twice a second while the job runs, and
	// once at its end.
	Progress func(Progress)

	// Total is what Progress takes for the whole. It may be nil.
	Total *Total

	// OnResult, if not nil, is called for each object when it is finished, and
	// after the journal has it. It delays all that is finished after.
	//
	// Neither function is called by two goroutines at once, nor after the job
	// has returned. One that panics ends the job, which then panics itself.
	OnResult func(Result)

	trial bool // nothing is changed, and so the journal is not written
}

// String returns what the job does to what, for people.
func (j Job) String() string {
	places := slices.DeleteFunc([]string{j.Operation, j.Source, j.Destination}, func(s string) bool { return s == "" })
	text := strings.Join(places, " ")
	if j.Options != "" {
		text += ", " + j.Options
	}
	return text
}

// An Outcome is what became of an object.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Skipped Outcome = "skipped" // there is nothing to do, or nothing that can be done
	Failed  Outcome = "failed"
)

// Reasons to skip an object, as they are in Summary.Reasons and in the journal.
const (
	ReasonJournal         = "done by an earlier run"
	ReasonNotEncrypted    = "not encrypted"
	ReasonInstructionFile = "instruction file"
	ReasonSidecar         = "sidecar"
	ReasonNoncurrent      = "noncurrent version"
	ReasonLocked          = "locked"
	ReasonArchived        = "archived"
	ReasonTarget          = "in the target format already"
	ReasonWrapped         = "under the new key already"
	ReasonGone            = "deleted meanwhile"
)

// A Result is what became of one object.
type Result struct {
	Entry       // what the journal says
	Err   error // why it has failed

	// Header is the envelope that the object had when the job came to it, as far as
	// the job has looked at it before it was opened; else nil. It says what an object
	// takes that has failed, and is not to be changed.
	Header *envelope.Header

	Cost

	fatal error // ends the job
}

// Cost is what storage and KMS are asked for.
type Cost struct {
	// Requests to the storage, as many as are needed if nothing goes wrong:
	// neither the repetitions of a driver are counted nor the further requests
	// of an upload in parts, nor those of the listing.
	Requests int64

	// Bytes of bodies that are read from the storage, and that are written to
	// it.
	Bytes int64

	// KMSCalls is how often a KMS is asked, without a cache.
	KMSCalls int64
}

func (c *Cost) add(d Cost) {
	c.Requests += d.Requests
	c.Bytes += d.Bytes
	c.KMSCalls += d.KMSCalls
}

// A Summary is what became of the objects of a job. Nothing changes it any more
// when a caller gets it, so that it may be read concurrently.
type Summary struct {
	Done    int64 // objects
	Skipped int64 // for Reasons
	Failed  int64 // of which Options.OnResult was told

	// Reasons says how many were skipped for which reason.
	Reasons map[string]int64

	// Unauthenticated is how many of Done have content that nothing
	// authenticates, CBC and CTR: it was copied as it was found, and whether it
	// is what was once stored nobody can tell.
	Unauthenticated int64

	// Outside is how many objects VerifyOptions.Against lists that are not under
	// VerifyOptions.Prefix. They are not part of Total.
	Outside int64

	Cost

	Elapsed time.Duration // from the start of the job to its end
}

// Total returns how many objects there were.
func (s *Summary) Total() int64 { return s.Done + s.Skipped + s.Failed }

func (s *Summary) add(r *Result) {
	switch r.Outcome {
	case Done:
		s.Done++
		if r.Unauthenticated {
			s.Unauthenticated++
		}
	case Skipped:
		s.Skipped++
		s.Reasons[r.Reason]++
	default:
		s.Failed++
	}
	s.Cost.add(r.Cost)
}

// done returns the result of an object that all went well with.
func done(info *backend.Info) Result { return result(info, Done, "") }

// skip returns the result of an object that nothing is done to.
func skip(info *backend.Info, reason string) Result { return result(info, Skipped, reason) }

// fail returns the result of an object that err stands in the way of.
func fail(info *backend.Info, err error) Result {
	r := result(info, Failed, reason(err))
	r.Err = err
	return r
}

func result(info *backend.Info, outcome Outcome, why string) Result {
	return Result{Entry: Entry{Key: info.Key, ETag: info.ETag, Size: info.Size, Outcome: outcome, Reason: why}}
}

// maxReason bounds what the journal says about a failure, of which the storage
// may have written a part.
const maxReason = 1 << 10

func reason(err error) string {
	s := err.Error()
	if len(s) > maxReason {
		s = s[:maxReason] + "..."
	}
	return s
}
