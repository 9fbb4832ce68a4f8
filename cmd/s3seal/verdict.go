// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// What stat says of the keys it was given.
const (
	opensYes     = "yes"
	opensNo      = "no"
	opensUnknown = "unknown"
)

// verdict says whether keys open the object at in d, which has this envelope, as
// far as can be told without its body. Whatever the object needs is allowed:
// nothing is read, and which --accept that would take is said elsewhere. An error
// beside opensNo is the reason; without a verdict, that there is none, because a
// KMS could not be asked.
func verdict(ctx context.Context, d backend.Driver, at address, h *envelope.Header, keys wrap.Unwrapper) (string, error) {
	if h == nil {
		return opensNo, &refusal{"not encrypted: there is nothing for a key to open", envelope.ErrNotEncrypted}
	}
	need := h.Required()
	need.Bind = at.binding()
	_, err := backend.NewOpener(ctx, d, at.key, h, keys, &need)
	if _, decided := decryptCode(err); decided {
		return opensNo, explainRefusal(err, h, nil)
	}
	if err != nil {
		return "", err
	}
	if !conclusive(h) {
		return opensUnknown, nil
	}
	return opensYes, nil
}

// conclusive says whether a wrong key would have been noticed. Two wraps answer
// one with some other content key, of which only the content tells.
func conclusive(h *envelope.Header) bool {
	switch keyKind(h) {
	case kindAES:
		ecb := h.Wrap == wrap.AESECB || h.Wrap == wrap.Unnamed
		return !ecb || len(h.WrappedKey) > 32 // long enough to have padding
	case kindRSA:
		return h.Wrap == wrap.RSAOAEPSHA1 || h.Wrap == wrap.RSAOAEPSHA256
	}
	return true
}

// opensText is a verdict for people.
func (d *statReport) opensText() string {
	switch {
	case d.Opens == opensYes && d.Format == acceptV3:
		return "yes: the key unwraps, and the commitment is to it"
	case d.Opens == opensYes:
		return "yes: the key unwraps"
	case d.Opens == opensUnknown:
		return "unknown: with this wrap a wrong key shows in the content only"
	}
	return d.Opens
}
