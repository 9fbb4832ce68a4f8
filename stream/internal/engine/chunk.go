// SPDX-License-Identifier: Apache-2.0

package engine

import "sync"

// ChunkSize is how many bytes are encrypted in one go. Streams keep it in a
// field, so that tests can reach the chunk edges with short streams.
//
// Measured on one core with AES-256: below 64 KiB the field arithmetic that
// joins GCM pieces shows, above 128 KiB nothing is gained, and every open
// stream holds one.
const ChunkSize = 128 << 10

// Overhead is how many bytes a mode may add to a chunk, or have before it.
const Overhead = 256

// A Chunk is a buffer for one chunk and the tag or padding that may follow.
type Chunk [ChunkSize + Overhead]byte

var chunks = sync.Pool{New: func() any { return new(Chunk) }}

// NewChunk returns a chunk in which there is nothing secret, to be given back by
// Free.
func NewChunk() *Chunk { return chunks.Get().(*Chunk) }

// Free clears the chunk and gives it back.
func (c *Chunk) Free() { c.FreeFirst(len(c)) }

// FreeFirst does the same for a chunk of which no more than the first n bytes
// and Overhead were used. To clear all of it takes longer than to encrypt a
// short stream. What a source writes behind the bytes that it says it has read,
// as it may, stays there if it goes on to end well.
func (c *Chunk) FreeFirst(n int) {
	clear(c[:min(n+Overhead, len(c))])
	chunks.Put(c)
}
