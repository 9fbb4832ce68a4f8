// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// An auditor looks at one object at a time, and keeps nothing of it.
type auditor struct {
	bucket   *backend.Bucket
	levels   []AuditLevel
	suffixes []string // of instruction files
}

// visit describes the object that was listed. There is an error beside it if the
// storage did not say what it is, and nothing beside the error if ctx is done.
func (a *auditor) visit(ctx context.Context, listed *backend.Info) (*AuditObject, error) {
	o := &AuditObject{Key: listed.Key, Size: listed.Size}
	err := a.examine(ctx, o, listed)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		return o, nil
	}
	if o.failed(err) == FlagUnreadable {
		return o, err
	}
	return o, nil
}

func (a *auditor) examine(ctx context.Context, o *AuditObject, listed *backend.Info) error {
	base, isFile := a.base(o.Key)
	if !isFile {
		return a.object(ctx, o, listed)
	}
	info, err := a.bucket.Stat(ctx, base)
	if err == nil && info.InstructionFile == o.Key {
		o.Kind = KindInstruction
		return nil
	}
	// It may be an object in its own right, whose name just ends so.
	if ownErr := a.object(ctx, o, listed); ownErr != nil || o.Kind != KindPlaintext || o.Size > envelope.MaxInstructionSize {
		return ownErr
	}
	// Nothing but its name, and that of its object, says what it is.
	*o = AuditObject{Key: o.Key, Size: o.Size, Kind: KindInstruction, Notes: o.changes()}
	return a.stray(o, base, info, err)
}

// base returns the key of the object that key would be the instruction file of.
func (a *auditor) base(key string) (string, bool) {
	for _, suffix := range a.suffixes {
		if base, ok := strings.CutSuffix(key, suffix); ok && base != "" {
			return base, true
		}
	}
	return "", false
}

// stray says what is wrong with an instruction file that its object, of which
// Stat has returned info and err, does not use.
func (a *auditor) stray(o *AuditObject, base string, info *backend.ObjectInfo, err error) error {
	_, damaged := errors.AsType[*envelope.MetadataError](err)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		o.note(FlagOrphan, "there is no object %q", base)
	case damaged || errors.Is(err, backend.ErrNoInstructionFile): // flagged at the object
	case err != nil:
		return err
	case info.Header == nil: // it was not there when the object was looked at
		o.note(FlagChanged, "object %q has no envelope", base)
	case slices.Contains([]envelope.Suite{envelope.V1, envelope.V2CBC, envelope.V2CTR, envelope.V2GCM}, info.Header.Suite):
		o.note(FlagTwoEnvelopes, "object %q has its envelope elsewhere, too", base)
	default:
		o.note(FlagFileUnneeded, "object %q has its envelope elsewhere", base)
	}
	return nil
}

// object examines the listed object as such.
func (a *auditor) object(ctx context.Context, o *AuditObject, listed *backend.Info) error {
	info, err := a.bucket.Stat(ctx, o.Key)
	if err != nil {
		return err
	}
	o.compare(listed, info)
	o.sealedObject(info, a.levels)
	if o.Kind == KindPlaintext && a.sidecar(ctx, o) {
		*o = AuditObject{Key: o.Key, Size: o.Size, Kind: KindSidecar, Notes: o.changes()}
		o.note(FlagSidecar, "")
	}
	return ctx.Err()
}

// compare notes an object that is another one than was listed. The size counts
// from here on, since the rest is of that object too.
func (o *AuditObject) compare(listed *backend.Info, info *backend.ObjectInfo) {
	if listed.ETag != "" && listed.ETag != info.ETag {
		o.note(FlagChanged, "listed with ETag %q and %d bytes, then had %q and %d", listed.ETag, listed.Size, info.ETag, info.Size)
	}
	o.Size = info.Size
}

// changes are the notes of compare only.
func (o *AuditObject) changes() (notes []AuditNote) {
	for _, n := range o.Notes {
		if n.Flag == FlagChanged {
			notes = append(notes, n)
		}
	}
	return notes
}

// sidecar reports whether an object that is not encrypted has the name and a size
// of a sidecar, and stands beside a sealed object.
func (a *auditor) sidecar(ctx context.Context, o *AuditObject) bool {
	base, ok := strings.CutSuffix(o.Key, backend.SidecarSuffix)
	if !ok || base == "" || o.Size < 1 || o.Size > backend.MaxSidecarSize {
		return false
	}
	info, err := a.bucket.Stat(ctx, base)
	return err == nil && info.Header != nil
}

// failed notes why there is no envelope, and returns the flag.
func (o *AuditObject) failed(err error) AuditFlag {
	flag := flagOf(err)
	o.Kind = KindDamaged
	if flag == FlagUnreadable || flag == FlagChanged {
		o.Kind = KindUnknown
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the name of the object, which stands beside it
	}
	o.note(flag, "%v", err)
	return flag
}
