// SPDX-License-Identifier: Apache-2.0

package chunked

import "github.com/s3seal/s3seal/stream/internal/engine"

// A run is some chunks that follow each other. They are full, but for the last
// one of a stream. Writers and readers handle runs of runChunks, in the pieces
// of the engine.
//
// Plaintext and ciphertext of a run have different lengths, and crypto/cipher
// wants input and output to coincide or to lie apart. One chunk of room in the
// buffer is enough for that, if the output grows over input that was used:
//
//	seal, from the back:   | plaintext of 7 chunks          |      room     |
//	                       |      room     | ciphertext of 7 or 8 chunks    |
//	open, from the front:  |      room     | ciphertext of 7 chunks         |
//	                       | plaintext of 7 chunks          |      room     |
//
// That makes runs one chunk shorter than the buffers of the engine, and saves
// a copy of everything.
const (
	runChunks = 7
	runSize   = runChunks * ChunkSize

	// sealRoom is where the output of seal begins. There, chunk i begins at
	// sealRoom + i·16400 at the least, while chunks 0 to i of the input end at
	// (i+1)·16384.
	sealRoom = ChunkSize

	// openRoom is where the input of open begins: chunk i at (i+1)·16400, while
	// chunks 0 to i of the output end at (i+1)·16384.
	openRoom = sealedSize
)

// What goes through a buffer fits in: from the header to the eighth tag, and
// the whole run.
var (
	_ [len(engine.Chunk{}) - (sealRoom + headerSize + runSize + (runChunks+1)*tagSize)]struct{}
	_ [len(engine.Chunk{}) - (openRoom + runChunks*sealedSize)]struct{}
)

// seal encrypts src, a run that starts at chunk k, to the front of dst and
// returns how many bytes that makes. If last is set, what is behind the full
// chunks, even if it is nothing, becomes the last chunk of the stream; else
// nothing is there.
//
// n is scratch: an array on the stack would be allocated for every call.
func (s *schedule) seal(dst, src []byte, k int64, last bool, n *[nonceSize]byte) int {
	count := len(src) / ChunkSize
	if last {
		count++
	}
	for i := count - 1; i >= 0; i-- {
		s.nonce(n, k+int64(i))
		plain := src[i*ChunkSize : min((i+1)*ChunkSize, len(src))]
		s.aead.Seal(dst[i*sealedSize:][:0], n[:], plain, nil)
	}
	return len(src) + count*tagSize
}

// open decrypts src, a run that starts at chunk k, to the front of dst and
// returns its plaintext as far as it is genuine; ok says that all of it is. If
// last is set, the stream ends with src, and must do so in a short chunk.
func (s *schedule) open(dst, src []byte, k int64, last bool, n *[nonceSize]byte) (out []byte, ok bool) {
	out = dst[:0]
	for ; len(src) >= sealedSize; k++ {
		if out, ok = s.openChunk(out, src[:sealedSize], k, n); !ok {
			return out, false
		}
		src = src[sealedSize:]
	}
	if !last {
		return out, len(src) == 0
	}
	return s.openChunk(out, src, k, n)
}

// openChunk appends the plaintext of chunk k to dst, which has capacity for it.
// If the chunk is not genuine it returns dst as it is; behind it are zeros
// then, or what was there before.
func (s *schedule) openChunk(dst, src []byte, k int64, n *[nonceSize]byte) (out []byte, ok bool) {
	s.nonce(n, k)
	out, err := s.aead.Open(dst, n[:], src, nil)
	if err != nil {
		return dst, false
	}
	return out, true
}
