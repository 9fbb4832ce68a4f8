// SPDX-License-Identifier: Apache-2.0

package dare

import "sync"

// A buffer holds the plaintext of one package.
type buffer [PayloadSize]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

// free clears the buffer and gives it back. It is not called if a source or
// sink panics: who knows what is still using it.
func (b *buffer) free() {
	clear(b[:])
	buffers.Put(b)
}
