// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"strconv"

	"github.com/s3seal/s3seal/wrap"
)

// wrapCodes are the values of x-amz-w. The texts of V2 and the codes 01, 11
// and 21 (legacy wraps) are known to some clients but never valid.
var wrapCodes = map[string]wrap.Algorithm{
	"02": wrap.AESGCM,
	"12": wrap.KMSContext,
	"22": wrap.RSAOAEPSHA1,
}

// headerV3 reads format V3. It does not take the names of older formats
// beside its own, except for the length, which some stores or tools carry
// over and which nobody uses.
func (f fields) headerV3() (_ *Header, err error) {
	if err := f.refuse(foreignToV3, "V3"); err != nil {
		return nil, err
	}
	h := &Header{Suite: V3}
	if err := f.codesV3(h); err != nil {
		return nil, err
	}
	if h.WrappedKey, err = f.bytes(nameKeyV3); err != nil {
		return nil, err
	}
	if h.Commitment, err = f.bytes(nameCommitment); err != nil {
		return nil, err
	}
	if h.IV, err = f.bytes(nameMessageID); err != nil {
		return nil, err
	}
	desc := h.names().desc
	if h.MatDesc, err = parseMatDesc(desc, f[desc]); err != nil {
		return nil, err
	}
	return h, nil
}

// codesV3 reads the two codes.
func (f fields) codesV3(h *Header) error {
	switch suite := f[nameSuite]; suite {
	case algCommit:
	case "":
		return &MetadataError{nameSuite, "missing"}
	default:
		return &MetadataError{nameSuite, "want 115, got " + strconv.Quote(clip(suite))}
	}
	code := f[nameWrapCode]
	if code == "" {
		return &MetadataError{nameWrapCode, "missing"}
	}
	alg, ok := wrapCodes[code]
	if !ok {
		return &MetadataError{nameWrapCode, "want 02, 12 or 22, got " + strconv.Quote(clip(code))}
	}
	h.Wrap = alg
	return nil
}

// metadataV3 always writes the description that belongs to the wrap, and
// never the other one.
func (h *Header) metadataV3() (map[string]string, error) {
	name := h.names().desc
	desc, err := encodeMatDesc(name, h.MatDesc)
	if err != nil {
		return nil, err
	}
	m := map[string]string{
		nameSuite:      algCommit,
		nameKeyV3:      encodeBytes(h.WrappedKey),
		nameCommitment: encodeBytes(h.Commitment),
		nameMessageID:  encodeBytes(h.IV),
		name:           desc,
	}
	for code, alg := range wrapCodes {
		if alg == h.Wrap {
			m[nameWrapCode] = code
		}
	}
	return m, nil
}
