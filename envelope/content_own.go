// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"fmt"

	"github.com/s3seal/s3seal/envelope/internal/format"
)

// openOwn makes the content of a format of s3seal's own.
func openOwn(h *Header, cek, context []byte) (*content, error) {
	f := h.Suite.info().format
	key, err := f.Open(cek, h.IV, context, h.Empty)
	if err != nil {
		return nil, vague(fmt.Errorf("envelope: derive key: %w", err))
	}
	return ownContent(f, key, context, h.Empty), nil
}

// sealOwn is the counterpart of openOwn; it also makes the salt.
func sealOwn(h *Header, cek, context []byte) (*content, error) {
	f := h.Suite.info().format
	key, salt, err := f.Seal(cek, context, h.Empty)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive key: %w", err)
	}
	h.IV = salt
	return ownContent(f, key, context, h.Empty), nil
}

func ownContent(f format.Format, key, context []byte, empty bool) *content {
	return &content{mode: modeOwn, secret: &secret{key}, aad: bytes.Clone(context), format: f, empty: empty}
}

func (c *content) params() format.Params {
	return format.Params{Key: c.secret.key, Context: c.aad, Empty: c.empty}
}
