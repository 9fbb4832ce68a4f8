// SPDX-License-Identifier: Apache-2.0

package stream

import "sync"

// chunkSize is how many bytes are encrypted in one go. Streams keep it in a
// field, so that tests can reach the chunk edges with short streams.
//
// Measured on one core with AES-256: below 64 KiB the field arithmetic that
// joins GCM pieces shows, above 128 KiB nothing is gained, and every open
// stream holds one.
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
