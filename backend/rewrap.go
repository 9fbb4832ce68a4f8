// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// ErrStillOpens says that the key which must not open an object any more would
// still do so.
var ErrStillOpens = errors.New("backend: the object would still open by the key that must not open it")

// ErrRecipients says that an object has more recipients than there would be
// after it was given another key.
var ErrRecipients = errors.New("backend: the object has further recipients, which would be dropped")

// ErrNoNewKey says that none of RewrapOptions.Wrappers serves the wrap of an object.
// It is [wrap.ErrNoKey] with a prefix.
var ErrNoNewKey = fmt.Errorf("backend: no new key for the object: %w", wrap.ErrNoKey)

// ErrWrapped says that an object has the new key already, and was left as it is. See
// RewrapOptions.SkipWrapped.
var ErrWrapped = errors.New("backend: the object is under the new key already")

// RewrapOptions say how the key of an object is wrapped anew. Without any
// Wrappers nothing can be. They may be used concurrently while nobody writes to
// them.
type RewrapOptions struct {
	// Wrappers are the new key, as each of the algorithms that it is to serve.
	// The first that has the algorithm of the object is used: its format stays
	// what it is. For the wrap of V1, which has no name, that is AES-ECB or RSA
	// PKCS#1 v1.5, the one that the object has if there is a key for it, else the
	// other. A [SidecarKey] is not supported.
	Wrappers []wrap.Wrapper

	// MatDesc is the new materials description. An entry kms_cmk_id is for what
	// gets the wrap kms, which must have it, and is left out of all else, which must
	// not: so one RewrapOptions serves both.
	MatDesc map[string]string

	// KeepMatDesc keeps the description that the object has, to which MatDesc is
	// added; of two entries with one name that of MatDesc counts. A KMS that was
	// given an encryption context needs it. What names a KMS key is not kept.
	KeepMatDesc bool

	// Recipients are further recipients, which Chunked alone can have. Nobody of
	// those before is kept: without their keys, theirs cannot be told from others.
	Recipients []envelope.SealRecipient

	// DropRecipients allows the object to have fewer recipients than before. Else
	// one that would is [ErrRecipients], before any key is used: a key for
	// emergencies that is among them would be missed when it is needed. As many
	// others as before are not noticed, whoever they are.
	DropRecipients bool

	// UpgradeWrap gives objects whose wrap does not bind the format the first of
	// Wrappers that does: AES/GCM, RSA-OAEP-SHA1, kms+context. Only V2GCM can be
	// given one that is worth it; others are refused, since nothing authenticates
	// their content, which only sealing anew mends. Objects under a wrap that does
	// are treated as without it.
	UpgradeWrap bool

	// MustNotOpen, if not nil, is a key that must not open the result, as a rule
	// the old one: else nothing is written, and the error is [ErrStillOpens]. It
	// finds out whoever would rotate a key to itself, or leave the old one among
	// the recipients. Of several keys of RSA PKCS#1 v1.5 in a Keyring only the
	// first is asked, as it is for opening.
	MustNotOpen wrap.Unwrapper

	// SkipWrapped leaves an object alone that is what it would become, as after a job
	// that was killed: the error is then [ErrWrapped], and neither Before is called nor
	// anything written. That is so if the new key is a [wrap.Unwrapper] too and opens
	// it, by a wrap that tells a wrong key, which are AES/GCM, AESWrap and
	// RSA-OAEP-SHA1; if wrap and materials description are those that it would get; if
	// there are no further recipients; and if MustNotOpen does not open it. Where any
	// of these is not known, the object is rewrapped once more, as without
	// SkipWrapped.
	//
	// It is not known of a public key alone, nor of AES-ECB and RSA PKCS#1 v1.5, which
	// answer a wrong key with some content key, nor of further recipients without
	// their keys. And it is not asked of a KMS: it would take another call for each
	// object that still has the old key, and the permission to decrypt by the new one,
	// which nothing else in Rewrap needs.
	SkipWrapped bool

	// Before, if not nil, is called before the write with what it is going to
	// replace: the object as Rewrap has found it, with the Header of the old
	// envelope, also that of an instruction file. An error stops it, and is that of
	// Rewrap. As far as the driver keeps what [MetadataReplacer] says, the write
	// replaces nothing else, so whoever keeps the old envelope can undo it. Before
	// must not change old, and is not called with DryRun.
	Before func(old *ObjectInfo) error

	// DryRun does all but the write: keys are used, and what would fail before
	// the write fails. That the storage does not take it is not found out.
	DryRun bool
}

// Rewrap stores the content key of an object wrapped by another key, and returns
// what Stat would say then. The body stays as it is and as a rule is not read, so
// that many objects can be given another key: [envelope.Rewrap] says what that is
// worth.
// Above all, whoever has had the old key and the old metadata can read the object
// as long as its body lasts. Where the storage keeps versions, the one before stays
// there with both.
//
// The old key is that of the Bucket for reading, and Options.Open must allow the
// object. The new metadata is what opts say, and whatever of the old is no part of
// the envelope. A bound object stays bound to what it is bound to; where the body
// is looked at, see below, it takes Options.Name.
//
// # Races
//
// An object that was replaced since Rewrap has looked at it is not harmed, and
// the error is [ErrChanged], as far as the driver keeps what [MetadataReplacer]
// says. An instruction file is rewritten in its place, if it still is the one that
// was read, so a put that replaces file and object meanwhile keeps its own; it is
// written anew, without what the formats do not know. If the object has changed
// after that, the error is ErrChanged. A put that began before and then fails may
// put back the file that it has found, under the old key, after Rewrap has
// succeeded: see Options.InstructionFile.
//
// # Wrong keys
//
// A wrong key must not get to write, for the content key would be lost with the
// old metadata. Where the wrap tells, that is [envelope.ErrDecrypt]. RSA PKCS#1
// v1.5 does not tell, and AES-ECB only of content keys of 32 bytes, by their
// padding. Nor does any wrap tell whether an instruction file is that of the
// object, while another one is being put. Under these wraps, and with instruction
// files but those of V3, the content key is therefore tried before the write: of
// CBC the last block of the body is read, and its padding must be proper, which a
// wrong content key passes one time in 255; of V2GCM all of it is read and
// verified; of Chunked and DARE the beginning. Whoever has many objects under RSA
// PKCS#1 v1.5 should open some of them first, and keep the old metadata.
//
// # Errors
//
// Nothing is written after any of these: [ErrNotExist]; ErrDecrypt for a wrong
// key; a [*envelope.PolicyError]; [envelope.ErrNotEncrypted]; [wrap.ErrNoKey] if
// none of the keys serves the object, which of the new ones is [ErrNoNewKey];
// [ErrWrapped], if it is asked for; [ErrRecipients]; [ErrMetadata] if the new
// envelope does not fit, see [MaxMetadataSize]; ErrStillOpens. If MustNotOpen fails
// otherwise than by refusing, that is the error. What cannot be done wraps
// errors.ErrUnsupported: a driver that is no MetadataReplacer, or for an instruction
// file has no conditions; V2CTR and wraps that nobody writes any more, unless
// UpgradeWrap helps; instruction files of the first .NET client. Errors of the
// write itself may leave it open whether it was done, which Stat tells.
//
// An object with a sidecar is given a key of its own by this, and its sidecar
// stays, of no more use to it. Rewrap does not retain or modify opts. It may be
// called concurrently, also for one object.
func (b *Bucket) Rewrap(ctx context.Context, key string, opts *RewrapOptions) (*ObjectInfo, error) {
	if opts == nil {
		opts = new(RewrapOptions)
	}
	r := &rewrapping{bucket: b, key: key, opts: opts}
	defer func() { clear(r.cek) }()
	info, err := r.run(ctx)
	if err != nil {
		return nil, opError("rewrap", key, err)
	}
	return info, nil
}

// CheckRecipients returns an error that wraps [ErrRecipients] if an object with
// the envelope h has more recipients than opts would leave, and they are not to be
// dropped. It uses no key, so that a dry run can tell, and promises nothing else
// about what Rewrap does. It may be called concurrently.
func (opts *RewrapOptions) CheckRecipients(h *envelope.Header) error {
	before, after := 1+len(h.Recipients), 1+len(opts.Recipients)
	if opts.DropRecipients || before <= after {
		return nil
	}
	return fmt.Errorf("%w: it has %d, and would have %d", ErrRecipients, before, after)
}

// A rewrapping is one Rewrap.
type rewrapping struct {
	bucket *Bucket
	key    string
	opts   *RewrapOptions

	oi   *ObjectInfo      // before
	file *instruction     // before; nil if the envelope is in metadata
	new  *envelope.Header // after
	cek  []byte

	meta map[string]string // to be stored; nil with a file
	data []byte            // of the file to be stored
}

func (r *rewrapping) run(ctx context.Context) (*ObjectInfo, error) {
	if err := r.find(ctx); err != nil {
		return nil, err
	}
	if err := r.opts.CheckRecipients(r.oi.Header); err != nil {
		return nil, err
	}
	if err := r.wrap(ctx); err != nil {
		return nil, err
	}
	if err := r.encode(); err != nil {
		return nil, err
	}
	if err := r.tryCEK(ctx); err != nil {
		return nil, err
	}
	after := *r.oi
	after.Header = r.new
	if r.opts.DryRun {
		if r.meta != nil {
			after.Metadata = r.meta
		}
		return &after, nil
	}
	if r.opts.Before != nil {
		if err := r.opts.Before(r.oi); err != nil {
			return nil, err
		}
	}
	info, err := r.store(ctx)
	if err != nil {
		return nil, err
	}
	after.Info = *info
	return &after, nil
}

// find looks at the object, and at what it takes to write to it.
func (r *rewrapping) find(ctx context.Context) (err error) {
	b := r.bucket
	if r.oi, err = b.stat(ctx, r.key); err != nil {
		return err
	}
	if r.oi.Header == nil {
		return permitPlain(r.oi, new(envelope.OpenOptions)) // never nil
	}
	if r.oi.ETag == "" {
		return errNoETag // it would be replaced whatever it is
	}
	if r.oi.InstructionFile != "" {
		return r.findFile(ctx)
	}
	if _, ok := b.driver.(MetadataReplacer); !ok {
		return fmt.Errorf("the driver cannot replace metadata: %w", errors.ErrUnsupported)
	}
	return nil
}

// wrap unwraps the content key and wraps it anew.
func (r *rewrapping) wrap(ctx context.Context) error {
	w, err := r.choose()
	if err != nil {
		return err
	}
	if r.opts.SkipWrapped && r.wrapped(ctx, w) {
		return ErrWrapped
	}
	k := &checkedWrapper{w, r.opts.MustNotOpen, &r.cek}
	opts := &envelope.RewrapOptions{MatDesc: r.describe(w.Algorithm()), Open: *r.bucket.opening(r.key, &r.bucket.open)}
	for _, other := range r.opts.Recipients {
		if other.Wrapper != nil {
			other.Wrapper = &checkedWrapper{other.Wrapper, r.opts.MustNotOpen, nil}
		}
		opts.Recipients = append(opts.Recipients, other)
	}
	s := &sidecar{driver: r.bucket.driver, key: r.key}
	r.new, err = envelope.Rewrap(s.in(ctx), r.oi.Header, r.bucket.unwrapper, k, opts)
	switch {
	case errors.Is(err, wrap.ErrNoKey) && s.missing.Load():
		return fmt.Errorf("%w: %q", ErrNoSidecar, s.file())
	case errors.Is(err, envelope.ErrDecrypt) && (s.loaded.Load() || r.file != nil):
		// Two objects were read one after the other.
		return cmp.Or(r.bucket.unchanged(ctx, r.key, &r.oi.Info), err)
	}
	return err
}

// modern are the wraps that bind the format.
var modern = []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext}

// choose returns the new key in the algorithm that the object is to have.
func (r *rewrapping) choose() (wrap.Wrapper, error) {
	h := r.oi.Header
	want := []wrap.Algorithm{h.Wrap}
	switch bound := slices.Contains(modern, h.Wrap); {
	case r.opts.UpgradeWrap && !bound && h.Suite != envelope.V2GCM:
		return nil, fmt.Errorf("a better wrap for format %v, whose content nothing authenticates: %w; migrate it", h.Suite, errors.ErrUnsupported)
	case r.opts.UpgradeWrap && !bound:
		want = modern
	case h.Suite == envelope.V1:
		want = []wrap.Algorithm{wrap.AESECB, wrap.RSAPKCS1}
	case h.Suite == envelope.V2CTR, h.Wrap == wrap.Unnamed, h.Wrap == wrap.RSAOAEPSHA256:
		return nil, fmt.Errorf("format %v under wrap %v, which nobody writes: %w; upgrade the wrap or migrate it", h.Suite, h.Wrap, errors.ErrUnsupported)
	}
	w := r.first(want)
	if h.Suite == envelope.V1 {
		w = cmp.Or(r.first([]wrap.Algorithm{unnamedWrap(h)}), w)
	}
	if w == nil {
		return nil, fmt.Errorf("%w: none serves wrap %v of format %v", ErrNoNewKey, h.Wrap, h.Suite)
	}
	if _, ok := w.(*SidecarKey); ok {
		return nil, fmt.Errorf("a sidecar key as the new one: %w; migrate the object", errors.ErrUnsupported)
	}
	return w, nil
}

// first returns the first of the new keys that has one of the algorithms, or nil.
func (r *rewrapping) first(want []wrap.Algorithm) wrap.Wrapper {
	for _, w := range r.opts.Wrappers {
		if w != nil && slices.Contains(want, w.Algorithm()) {
			return w
		}
	}
	return nil
}

// unnamedWrap returns the wrap of an object of V1. AES-ECB makes 48 bytes of a
// content key at most, and no RSA key in use so few.
func unnamedWrap(h *envelope.Header) wrap.Algorithm {
	if len(h.WrappedKey) <= 48 {
		return wrap.AESECB
	}
	return wrap.RSAPKCS1
}

// describe returns the new materials description. The entries of the old one that
// belong to the formats do not count: they name the old key, or are set anew.
func (r *rewrapping) describe(alg wrap.Algorithm) map[string]string {
	desc := make(map[string]string)
	if r.opts.KeepMatDesc {
		maps.Copy(desc, r.oi.Header.MatDesc)
		delete(desc, "aws:x-amz-cek-alg")
		delete(desc, "kms_cmk_id")
	}
	maps.Copy(desc, r.opts.MatDesc)
	if alg != wrap.KMSPlain {
		delete(desc, "kms_cmk_id")
	}
	return desc
}
