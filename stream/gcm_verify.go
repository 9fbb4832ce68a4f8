// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// VerifyGCM reads a GCM stream, ciphertext || tag, to its end and checks it,
// in constant memory. It returns the size of the plaintext in bytes, or
// [ErrDecrypt] if the stream is not what was encrypted under this key, IV and
// aad. It releases no plaintext.
//
// What it has verified is the bytes it has read. Whoever reads them again to
// decrypt them must make sure that they are still the same.
//
// The key has 16, 24 or 32 bytes, the IV 12. Other errors are [ErrFIPS],
// [ErrTooLarge], the error of the source, wrapped, or one that names the
// argument with the wrong length. It may be called concurrently.
func VerifyGCM(src io.Reader, key, iv, aad []byte) (plaintextSize int64, err error) {
	o, err := newGCMOpener(src, key, iv, aad)
	if err != nil {
		return 0, err
	}
	return o.drain()
}

// drain reads and verifies the whole stream.
func (o *gcmOpener) drain() (size int64, err error) {
	defer o.Wipe()
	buf := engine.NewChunk()
	defer func() { buf.FreeFirst(o.used()) }()
	for !o.end {
		if o.many() > 0 {
			err = engine.Run((*draining)(o))
		}
		if err == nil {
			_, _, err = o.next(buf[:])
		}
		if err != nil {
			return 0, err
		}
	}
	return o.size, nil
}

// draining is the run that reads and hashes what follows the first piece.
type draining gcmOpener

// Produce implements engine.Job.
func (o *draining) Produce(p *engine.Piece) error { return (*gcmOpener)(o).produce(p) }

// Work implements engine.Job.
func (o *draining) Work(p *engine.Piece) { (*gcmOpener)(o).hashPiece(p) }

// Consume implements engine.Job.
func (o *draining) Consume(p *engine.Piece) error {
	(*gcmOpener)(o).joinPiece(p)
	return nil
}
