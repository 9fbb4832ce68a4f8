// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/s3seal/s3seal/wrap"
)

// wrapNames are the texts of x-amz-wrap-alg. The names that newer clients use
// internally for the wraps of V1 ("AES", "RSA") are on no object.
var wrapNames = map[string]wrap.Algorithm{
	"AES/GCM":                               wrap.AESGCM,
	"AESWrap":                               wrap.AESKW,
	"RSA-OAEP-SHA1":                         wrap.RSAOAEPSHA1,
	"RSA/ECB/OAEPWithSHA-256AndMGF1Padding": wrap.RSAOAEPSHA256,
	"kms":                                   wrap.KMSPlain,
	"kms+context":                           wrap.KMSContext,
}

// headerV2 reads format V2. The content cipher decides which lengths and
// which further names are right.
func (f fields) headerV2() (*Header, error) {
	if err := f.refuse(foreignToV2, "V2"); err != nil {
		return nil, err
	}
	h := new(Header)
	if err := f.contentV2(h); err != nil {
		return nil, err
	}
	if err := f.wrapV2(h); err != nil {
		return nil, err
	}
	return f.headerKeyIV(h, nameKeyV2)
}

// contentV2 reads the content cipher and the tag length.
func (f fields) contentV2(h *Header) error {
	switch alg := f[nameCEKAlg]; alg {
	case algGCM:
		h.Suite = V2GCM
		return f.tagLen(h)
	case algCTR:
		h.Suite = V2CTR
	case algCBC, "": // the oldest Java clients wrote no name for the only cipher they had
		h.Suite = V2CBC
	case algCBC7, algCBCBare:
		h.Suite, h.cekAlg = V2CBC, alg
	case algECB:
		return &MetadataError{nameCEKAlg, "content in AES/ECB is never decrypted"}
	case algCommit:
		return &MetadataError{nameCEKAlg, "115 belongs to format V3"}
	default:
		return &MetadataError{nameCEKAlg, "unknown algorithm " + strconv.Quote(clip(alg))}
	}
	return nil
}

// tagLen accepts the one tag length there is, 128 bits, under the spellings in
// use. A shorter tag would be easier to forge, and no client ever wrote one.
func (f fields) tagLen(h *Header) error {
	switch v := f[nameTagLen]; v {
	case "", "128":
	case "16": // bytes instead of bits: one Python client, which only has a legacy wrap
		h.tagBytes = true
	default:
		return &MetadataError{nameTagLen, "want 128, got " + strconv.Quote(clip(v))}
	}
	return nil
}

func (f fields) wrapV2(h *Header) error {
	text := f[nameWrapAlg]
	if text == "" {
		h.Wrap = wrap.Unnamed
		return nil
	}
	alg, ok := wrapNames[text]
	if !ok {
		return &MetadataError{nameWrapAlg, "unknown algorithm " + strconv.Quote(clip(text))}
	}
	h.Wrap = alg
	return nil
}

// metadataV2 writes all names always, but for the tag length of CBC.
func (h *Header) metadataV2() (map[string]string, error) {
	if err := h.writableV2(); err != nil {
		return nil, err
	}
	desc, err := encodeMatDesc(nameMatDesc, h.MatDesc)
	if err != nil {
		return nil, err
	}
	m := map[string]string{
		nameKeyV2:   encodeBytes(h.WrappedKey),
		nameIV:      encodeBytes(h.IV),
		nameCEKAlg:  h.Suite.info().contentAlg,
		nameMatDesc: desc,
	}
	for text, alg := range wrapNames {
		if alg == h.Wrap {
			m[nameWrapAlg] = text
		}
	}
	switch {
	case h.Suite == V2GCM:
		m[nameTagLen] = "128"
	case h.Wrap == wrap.AESKW:
		// There is no tag, and the format wants no tag length with CBC. But
		// AESWrap with CBC is what one Python client reads, it insists on
		// this name, and it writes 0 itself; the other readers ignore it.
		m[nameTagLen] = "0"
	}
	return m, nil
}

// writableV2 refuses what is only ever read.
func (h *Header) writableV2() error {
	if !slices.Contains(h.Suite.info().writes, h.Wrap) {
		return fmt.Errorf("envelope: a %v header with key wrapped by %v can be read, not written", h.Suite, h.Wrap)
	}
	if h.contentAlg() != h.Suite.info().contentAlg && slices.Contains(wrapsModern, h.Wrap) {
		return fmt.Errorf("envelope: wrapped key is bound to the unusual name %s, which is not written", h.cekAlg)
	}
	return nil
}
