// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// EnvelopeSum returns the SHA-256 of an envelope, in hexadecimal digits: that of
// [envelope.Header.Metadata], wherever it is kept, or of its fields if it is one
// that nobody writes any more. Nil, no envelope, has one, too, so that it is told
// from an entry of a journal that does not say.
//
// Two envelopes with one sum open the same body by the same keys. It tells
// nothing of the plaintext or a key, and authenticates nothing. EnvelopeSum may
// be called concurrently.
func EnvelopeSum(h *envelope.Header) string {
	var what any
	if h != nil {
		what = written(h)
	}
	text, err := json.Marshal(what) // with names in their order
	if err != nil {
		return "" // never: these are all texts and bytes
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// written returns what an envelope is in metadata, or would be.
func written(h *envelope.Header) any {
	if meta, err := h.Metadata(); err == nil {
		return meta
	}
	return unwritten(h)
}

// unwritten returns what is known of an envelope that is read only.
func unwritten(h *envelope.Header) any {
	type recipient struct {
		Wrap       wrap.Algorithm
		WrappedKey []byte
		MatDesc    map[string]string
	}
	all := []recipient{{h.Wrap, h.WrappedKey, h.MatDesc}}
	for _, r := range h.Recipients {
		all = append(all, recipient{r.Wrap, r.WrappedKey, r.MatDesc})
	}
	return struct {
		Suite          string
		IV, Commitment []byte
		Recipients     []recipient
		Bound, Empty   bool
	}{h.Suite.String(), h.IV, h.Commitment, all, h.Bound, h.Empty}
}
