// SPDX-License-Identifier: Apache-2.0

package stream

// SetPiece makes a new range reader read its source in pieces of n bytes, at
// least two blocks, and returns it.
func SetPiece(r *CBCRangeReader, n int64) *CBCRangeReader {
	r.piece = n
	return r
}

// PieceAt is how much one read of a source is for at most.
const PieceAt = pieceAt

// Buffer returns the memory in which a range reader decrypts.
func Buffer(r *CBCRangeReader) []byte { return r.buf }
