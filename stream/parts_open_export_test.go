// SPDX-License-Identifier: Apache-2.0

package stream

// SetOpenPartChunk makes new GCMUnverifiedParts work in pieces of n bytes, a
// multiple of BlockSize, and returns them.
func SetOpenPartChunk(p *GCMUnverifiedParts, n int) *GCMUnverifiedParts {
	p.chunk = n
	return p
}
