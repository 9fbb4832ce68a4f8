// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// Errors of [Verify] about one object.
var (
	// ErrSum says that the plaintext is not the one of VerifyOptions.Against.
	ErrSum = errors.New("bulk: plaintext has another SHA-256")

	// ErrMissing says that there is no object that VerifyOptions.Against names.
	ErrMissing = errors.New("bulk: object is missing")

	// ErrUnlisted says that VerifyOptions.Against does not name the object.
	ErrUnlisted = errors.New("bulk: object is not in the list")

	// ErrArchived says that an object that VerifyOptions.Against names cannot be
	// read before somebody has it restored.
	ErrArchived = errors.New("bulk: object is archived")

	// ErrNotStored says that the journal in VerifyOptions.Against says of the
	// object that it was not stored, and why.
	ErrNotStored = errors.New("bulk: not stored, as the journal says")
)

// ReasonNotMigrated is why [Verify] skips an object of VerifyOptions.Against that is
// missing, since it was left where it was.
const ReasonNotMigrated = "not encrypted, and so not migrated"

// VerifyOptions say what is verified. The zero value verifies by what is in the
// objects.
type VerifyOptions struct {
	// Options are as for every job. What the Journal knows as done, with the
	// same ETag and the same envelope, is not read again; against what it was
	// compared then it does not know. Only a journal that knows some takes a
	// Stat of each object.
	Options

	// Against, if not nil, lists the SHA-256 of the plaintext of each object,
	// as sha256sum writes it for a file with the key as its name:
	//
	//	64 hexadecimal digits, a space, a space or *, key
	//
	// with the escapes of that command. It may be a journal of Migrate instead,
	// or several after each other. Of several lines about one object the one
	// with the latest time counts; of those without times what was stored, and
	// else the last. It is read once and kept in memory, some 200 bytes and the
	// key for each object.
	//
	// What has failed by the journal is [ErrNotStored], whatever is there; so is
	// what was skipped as locked or archived and so is missing at another place, and
	// what was gone after it had failed, since its content may be nowhere.
	// What was in the target format already is read, and compared with nothing: it
	// is an [envelope.ErrNotEncrypted] if it is not sealed, even where b allows that.
	// What was not encrypted was not migrated either, and is skipped, with
	// ReasonNotMigrated where it is missing at another place.
	//
	// What is not in the list is [ErrUnlisted]; what is listed, and held by the
	// Shard, is looked for even if it is not among the objects, and then may be
	// [ErrMissing], or [ErrArchived]: that the storage says so proves nothing.
	Against io.Reader

	// Prefix is what all keys among the objects begin with. What Against lists
	// outside of it is neither looked for nor missing; Summary.Outside says how
	// much that is.
	Prefix string

	// Sum puts the SHA-256 of the plaintext into the results, and so into the
	// journal, as Against does.
	Sum bool

	// InstructionSuffix is as in AuditOptions.
	InstructionSuffix string
}

// Verify reads each of the objects as a whole, and keeps nothing of it: that it
// can be read is what is verified. In the Summary, Done are those that were read
// to their end; of these, Unauthenticated are those whose content has nothing that
// could be verified, CBC and CTR. Failed are objects that were altered, that the
// keys of b do not open, or that its policy does not allow. Objects that are not
// encrypted are skipped, as are archived ones that Against does not ask for,
// instruction files and sidecars.
//
// # What is not promised
//
// An object proves that whoever sealed it had a public key, or was allowed to use
// the KMS, or knew the key; not that it is the one that was stored here, nor the
// newest. With Against its content is proven to be that of the list, unless that
// is in the hands of the same people: also that of CBC and CTR, though it still
// counts as Unauthenticated. Against what is not encrypted is compared only where
// b allows plaintext; it counts as Unauthenticated, too.
//
// # Memory
//
// Without Against and Sum objects are read as [backend.Bucket.GetToUnverified]
// does it, which needs some parts of each of the Workers. With one of them they
// are read from front to end by [backend.Bucket.Get], under the rule of b: by
// default that keeps up to 64 MiB, and objects that are larger fail with
// stream.ErrBufferLimit. Nothing is released here, so [envelope.UnverifiedUntilEOF]
// is as safe and needs no memory.
//
// An object that is replaced while it is read is read again, and fails with
// [backend.ErrChanged] if that does not end. The error is that of the objects, of
// Against, of the journal or of ctx. The Summary is never nil. opts may be nil.
// Verify may be called concurrently.
func Verify(ctx context.Context, b *backend.Bucket, objects iter.Seq2[*backend.Info, error], opts *VerifyOptions) (*Summary, error) {
	if opts == nil {
		opts = new(VerifyOptions)
	}
	v := &verifier{bucket: b, opts: opts, resumed: opts.Journal != nil && !opts.Journal.empty(), auditor: &auditor{bucket: b, suffixes: instructionSuffixes(opts.InstructionSuffix)}}
	if opts.Against != nil {
		var err error
		if v.list, err = readSums(opts.Against); err != nil {
			return &Summary{Reasons: make(map[string]int64)}, err
		}
		objects = v.list.completing(objects)
	}
	outside := v.list.within(opts.Prefix)
	s, err := opts.run(ctx, objects, v.work)
	s.Outside = outside
	return s, err
}

type verifier struct {
	bucket  *backend.Bucket
	opts    *VerifyOptions
	resumed bool // the journal may know objects
	auditor *auditor
	list    sums // nil without Against
}

func (v *verifier) work(ctx context.Context, t *task) Result {
	if o := v.list[t.Key]; o != nil && o.lost != nil {
		return fail(t.Info, o.lost.err())
	}
	var spent int64
	if v.resumed && (v.list == nil || v.list[t.Key] != nil) {
		oi, err := v.bucket.Stat(ctx, t.Key)
		spent = statRequests(oi)
		if err == nil && t.known(oi) {
			res := skip(&oi.Info, ReasonJournal)
			res.Requests = spent
			return res
		} // what else is the matter, reading it tells
	}
	res := retry(ctx, t, v.once)
	res.Requests += spent
	return res
}

func (v *verifier) once(ctx context.Context, t *task) Result {
	want := v.expected(t.Key)
	switch {
	case archived(t.Info) && want != nil:
		return fail(t.Info, ErrArchived)
	case archived(t.Info) && (v.list == nil || v.opts.DryRun):
		return skip(t.Info, ReasonArchived)
	case v.opts.DryRun:
		return v.estimate(ctx, t)
	case v.list != nil && want == nil:
		return v.unread(ctx, t, ErrUnlisted)
	}
	got, err := v.read(ctx, t)
	switch {
	case errors.Is(err, backend.ErrNotExist) && want != nil:
		return fail(t.Info, fmt.Errorf("%w: %w", ErrMissing, err))
	case errors.Is(err, backend.ErrNotExist):
		return skip(t.Info, ReasonGone)
	case errors.Is(err, envelope.ErrNotEncrypted) && want == nil:
		return v.unread(ctx, t, err)
	case err != nil:
		return fail(t.Info, err)
	case got.info.Header == nil && want == nil: // b allows plaintext
		return v.unread(ctx, t, envelope.ErrNotEncrypted)
	case got.info.Header == nil && want.word == present: // nor is there a sum
		return got.result(fail(&got.info.Info, fmt.Errorf("bulk: by the journal it was sealed: %w", envelope.ErrNotEncrypted)))
	case want != nil && want.word == summed && got.sum != want.sum:
		return got.result(fail(&got.info.Info, fmt.Errorf("%w: want %x, got %x", ErrSum, want.sum, got.sum)))
	}
	return got.result(done(&got.info.Info))
}

// expected returns what the list says of an object that is to be there, nil if
// there is none.
func (v *verifier) expected(key string) *listed {
	if o := v.list[key]; o != nil && o.word != left {
		return o
	}
	return nil
}

// A reading is what is known of an object that was read to its end.
type reading struct {
	info          *backend.ObjectInfo
	authenticated bool
	summed        bool
	sum           [sha256.Size]byte
}

// read reads all of an object. A sum needs the bytes in their order.
func (v *verifier) read(ctx context.Context, t *task) (*reading, error) {
	if v.list == nil && !v.opts.Sum {
		info, err := v.bucket.GetToUnverified(ctx, t.Key, &drain{task: t})
		if err != nil {
			return nil, err
		}
		return &reading{info: info, authenticated: info.Authenticated}, nil
	}
	o, err := v.bucket.Get(ctx, t.Key)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(hash, &drain{task: t}), o)
	authenticated := o.Authenticated()
	if closeErr := o.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	r := &reading{info: o.Info(), authenticated: authenticated, summed: true}
	hash.Sum(r.sum[:0])
	return r, nil
}

// A drain throws away what is written to it, and moves the task. It may be used
// concurrently, as the task may not.
type drain struct {
	mu   sync.Mutex
	task *task
}

func (d *drain) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.task.move(int64(len(p)))
	return len(p), nil
}

func (d *drain) WriteAt(p []byte, _ int64) (int, error) { return d.Write(p) }

// result adds what was learnt to the outcome.
func (r *reading) result(res Result) Result {
	res.Unauthenticated = !r.authenticated
	if r.summed {
		res.SHA256 = hex.EncodeToString(r.sum[:])
	}
	res.EnvelopeSHA256 = EnvelopeSum(r.info.Header)
	res.Cost = readCost(r.info.Size, r.info.InstructionFile != "")
	if r.info.Header != nil {
		res.KMSCalls = kmsCalls(r.info.Header.Wrap)
	}
	return res
}

// readCost is what reading an object takes: where there is an instruction file,
// that, and another look at the object.
func readCost(size int64, file bool) Cost {
	c := Cost{Requests: 1, Bytes: size}
	if file {
		c.Requests = 3
	}
	return c
}

// unread says what becomes of an object that is not read, or not as one that is
// sealed: it fails with err if it is sealed all the same, or is damaged.
func (v *verifier) unread(ctx context.Context, t *task, err error) Result {
	o, visitErr := v.auditor.visit(ctx, t.Info)
	if visitErr != nil {
		return fail(t.Info, visitErr)
	}
	switch o.Kind {
	case KindInstruction:
		return skip(t.Info, ReasonInstructionFile)
	case KindSidecar:
		return skip(t.Info, ReasonSidecar)
	case KindPlaintext:
		return skip(t.Info, ReasonNotEncrypted)
	case KindUnknown:
		switch {
		case v.expected(t.Key) != nil:
			return fail(t.Info, ErrMissing)
		case v.list[t.Key] != nil:
			return skip(t.Info, ReasonNotMigrated)
		}
		return skip(t.Info, ReasonGone)
	}
	return fail(t.Info, err)
}

// estimate looks at an object for a dry run, and asks the policy of the bucket.
func (v *verifier) estimate(ctx context.Context, t *task) Result {
	oi, err := v.bucket.Stat(ctx, t.Key)
	if err != nil || oi.Header == nil { // what is it, then?
		return v.unread(ctx, t, cmp.Or(err, lost(v.bucket, oi), errors.New("bulk: verify: another object than a moment before")))
	}
	if err := v.bucket.Permit(oi); err != nil {
		res := fail(&oi.Info, err)
		res.Requests = statRequests(oi)
		return res
	}
	r := done(&oi.Info)
	r.Unauthenticated = unauthenticated(oi.Header)
	r.Cost = readCost(oi.Size, oi.InstructionFile != "")
	r.KMSCalls = kmsCalls(oi.Header.Wrap)
	return r
}
