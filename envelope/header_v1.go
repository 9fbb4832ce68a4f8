// SPDX-License-Identifier: Apache-2.0

package envelope

import "github.com/s3seal/s3seal/wrap"

// headerV1 reads format V1: nothing is named, all is inferred. The wrap
// follows from the kind of key that the reader has.
func (f fields) headerV1() (*Header, error) {
	if err := f.refuse(foreignToV1, "V1"); err != nil {
		return nil, err
	}
	return f.headerKeyIV(&Header{Suite: V1, Wrap: wrap.Unnamed}, nameKeyV1)
}

// headerKeyIV adds what V1 and V2 store alike.
func (f fields) headerKeyIV(h *Header, keyName string) (_ *Header, err error) {
	if h.WrappedKey, err = f.bytes(keyName); err != nil {
		return nil, err
	}
	if h.IV, err = f.bytes(nameIV); err != nil {
		return nil, err
	}
	if h.MatDesc, err = parseMatDesc(nameMatDesc, f[nameMatDesc]); err != nil {
		return nil, err
	}
	return h, nil
}

// metadataV1 always writes a description: one client refuses objects without.
func (h *Header) metadataV1() (map[string]string, error) {
	desc, err := encodeMatDesc(nameMatDesc, h.MatDesc)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		nameKeyV1:   encodeBytes(h.WrappedKey),
		nameIV:      encodeBytes(h.IV),
		nameMatDesc: desc,
	}, nil
}
