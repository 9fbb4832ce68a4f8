// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// RewrapOptions say how objects are given another key.
type RewrapOptions struct {
	Options

	// To is the new key, as [backend.Bucket.Rewrap] takes it. Its DryRun tries
	// the keys but writes nothing, not even to the journal; that of Options does
	// not even try.
	To backend.RewrapOptions
}

// Rewrap gives the objects of b another key by [backend.Bucket.Rewrap]: their
// bodies stay as they are and are not read. b needs the old key, and should have
// the new one too: a job that was killed may have changed an object and not said
// so, and another then gives it the new key once more. Without it that object
// fails, unharmed. With SkipWrapped of To it is skipped, where that can be told.
//
// The journal gets the envelope of each object before it is replaced, so that
// what was given a wrong key is not lost: the very one that is replaced, as
// [backend.RewrapOptions].Before is told. An object whose envelope it cannot hold,
// which are a few of those in instruction files that nobody writes any more, has
// failed and is not replaced.
//
// Objects without an envelope are skipped, and with them instruction files,
// which are rewritten together with their objects, and sidecars; so are archived
// ones. But what has the hints of an encrypting writer, and an envelope in an
// instruction file that is not found, has failed. An object that others replace
// meanwhile is begun with again, a few times. What would lose recipients has failed
// with [backend.ErrRecipients], also in a dry run. Done means under the new key; the
// old key can be done away with when nothing was skipped or has failed that matters.
//
// The Summary is never nil. The error says what has ended the job; objects that
// have failed are no error. Rewrap may be called concurrently, also for the same
// objects.
func Rewrap(ctx context.Context, b *backend.Bucket, objects iter.Seq2[*backend.Info, error], opts *RewrapOptions) (*Summary, error) {
	if opts == nil || len(opts.To.Wrappers) == 0 {
		return &Summary{Reasons: map[string]int64{}}, fmt.Errorf("bulk: rewrap: no new key: %w", wrap.ErrNoKey)
	}
	r := &rewrapping{b, opts}
	common := opts.Options
	common.trial = opts.To.DryRun
	return common.run(ctx, objects, func(ctx context.Context, t *task) Result {
		return retry(ctx, t, r.object)
	})
}

type rewrapping struct {
	bucket *backend.Bucket
	opts   *RewrapOptions
}

func (r *rewrapping) object(ctx context.Context, t *task) Result {
	oi, res, ok := t.stat(ctx, r.bucket)
	if !ok {
		return res
	}
	res = done(&oi.Info)
	res.Envelope, res.InstructionFile = oldEnvelope(oi), oi.InstructionFile
	res.Cost = r.cost(oi)
	if r.opts.DryRun {
		if err := cmp.Or(r.opts.To.CheckRecipients(oi.Header), r.bucket.Permit(oi), t.holds(oi)); err != nil {
			res = fail(&oi.Info, err)
			res.Requests = statRequests(oi)
		}
		return res
	}
	var fatal error
	to := r.opts.To
	to.Before = func(old *backend.ObjectInfo) error {
		if err := t.holds(old); err != nil {
			return err
		}
		if r.opts.To.Before != nil {
			if err := r.opts.To.Before(old); err != nil {
				return err
			}
		}
		fatal = t.begin(old)
		return fatal
	}
	now, err := r.bucket.Rewrap(ctx, t.Key, &to)
	if err == nil && to.DryRun { // Before was not called
		err = t.holds(oi)
	}
	if errors.Is(err, backend.ErrWrapped) {
		res = skip(&oi.Info, ReasonWrapped)
		res.Requests = 2 * statRequests(oi)
		return res
	}
	if err != nil {
		res = fail(&oi.Info, err)
		res.Requests, res.fatal = statRequests(oi), fatal
		return res
	}
	res.ETag, res.Size, res.EnvelopeSHA256 = now.ETag, now.Size, EnvelopeSum(now.Header)
	res.Envelope = nil // the entry before has it
	return res
}

// begin notes what is going to be replaced.
func (t *task) begin(old *backend.ObjectInfo) error {
	e := done(&old.Info).Entry
	e.Outcome = Begun
	e.Envelope, e.InstructionFile = oldEnvelope(old), old.InstructionFile
	return t.run.note(&e)
}

// holds returns an error if there is a journal that cannot hold the envelope of oi,
// which must not be replaced then.
func (t *task) holds(oi *backend.ObjectInfo) error {
	if t.run.opts.Journal == nil || oldEnvelope(oi) != nil {
		return nil
	}
	return fmt.Errorf("bulk: the journal cannot hold the envelope in instruction file %q, as %v: %w; migrate the object",
		oi.InstructionFile, oi.Header, errors.ErrUnsupported)
}

// oldEnvelope returns what the journal is to know of an envelope, nil if it cannot.
// Metadata is kept as it is. What an instruction file says is written as metadata,
// which is longer than S3 takes sometimes, but says the same.
func oldEnvelope(oi *backend.ObjectInfo) map[string]string {
	if oi.InstructionFile == "" {
		return envelopeNames(oi.Metadata)
	}
	if meta, err := oi.Header.Metadata(); err == nil {
		return meta
	}
	return readOnlyEnvelope(oi.Header)
}

// readOnlyEnvelope returns the metadata of an envelope of V2 under a wrap that is
// only read, nil where it would not read back as what it is. But for that wrap it is
// what another one, which binds nothing either, would have.
func readOnlyEnvelope(h *envelope.Header) map[string]string {
	other := *h
	other.Wrap = wrap.AESKW
	meta, err := other.Metadata()
	if err != nil {
		return nil
	}
	switch delete(meta, nameWrapAlg); h.Wrap {
	case wrap.Unnamed:
	case wrap.RSAOAEPSHA256:
		meta[nameWrapAlg] = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"
	default:
		return nil
	}
	got, err := envelope.ParseHeader(meta)
	if err != nil || EnvelopeSum(got) != EnvelopeSum(h) {
		return nil
	}
	return meta
}

// nameWrapAlg is the name of the wrap in metadata of V2, where it has one.
const nameWrapAlg = "x-amz-wrap-alg"

// envelopeNames returns what of metadata belongs to envelopes; all that begins
// with these is reserved to them.
func envelopeNames(meta map[string]string) map[string]string {
	own := maps.Clone(meta)
	maps.DeleteFunc(own, func(name, _ string) bool { return !backend.ReservedMetadata(name) })
	return own
}

// cost is what one object takes: to look at it here and once more in
// Bucket.Rewrap, and to write. With an instruction file that is read again by
// itself, and the object looked at before and after it is written. Where nothing
// else tells whether the content key is the right one, Bucket.Rewrap reads a bit
// of the body, or all of it.
func (r *rewrapping) cost(oi *backend.ObjectInfo) Cost {
	c := Cost{Requests: 2*statRequests(oi) + 1}
	if oi.InstructionFile != "" {
		c.Requests += 3
	}
	if doubtful(oi) {
		c.Requests++
		if oi.Header.Suite == envelope.V2GCM {
			c.Bytes = oi.Size
		}
	}
	c.KMSCalls = kmsCalls(oi.Header.Wrap) + kmsCalls(r.newWrap(oi.Header.Wrap))
	return c
}

// doubtful says whether Bucket.Rewrap tries the content key.
func doubtful(oi *backend.ObjectInfo) bool {
	switch oi.Header.Wrap {
	case wrap.Unnamed, wrap.AESECB, wrap.RSAPKCS1:
		return true
	}
	return oi.InstructionFile != "" && oi.Header.Suite != envelope.V3
}

// newWrap returns the wrap that an object under wrap old gets.
func (r *rewrapping) newWrap(old wrap.Algorithm) wrap.Algorithm {
	binds := []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext}
	want := []wrap.Algorithm{old}
	if r.opts.To.UpgradeWrap && !slices.Contains(binds, old) {
		want = binds
	}
	for _, w := range r.opts.To.Wrappers {
		if w != nil && slices.Contains(want, w.Algorithm()) {
			return w.Algorithm()
		}
	}
	return old
}
