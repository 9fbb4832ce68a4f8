// SPDX-License-Identifier: Apache-2.0

package chunked

import "sync"

// A scratch is what one call of ReadAt works in. Ciphertext goes in, one chunk
// of plaintext at a time comes out: decrypting straight into the buffer of the
// caller would save a copy, but leave zeros in it where a chunk is rejected.
type scratch struct {
	in    []byte // ciphertext, which may be left behind
	out   [ChunkSize]byte
	nonce [nonceSize]byte
}

var scratches = sync.Pool{New: func() any {
	return &scratch{in: make([]byte, headerSize+runChunks*sealedSize)}
}}

func newScratch() *scratch { return scratches.Get().(*scratch) }

// sized returns n bytes for ciphertext, at most maxRead chunks.
func (b *scratch) sized(n int64) []byte {
	if n > int64(len(b.in)) {
		b.in = make([]byte, maxRead*sealedSize)
	}
	return b.in[:n]
}

// free clears what is secret and gives the scratch back. It is not called if
// the source panics: who knows what is still writing to it.
func (b *scratch) free() {
	clear(b.out[:])
	clear(b.nonce[:])
	scratches.Put(b)
}
