// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/s3seal/s3seal/wrap"
)

// RewrapOptions say how a CEK is wrapped anew. The zero value, and a nil
// pointer, mean no materials description, one recipient, and the policy of the
// zero OpenOptions.
type RewrapOptions struct {
	// MatDesc is the new materials description, as in SealOptions. Nothing of
	// the old one is kept, since it may tell of the old key.
	MatDesc map[string]string

	// Recipients are further new recipients, as in SealOptions. Nobody of the
	// old ones is kept.
	Recipients []SealRecipient

	// Open must allow the object, as for opening it: whoever can write headers
	// must not be able to have the key used on what it would not be used on
	// otherwise. A bound object needs its names here, too.
	Open OpenOptions
}

// Rewrap returns a header that stores the CEK of h wrapped by w, and by further
// recipients, instead of what h stores. The body and all else that belongs to it
// stay as they are, so that an object can be given other keys without being read:
// for the rotation of keys, or for other recipients. opts may be nil.
//
// The format stays what it is. A CEK under a modern wrap (AES/GCM, kms+context,
// RSA-OAEP-SHA1), which binds the format, is wrapped by such only; others may be
// wrapped by those that [NewSealer] takes for the format.
//
// Who has had the old header, and the old key, can still read the object, now
// and later: the CEK is the same, and so is the body. To shut somebody out takes
// sealing anew.
//
// For V3 the CEK is held against the commitment first. For all other formats only
// the body could tell whether it is the right one, and that is not read. Modern
// wraps notice a wrong key themselves, AESWrap and kms too; a wrap without a name
// does not: RSA PKCS#1 v1.5 answers a wrong key with some other CEK, which the new
// header would then hold. Before the old header of such an object is overwritten,
// the object should be opened by the new one.
//
// Errors are those of [NewOpener] for h and u, and those of [NewSealer] for w;
// what w cannot do is an error before u is called. h is not changed. It may be
// called concurrently while nobody writes to h.
func Rewrap(ctx context.Context, h *Header, u wrap.Unwrapper, w wrap.Wrapper, opts *RewrapOptions) (*Header, error) {
	if opts == nil {
		opts = new(RewrapOptions)
	}
	if h == nil {
		return nil, fmt.Errorf("envelope: rewrap: no header: %w", ErrNotEncrypted)
	}
	if w == nil {
		return nil, fmt.Errorf("envelope: rewrap: %w", wrap.ErrNoKey)
	}
	h = h.clone()
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := opts.Open.permit(h); err != nil {
		return nil, err
	}
	again, err := h.readdress(w, opts)
	if err != nil {
		return nil, err
	}
	cek, err := h.verifiedCEK(ctx, u, &opts.Open)
	defer clear(cek)
	if err != nil {
		return nil, err
	}
	if err := again.wrapAnew(ctx, w, cek, opts.Recipients); err != nil {
		return nil, err
	}
	return again, nil
}

// readdress returns h for new recipients, whose keys are not wrapped yet.
func (h *Header) readdress(w wrap.Wrapper, opts *RewrapOptions) (*Header, error) {
	if slices.Contains(wrapsModern, h.Wrap) {
		for _, r := range append([]SealRecipient{{Wrapper: w}}, opts.Recipients...) {
			if r.Wrapper != nil && !slices.Contains(wrapsModern, r.Wrapper.Algorithm()) {
				return nil, fmt.Errorf("envelope: rewrap: key wrapped by %v, which binds the format, would be wrapped by %v, which does not",
					h.Wrap, r.Wrapper.Algorithm())
			}
		}
	}
	again := h.clone()
	again.Recipients, again.tagBytes = nil, false
	// The wrap binds the usual name from now on. What is behind it is the same.
	again.cekAlg = ""
	if err := again.address(w, opts.MatDesc, opts.Recipients); err != nil {
		return nil, err
	}
	return again, nil
}

// verifiedCEK unwraps the CEK and checks all that can be checked about it.
func (h *Header) verifiedCEK(ctx context.Context, u wrap.Unwrapper, opts *OpenOptions) ([]byte, error) {
	cek, err := unwrap(ctx, u, h)
	if err != nil {
		return nil, err
	}
	c, err := openContent(h, cek, opts.contentAAD(h))
	if err != nil {
		clear(cek)
		return nil, err
	}
	clear(c.secret.key)
	return cek, nil
}

// wrapAnew wraps the CEK for all recipients.
func (h *Header) wrapAnew(ctx context.Context, w wrap.Wrapper, cek []byte, others []SealRecipient) error {
	wrapped, err := w.Wrap(ctx, cek, h.wrapInfo(h.everyone()[0]))
	if err != nil {
		return fmt.Errorf("envelope: wrap key: %w", err)
	}
	h.WrappedKey = bytes.Clone(wrapped)
	if err := h.wrapOthers(ctx, cek, others); err != nil {
		return err
	}
	if h.Suite == V1 {
		h.Wrap = wrap.Unnamed
	}
	return h.check()
}
