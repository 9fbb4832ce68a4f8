// SPDX-License-Identifier: Apache-2.0

package stream

// SetPartChunk makes new GCM Parts encrypt in pieces of n bytes, a multiple of
// BlockSize, and returns them.
func SetPartChunk(p *Parts, n int) *Parts {
	if c, ok := p.cipher.(*gcmParts); ok {
		c.chunk = n
	}
	return p
}
