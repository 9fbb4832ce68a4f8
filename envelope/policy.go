// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"fmt"
	"slices"
	"strings"
)

// OpenOptions say what an [Opener] may open. With the zero value that is V3
// and Chunked; every field of type bool but RequireBound that is true lets in
// something weaker, and is independent of the others unless it says so.
// [Header.Required] tells what an object needs.
//
// An OpenOptions may be used concurrently while nobody writes to it.
type OpenOptions struct {
	// AllowUncommitted lets in formats that do not commit to the CEK: V2, V1 and
	// DARE. Whoever can replace a wrapped key can make such a body that opens to
	// different plaintexts under different keys. Alone it lets in V2GCM with
	// a modern wrap (AES/GCM, kms+context, RSA-OAEP-SHA1).
	AllowUncommitted bool

	// AllowLegacyWraps lets in wraps that do not bind the content algorithm:
	// AESWrap, OAEP with SHA-256, kms, and wraps without a name (AES-ECB and
	// RSA PKCS#1 v1.5, hence all of V1). It also takes a tag length given in
	// bytes. Together with AllowLegacyCBC or AllowUnauthenticatedCTR, whoever
	// can write metadata can have GCM content decrypted as CBC or CTR.
	AllowLegacyWraps bool

	// AllowLegacyCBC lets in V2CBC, and V1 together with AllowLegacyWraps.
	// Nothing authenticates such content, and whoever can alter objects and
	// see whether they open can decrypt them.
	AllowLegacyCBC bool

	// AllowUnauthenticatedCTR lets in V2CTR. Nothing authenticates such
	// content; any bit of it can be flipped unnoticed.
	AllowUnauthenticatedCTR bool

	// AllowUnauthenticatedRanges lets [Opener.RangeReader] and
	// [Opener.ReaderAt] decrypt part of an object. The tag covers the whole
	// object and cannot be checked then; the commitment of V3 still is. CBC
	// and CTR need it on top of what they need as a whole. Chunked and DARE do
	// not need it: whatever is read of them is verified.
	AllowUnauthenticatedRanges bool

	// AllowPlaintext lets a reader of storage, such as package backend, hand
	// out an object that has no envelope as it is. Whoever can write to the
	// bucket can then have anything read as if it had been encrypted. This
	// package itself never looks at it: there is nothing to open. Ciphertext of
	// V1 or V2 whose instruction file was deleted looks the same.
	AllowPlaintext bool

	// Release says when plaintext of GCM content is handed out; nil means
	// Buffered(64 MiB). CBC and CTR stream in any case. See [Release].
	Release Release

	// ContentAAD is the additional data that some V2GCM objects were sealed
	// with, which no metadata records. Where it is not empty, only V2GCM opens:
	// nothing else could have been bound to it.
	ContentAAD []byte

	// ExtraSuites lets in formats that this package does not have built in,
	// which are values of other packages. They need AllowUncommitted as well.
	ExtraSuites []Suite

	// Bind holds the names that the object was asked for by, for those that are
	// bound to them: other names are [ErrDecrypt], and without any the error is
	// a [*PolicyError]. Objects that are not bound open in any case.
	Bind Binding

	// RequireBound keeps out all objects that are not bound. Without it, whoever
	// can write to the bucket can put one that is not in the place of one that
	// is.
	RequireBound bool
}

// Required returns the smallest set of options under which an object with this
// header opens as a whole, given the right key. Release and ContentAAD are nil,
// and Bind is empty, though a bound object needs it: the names must come from
// whoever asked for it.
func (h *Header) Required() OpenOptions {
	legacyWrap := !slices.Contains(wrapsModern, h.Wrap) || h.tagBytes
	var extra []Suite
	if h.Suite.foreign != nil {
		extra = []Suite{h.Suite}
	}
	return OpenOptions{
		ExtraSuites:             extra,
		AllowUncommitted:        !h.Suite.info().commits,
		AllowLegacyWraps:        legacyWrap,
		AllowLegacyCBC:          h.Suite.info().mode == modeCBC,
		AllowUnauthenticatedCTR: h.Suite.info().mode == modeCTR,
	}
}

// Permit returns what [NewOpener] would before it uses a key: nil if o, which may
// be nil for the zero value, allows an object with this header as a whole, a
// [*PolicyError] if it does not, and a [*MetadataError] if h is no valid header.
// Whoever has many objects can so find out beforehand what would be refused, and
// all that it would take.
//
// That the object opens, or is authenticated, it does not promise: that takes the
// key and the content. A nil h is [ErrNotEncrypted]. It may be called concurrently.
func (o *OpenOptions) Permit(h *Header) error {
	if o == nil {
		o = new(OpenOptions)
	}
	if h == nil {
		return fmt.Errorf("envelope: open: no header: %w", ErrNotEncrypted)
	}
	if err := h.check(); err != nil {
		return err
	}
	return o.permit(h)
}

// permit returns a *PolicyError unless o allows an object with this header.
func (o *OpenOptions) permit(h *Header) error {
	if r := o.refuse(h); len(r.options) > 0 {
		return r.error(h)
	}
	return o.Bind.check()
}

// A refused is all that stands in the way of an object, and why.
type refused struct{ options, reasons []string }

func (r *refused) add(reason string, options ...string) {
	r.options, r.reasons = append(r.options, options...), append(r.reasons, reason)
}

func (r *refused) error(h *Header) error {
	return &PolicyError{
		Option: r.options[0], Reason: fmt.Sprintf("%v: %s", h, strings.Join(r.reasons, "; ")),
		Header: h.clone(), options: strings.Join(r.options, ","),
	}
}

// refuse compares what the object needs and is with what o allows.
func (o *OpenOptions) refuse(h *Header) *refused {
	r := new(refused)
	if missing := o.missing(h); len(missing) > 0 {
		r.add("needs "+strings.Join(missing, ", "), missing...)
	}
	if len(o.ContentAAD) > 0 && h.Suite != V2GCM {
		r.add("cannot have been bound to ContentAAD", "ContentAAD")
	}
	switch {
	case o.RequireBound && !h.Bound:
		r.add("is not bound to bucket and key", "RequireBound")
	case h.Bound && o.Bind == (Binding{}):
		r.add("needs Bind, the names that it was asked for by", "Bind")
	}
	return r
}

// missing returns the names of the options that the object needs and o lacks.
func (o *OpenOptions) missing(h *Header) []string {
	need := h.Required()
	var names []string
	for _, option := range []struct {
		name       string
		need, have bool
	}{
		{"AllowUncommitted", need.AllowUncommitted, o.AllowUncommitted},
		{"AllowLegacyWraps", need.AllowLegacyWraps, o.AllowLegacyWraps},
		{"AllowLegacyCBC", need.AllowLegacyCBC, o.AllowLegacyCBC},
		{"AllowUnauthenticatedCTR", need.AllowUnauthenticatedCTR, o.AllowUnauthenticatedCTR},
		{"ExtraSuites", len(need.ExtraSuites) > 0, slices.Contains(o.ExtraSuites, h.Suite)},
	} {
		if option.need && !option.have {
			names = append(names, option.name)
		}
	}
	return names
}

// contentAAD returns what the content is bound to besides its key.
func (o *OpenOptions) contentAAD(h *Header) []byte {
	if h.Suite.info().format != nil {
		return o.Bind.context(h.Bound)
	}
	return o.ContentAAD
}
