// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/s3seal/s3seal/wrap"
)

// maxRecipients is how many wrapped forms of its CEK a header has at most.
const maxRecipients = 8

// A Recipient is one wrapped form of a CEK, as it is on the wire.
type Recipient struct {
	// Wrap is how the CEK is wrapped: AES/GCM, kms+context or RSA-OAEP-SHA1.
	Wrap wrap.Algorithm

	// WrappedKey is the wrapped CEK, at least 16 bytes.
	WrappedKey []byte

	// MatDesc is the materials description of this form only.
	MatDesc map[string]string
}

// A SealRecipient is one more key for which an object is sealed.
type SealRecipient struct {
	// Wrapper wraps the CEK.
	Wrapper wrap.Wrapper

	// MatDesc is as in SealOptions, for this recipient only.
	MatDesc map[string]string
}

// everyone returns all recipients, the first one first.
func (h *Header) everyone() []Recipient {
	return append([]Recipient{{h.Wrap, h.WrappedKey, h.MatDesc}}, h.Recipients...)
}

// setRecipient sets recipient i; the ones before it are there.
func (h *Header) setRecipient(i int, r Recipient) {
	switch {
	case i == 0:
		h.Wrap, h.WrappedKey, h.MatDesc = r.Wrap, r.WrappedKey, r.MatDesc
	case i <= len(h.Recipients):
		h.Recipients[i-1] = r
	default:
		h.Recipients = append(h.Recipients, r)
	}
}

// namesOf are the wire names of recipient i.
func (h *Header) namesOf(i int) wireNames {
	if i > 0 {
		return ownNames(i)
	}
	return h.names()
}

// address enters w and others as the recipients of a new header, whose keys are
// not wrapped yet. It uses no key.
func (h *Header) address(w wrap.Wrapper, desc map[string]string, others []SealRecipient) error {
	if len(others) > 0 && h.Suite != Chunked {
		return fmt.Errorf("envelope: format %v takes one recipient, got %d; use Chunked", h.Suite, len(others)+1)
	}
	if len(others)+1 > maxRecipients {
		return fmt.Errorf("envelope: want at most %d recipients, got %d", maxRecipients, len(others)+1)
	}
	for i, o := range append([]SealRecipient{{w, desc}}, others...) {
		if o.Wrapper == nil {
			return fmt.Errorf("envelope: seal: recipient %d: %w", i+1, wrap.ErrNoKey)
		}
		alg := o.Wrapper.Algorithm()
		if err := checkPair(h.Suite, alg); err != nil {
			return err
		}
		h.setRecipient(i, Recipient{Wrap: alg})
		d, err := h.describe(h.namesOf(i).desc, alg, o.MatDesc)
		if err != nil {
			return err
		}
		h.setRecipient(i, Recipient{Wrap: alg, MatDesc: d})
	}
	return nil
}

// wrapOthers wraps the CEK for all recipients but the first.
func (h *Header) wrapOthers(ctx context.Context, cek []byte, others []SealRecipient) error {
	for i, o := range others {
		r := &h.Recipients[i]
		wrapped, err := o.Wrapper.Wrap(ctx, cek, h.wrapInfo(*r))
		if err != nil {
			return fmt.Errorf("envelope: wrap key for recipient %d: %w", i+2, err)
		}
		r.WrappedKey = bytes.Clone(wrapped)
	}
	return nil
}

// wrapInfo returns what the CEK may be bound to, as a copy.
func (h *Header) wrapInfo(r Recipient) wrap.Info {
	return wrap.Info{ContentAlg: h.contentAlg(), MatDesc: maps.Clone(r.MatDesc)}
}

// unwrap asks u for the CEK, with one recipient after the other until one of
// them fits. It calls u at most once for each.
func unwrap(ctx context.Context, u wrap.Unwrapper, h *Header) ([]byte, error) {
	if u == nil {
		return nil, fmt.Errorf("envelope: open: %w", wrap.ErrNoKey)
	}
	var rejected bool
	var noKey, other error
	for i, r := range h.everyone() {
		if err := ctx.Err(); i > 0 && err != nil {
			other = cmp.Or(other, err) // the rest was not tried: nothing is known of the object
			break
		}
		cek, err := u.Unwrap(ctx, r.Wrap, r.WrappedKey, h.wrapInfo(r))
		switch {
		case err == nil:
			return cek, nil
		case errors.Is(err, wrap.ErrUnwrap):
			rejected = true
		case errors.Is(err, wrap.ErrNoKey):
			noKey = cmp.Or(noKey, err)
		default:
			other = cmp.Or(other, err)
		}
	}
	switch {
	case other != nil:
		return nil, fmt.Errorf("envelope: unwrap key: %w", other)
	case rejected:
		return nil, ErrDecrypt // without the cause, which is decided by content
	}
	return nil, fmt.Errorf("envelope: unwrap key: %w", noKey)
}
