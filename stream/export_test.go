// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// DefaultChunkSize is what streams have without SetChunkSize.
const DefaultChunkSize = engine.ChunkSize

// SetChunkSize makes a new stream work in chunks of n bytes, a multiple of
// BlockSize, and returns it.
func SetChunkSize[T any](s T, n int) T {
	switch s := any(s).(type) {
	case *GCMEncryptWriter:
		s.w.Size = n
	case *CBCEncryptWriter:
		s.w.Size = n
	case *GCMEncryptReader:
		s.r.F.(*engine.EncryptFeed).Size = n
	case *CBCEncryptReader:
		s.r.F.(*engine.EncryptFeed).Size = n
	case *GCMDecryptReader:
		s.r.F.(*bufferedFeed).o.chunk = n
	case *GCMUnverifiedReader:
		s.r.F.(*unverifiedFeed).o.chunk = n
	case *CBCDecryptReader:
		s.r.F.(*cbcFeed).size = n
	default:
		panic("no chunk size")
	}
	return s
}

// VerifyGCMChunks is VerifyGCM in chunks of n bytes.
func VerifyGCMChunks(src io.Reader, key, iv, aad []byte, n int) (int64, error) {
	o, err := newGCMOpener(src, key, iv, aad)
	if err != nil {
		return 0, err
	}
	o.chunk = n
	return o.drain()
}

// Skip makes a new stream believe that n bytes, a multiple of BlockSize, have
// gone through it already. What follows has the right bytes but a wrong tag.
func Skip[T any](s T, n int64) T {
	switch s := any(s).(type) {
	case *GCMEncryptWriter:
		s.w.Enc.(*gcmSealer).skip(n)
	case *GCMEncryptReader:
		s.r.F.(*engine.EncryptFeed).Enc.(*gcmSealer).skip(n)
	case *GCMDecryptReader:
		s.r.F.(*bufferedFeed).o.skip(n)
	case *GCMUnverifiedReader:
		s.r.F.(*unverifiedFeed).o.skip(n)
	default:
		panic("cannot skip")
	}
	return s
}

func (s *gcmSealer) skip(n int64) {
	s.size, s.done = n, n
	s.hash.h = s.encrypt(element{})
}

func (o *gcmOpener) skip(n int64) {
	o.start()
	o.size, o.done = n, n
}

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

// ScanGCMChunks is ScanGCM in chunks of n bytes, of which a run has the given
// number.
func ScanGCMChunks(src io.Reader, key, iv, aad []byte, n, run int) (*GCMScan, error) {
	o, err := newGCMOpener(src, key, iv, aad)
	if err != nil {
		return nil, err
	}
	o.chunk = n
	return o.scan(run)
}

// SetPartChunk makes new GCM Parts encrypt in pieces of n bytes, a multiple of
// BlockSize, and returns them.
func SetPartChunk(p *Parts, n int) *Parts {
	if c, ok := p.cipher.(*gcmParts); ok {
		c.chunk = n
	}
	return p
}

// SetOpenPartChunk makes new GCMUnverifiedParts work in pieces of n bytes, a
// multiple of BlockSize, and returns them.
func SetOpenPartChunk(p *GCMUnverifiedParts, n int) *GCMUnverifiedParts {
	p.chunk = n
	return p
}
