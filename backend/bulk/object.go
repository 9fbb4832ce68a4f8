// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// tries is how often an object is begun with that others replace meanwhile.
const tries = 4

// retry calls try until the object is not replaced meanwhile.
func retry(ctx context.Context, t *task, try func(context.Context, *task) Result) (r Result) {
	var spent Cost
	for n := range tries {
		r = try(ctx, t)
		r.Cost.add(spent)
		if n == tries-1 || !errors.Is(r.Err, backend.ErrChanged) || ctx.Err() != nil {
			break
		}
		spent = r.Cost
	}
	return r
}

// stat describes the object of a task that is to be worked on. If there is none,
// ok is false and the Result is what became of it.
func (t *task) stat(ctx context.Context, b *backend.Bucket) (oi *backend.ObjectInfo, r Result, ok bool) {
	if archived(t.Info) {
		return nil, skip(t.Info, ReasonArchived), false
	}
	oi, err := b.Stat(ctx, t.Key)
	if err == nil {
		t.header = oi.Header
	}
	noFile := lost(b, oi)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		r = skip(t.Info, ReasonGone)
	case err != nil:
		r = fail(t.Info, err)
	case t.known(oi):
		r = skip(&oi.Info, ReasonJournal)
	case archived(&oi.Info):
		r = skip(&oi.Info, ReasonArchived)
	case noFile != nil:
		r = fail(&oi.Info, noFile)
	case oi.Header == nil:
		r = skip(&oi.Info, plainReason(&oi.Info))
	default:
		return oi, Result{}, true
	}
	r.Requests = statRequests(oi)
	return nil, r, false
}

// lost returns the error of an object that is ciphertext, by its metadata, and has
// no envelope: it is in an instruction file that is not there, or is another one
// than b looks for. For all others, and with oi nil, lost returns nil.
func lost(b *backend.Bucket, oi *backend.ObjectInfo) error {
	if oi == nil || oi.Header != nil || backend.CiphertextHint(oi.Metadata) == "" {
		return nil
	}
	return cmp.Or(b.Permit(oi), envelope.ErrNotEncrypted) // Permit never allows these
}

// archived says whether the body cannot be read before somebody has it restored.
// GLACIER_IR is not one of these classes.
func archived(info *backend.Info) bool {
	return info.StorageClass == "GLACIER" || info.StorageClass == "DEEP_ARCHIVE"
}

// plainReason says why an object has no envelope. The names are no proof, but
// nothing is done to the object whatever it is.
func plainReason(info *backend.Info) string {
	_, marked := info.Metadata[envelope.InstructionMarker]
	switch {
	case marked, strings.HasSuffix(info.Key, envelope.InstructionSuffix), strings.HasSuffix(info.Key, envelope.DotNetInstructionSuffix):
		return ReasonInstructionFile
	case strings.HasSuffix(info.Key, backend.SidecarSuffix) && info.Size <= backend.MaxSidecarSize:
		return ReasonSidecar
	}
	return ReasonNotEncrypted
}

// statRequests is how many requests a Stat has taken that has found oi, which
// may be nil: another one where metadata has no envelope.
func statRequests(oi *backend.ObjectInfo) int64 {
	if oi != nil && (oi.Header == nil || oi.InstructionFile != "") {
		return 2
	}
	return 1
}

// kmsCalls is how often a KMS is asked by one use of a wrap.
func kmsCalls(alg wrap.Algorithm) int64 {
	if alg == wrap.KMSContext || alg == wrap.KMSPlain {
		return 1
	}
	return 0
}
