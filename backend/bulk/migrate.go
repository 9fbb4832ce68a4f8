// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

var (
	// ErrUnversioned says that objects would be replaced in a storage that does
	// not keep what they were.
	ErrUnversioned = errors.New("bulk: the storage does not keep versions")

	// ErrExists says that there is another object where a migrated one was to
	// be stored.
	ErrExists = errors.New("bulk: the destination has another object")
)

// MigrateOptions say how objects are sealed anew.
type MigrateOptions struct {
	Options

	// Target is the format that the destination seals, for which it was made.
	// The zero value is V3.
	Target envelope.Suite

	// All also migrates in place what is of the target format already, which
	// else is skipped. To another place all is migrated in any case: who does away
	// with the old place must not lose it.
	All bool

	// Map makes the key of the new object of that of the old one; nil keeps it.
	// Two keys must not become the same one. One that becomes itself in the same
	// place is [ErrExists]: there, InPlace is what seals anew.
	Map func(key string) string

	// InPlace, if not nil, is the driver that both buckets use: each object is
	// replaced, and Map must be nil. It must be a [backend.Versioner] that says
	// that it keeps versions, unless ForceUnversioned is set: then nothing is
	// left of the old object but what the new one says.
	InPlace          backend.Driver
	ForceUnversioned bool // there is no way back

	// NoStorageClass does not ask for the storage class of the old object, for
	// a destination that has others or none. Else one that cannot be kept is a
	// failure, a [*KeepError] where the driver of dst says so.
	NoStorageClass bool

	// DropTags neither reads nor keeps tags, for a destination without any or
	// with other rules for them, or who may not read them. Else an object whose
	// tags cannot be read or kept is a failure, a [*KeepError].
	DropTags bool

	// DropHeaders does not keep the headers that an object has beside its content
	// type, [backend.HeaderNames]: for a destination without any, and for those
	// that hold what is not printable ASCII, which nobody could send it. They are
	// not compared with those of what is there already either. Else an object
	// whose headers cannot be kept is a failure, a [*KeepError].
	DropHeaders bool

	// TargetWrap is how the destination wraps keys, for the KMSCalls of a dry
	// run.
	TargetWrap wrap.Algorithm
}

// Migrate seals the objects of src anew into dst: it opens each, seals what it
// reads, and stores that with the metadata, content type, headers, tags and
// storage class of the old one. What S3 has beside these is not kept: an ACL,
// a lock, the redirect of a website, encryption by the storage, times. Tags
// take one request more for each object, where the driver of src is a
// [backend.Tagger]. src needs the key and must allow the old formats; so that
// objects of any size need no more memory than what the driver takes for an
// upload, its Options.Open.Release is to be
// [envelope.UnverifiedUntilEOF], which is safe here: a new object becomes visible
// when all of the old one was verified, and never if it was not.
//
// CBC and CTR cannot be verified. Their objects are copied as they are found, and
// counted in Summary.Unauthenticated: migration does not prove them.
//
// # To another place
//
// A new object replaces nothing. If there is one already, it is read, and the old
// one too: if it is of the target format and another sealing, and the plaintexts,
// the metadata, content types and headers are the same, the object is done, as
// after a job that was killed before it could say so. Else it has failed with
// [ErrExists]. Tags and storage classes are not compared. dst needs a key to read,
// then, and must have the new one alone: by an old one, what is under that
// would count as migrated. Over the limit of its Options.Open.Release, what is
// there is read in parts, which takes up to 64 MiB beside them. The old object
// stays. No new key should be one that objects yields while it is listed.
//
// # In place
//
// A new object replaces the very object that was read, else nothing; an object
// that others replace meanwhile is begun with again, a few times. An instruction
// file that is no longer needed is deleted. A job that is killed in between leaves
// it. What cannot be verified is not proved to be opened by the right key either:
// a wrong one for RSA PKCS#1 v1.5 is noticed in CBC by the padding only, 254 times
// in 255, and else what is stored is garbage. The versions are what helps then.
//
// Objects that are not encrypted, archived or locked are skipped, as are in place
// those of the target format. But what has the hints of an encrypting writer, and an
// envelope in an instruction file that is not found, has failed. The journal gets the
// SHA-256 of each plaintext.
//
// The Summary is never nil. The error says what has ended the job: besides what
// ends all jobs, [ErrUnversioned], and a destination that seals another format
// than Target. Objects that have failed are no error. Migrate may be called
// concurrently.
func Migrate(ctx context.Context, src, dst *backend.Bucket, objects iter.Seq2[*backend.Info, error], opts *MigrateOptions) (*Summary, error) {
	if opts == nil {
		opts = new(MigrateOptions)
	}
	m := &migration{src: src, dst: dst, opts: opts}
	m.tags = m.keepsTags(ctx)
	if err := m.check(ctx); err != nil {
		return &Summary{Reasons: map[string]int64{}}, err
	}
	return opts.run(ctx, objects, func(ctx context.Context, t *task) Result {
		return m.placed(retry(ctx, t, m.object))
	})
}

// placed adds where the object was to be stored, also if nothing was: by that, the
// journal tells what is missing there. What is skipped in place is where it was.
func (m *migration) placed(r Result) Result {
	switch {
	case r.To != "", r.Reason == ReasonInstructionFile, r.Reason == ReasonSidecar:
	case r.Outcome == Failed, r.Outcome == Skipped && m.opts.InPlace == nil:
		r.To = m.key(r.Key)
	}
	return r
}

type migration struct {
	src, dst *backend.Bucket
	opts     *MigrateOptions
	tags     bool // are kept
}

func (m *migration) check(ctx context.Context) error {
	if m.opts.InPlace == nil {
		return nil
	}
	if m.opts.Map != nil {
		return errors.New("bulk: migrate: in place there are no other keys: want no Map")
	}
	if m.opts.ForceUnversioned {
		return nil
	}
	v, ok := m.opts.InPlace.(backend.Versioner)
	if !ok {
		return ErrUnversioned
	}
	switch keeps, err := v.Versioned(ctx); {
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrUnversioned, err)
	case err != nil:
		return fmt.Errorf("bulk: migrate: %w", err)
	case !keeps:
		return ErrUnversioned
	}
	return nil
}

func (m *migration) object(ctx context.Context, t *task) Result {
	if t.Locked {
		return skip(t.Info, ReasonLocked)
	}
	oi, res, ok := t.stat(ctx, m.src)
	if !ok {
		return res
	}
	res.Requests = statRequests(oi)
	switch {
	case oi.Locked:
		return m.skip(oi, ReasonLocked)
	case oi.Header.Suite == m.opts.Target && m.opts.InPlace != nil && !m.opts.All:
		return m.skip(oi, ReasonTarget)
	case m.opts.DryRun:
		return m.dry(oi)
	case m.opts.InPlace != nil:
		return m.replace(ctx, t, oi)
	}
	return m.copy(ctx, t, oi)
}

func (m *migration) skip(oi *backend.ObjectInfo, reason string) Result {
	res := skip(&oi.Info, reason)
	res.Requests = statRequests(oi)
	return res
}

// unkept is the result of an object of which it is not known what to keep.
func (m *migration) unkept(oi *backend.ObjectInfo, to string, err error) Result {
	res := fail(&oi.Info, err)
	res.To, res.Requests = to, statRequests(oi)+m.tagRequests()
	return res
}

// dry says what an object would take, as far as that can be known.
func (m *migration) dry(oi *backend.ObjectInfo) Result {
	if err := m.src.Permit(oi); err != nil {
		res := fail(&oi.Info, fmt.Errorf("source: %w", err))
		res.To, res.Requests = m.key(oi.Key), statRequests(oi)
		return res
	}
	res := done(&oi.Info)
	res.To = m.key(oi.Key)
	res.Unauthenticated = unauthenticated(oi.Header)
	res.Cost = Cost{
		Requests: statRequests(oi) + m.tagRequests() + getRequests(oi) + 1,
		Bytes:    oi.Size + max(0, oi.PlaintextSizeMax),
		KMSCalls: kmsCalls(oi.Header.Wrap) + kmsCalls(m.opts.TargetWrap),
	}
	switch {
	case m.opts.InPlace == nil:
		res.Requests++ // is there one already?
	case oi.InstructionFile != "":
		res.Requests += 2 // is it needed, and delete it
	}
	return res
}

// unauthenticated says whether nothing can verify the content.
func unauthenticated(h *envelope.Header) bool {
	need := h.Required()
	return need.AllowLegacyCBC || need.AllowUnauthenticatedCTR
}

// getRequests is how many requests it takes to open an object: two more for an
// instruction file, one to see that the object is still the same.
func getRequests(oi *backend.ObjectInfo) int64 {
	if oi.InstructionFile != "" {
		return 3
	}
	return 1
}

// key returns the key of the new object.
func (m *migration) key(key string) string {
	if m.opts.Map == nil {
		return key
	}
	return m.opts.Map(key)
}

// errNoETag says that no condition could keep a migration from replacing what
// somebody else has put meanwhile.
var errNoETag = fmt.Errorf("the storage gives the object no ETag, so that it cannot be replaced safely: %w", errors.ErrUnsupported)

// replace migrates an object in place.
func (m *migration) replace(ctx context.Context, t *task, oi *backend.ObjectInfo) Result {
	if oi.ETag == "" {
		return fail(&oi.Info, errNoETag)
	}
	put, err := m.putOptions(ctx, oi)
	if err != nil {
		return m.unkept(oi, oi.Key, err)
	}
	put.IfMatch = oi.ETag
	res, now := m.put(ctx, t, oi, oi.Key, put)
	if res.Outcome != Done {
		return res
	}
	res.ETag, res.Size, res.EnvelopeSHA256 = now.ETag, now.Size, EnvelopeSum(now.Header)
	if oi.InstructionFile != "" {
		res.Requests += 2
		if err := m.cleanUp(ctx, now, oi.InstructionFile); err != nil {
			res.Reason = fmt.Sprintf("but instruction file %q stays: %s", oi.InstructionFile, reason(err))
		}
	}
	return res
}

// cleanUp deletes the instruction file of an object that has its envelope in
// metadata now. One that another put is about to replace the object by, and has
// stored its file for, puts that back.
func (m *migration) cleanUp(ctx context.Context, now *backend.ObjectInfo, file string) error {
	current, err := m.dst.Stat(ctx, now.Key)
	switch {
	case err != nil:
		return err
	case current.ETag == "" || current.ETag != now.ETag || current.InstructionFile != "":
		return backend.ErrChanged
	}
	if err := m.opts.InPlace.Delete(ctx, file); err != nil && !errors.Is(err, backend.ErrNotExist) {
		return err
	}
	return nil
}

// copy migrates an object to another place.
func (m *migration) copy(ctx context.Context, t *task, oi *backend.ObjectInfo) Result {
	to := m.key(oi.Key)
	there, err := m.dst.Stat(ctx, to)
	if errors.Is(err, backend.ErrNotExist) {
		put, keepErr := m.putOptions(ctx, oi)
		if keepErr != nil {
			res := m.unkept(oi, to, keepErr)
			res.Requests++ // the Stat
			return res
		}
		put.IfNoneMatch = true
		res, _ := m.put(ctx, t, oi, to, put)
		res.Requests++ // the Stat
		if !errors.Is(res.Err, backend.ErrExist) {
			return res
		}
		there, err = m.dst.Stat(ctx, to) // another has come first
	}
	if err != nil {
		res := fail(&oi.Info, fmt.Errorf("destination: %w", err))
		res.To, res.Requests = to, statRequests(oi)+1
		return res
	}
	return m.compare(ctx, t, oi, there)
}
