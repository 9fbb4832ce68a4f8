// SPDX-License-Identifier: Apache-2.0

package stream

import "sync"

// chunkSize is how many bytes are encrypted in one go. It is a power of two,
// which makes the power of the hash key that joins GCM chunks cheap to find.
const chunkSize = 128 << 10

// A chunk is a buffer for one chunk and the tag or padding that may follow.
type chunk [chunkSize + BlockSize]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func newChunk() *chunk { return chunks.Get().(*chunk) }

// free clears the chunk and gives it back.
func (c *chunk) free() {
	clear(c[:])
	chunks.Put(c)
}
