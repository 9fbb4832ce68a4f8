// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/s3seal/s3seal/wrap"
)

// minWrapped is the least length of a wrapped key. The exact lengths are
// for the wraps to check; this only keeps nonsense away from keys.
const minWrapped = 16

// wireNames are the names under which a suite stores the parts of a Header.
type wireNames struct{ key, iv, wrap, desc string }

func (h *Header) names() wireNames {
	switch {
	case h.Suite.info().format != nil:
		return wireNames{nameOwnKey, nameOwnSalt, nameOwnWrap, nameOwnDesc}
	case h.Suite == V1:
		return wireNames{nameKeyV1, nameIV, nameWrapAlg, nameMatDesc}
	case h.Suite != V3:
		return wireNames{nameKeyV2, nameIV, nameWrapAlg, nameMatDesc}
	case h.Wrap == wrap.KMSContext:
		return wireNames{nameKeyV3, nameMessageID, nameWrapCode, nameContextV3}
	}
	return wireNames{nameKeyV3, nameMessageID, nameWrapCode, nameMatDescV3}
}

// check says whether h can be a header at all. It guards every use of a
// Header, since callers may build one by hand.
func (h *Header) check() error {
	for i, r := range h.everyone() {
		if err := h.checkRecipient(i, r); err != nil {
			return err
		}
	}
	if err := checkSize(h.names().iv, h.IV, h.Suite.info().ivSize); err != nil {
		return err
	}
	commitment := 0
	if h.Suite == V3 {
		commitment = commitmentSize
	}
	if err := checkSize(nameCommitment, h.Commitment, commitment); err != nil {
		return err
	}
	for i, r := range h.everyone() {
		if err := h.checkContext(r, h.namesOf(i).desc); err != nil {
			return err
		}
	}
	return h.checkOwn()
}

// checkRecipient checks one of the wrapped forms of the CEK.
func (h *Header) checkRecipient(i int, r Recipient) error {
	names := h.namesOf(i)
	if !slices.Contains(h.Suite.info().reads, r.Wrap) {
		return &MetadataError{names.wrap, fmt.Sprintf("format %v has no %v wrap", h.Suite, r.Wrap)}
	}
	if len(r.WrappedKey) < minWrapped {
		return &MetadataError{names.key, fmt.Sprintf("want at least %d bytes, got %d", minWrapped, len(r.WrappedKey))}
	}
	return nil
}

func checkSize(name string, b []byte, want int) error {
	if len(b) != want {
		return &MetadataError{name, fmt.Sprintf("want %d bytes, got %d", want, len(b))}
	}
	return nil
}

// checkContext holds a kms+context wrap to its promise: the context that the
// KMS authenticates names the content algorithm, so that metadata cannot name
// another one. A kms wrap promises nothing, but a context that has the entry
// was made for kms+context: relabelling the wrap must not take the promise
// away.
func (h *Header) checkContext(r Recipient, name string) error {
	got, ok := r.MatDesc[descCEKAlg]
	switch r.Wrap {
	case wrap.KMSContext:
	case wrap.KMSPlain:
		if !ok {
			return nil
		}
	default:
		return nil
	}
	if want := h.contentAlg(); got != want {
		reason := "entry " + descCEKAlg + ": want " + want + ", got " + strconv.Quote(clip(got))
		return &MetadataError{name, reason}
	}
	return nil
}

// clip keeps values from storage from filling error messages.
func clip(s string) string {
	const limit = 64
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
