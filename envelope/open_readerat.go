// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream"
)

// A ReaderAt is the plaintext of a body, for reads at any offset. Its methods
// may be called concurrently, as far as the source allows.
type ReaderAt interface {
	// ReadAt reads plaintext as io.ReaderAt has it. No error lasts: the next
	// call tries again.
	io.ReaderAt

	// Size returns the size of the plaintext in bytes. Where it takes more
	// than the size of the body to tell, that is, for CBC, every call reads
	// the last block.
	Size() (int64, error)
}

// ReaderAt returns the plaintext of the body src, of size bytes, for reads at
// any offset.
//
// Of Chunked and DARE, every byte that ReadAt returns is verified in that call,
// and the size before ReaderAt returns: it reads the start and the end of src.
//
// All other plaintext is NOT authenticated, nor is its size: see
// [Opener.RangeReader]. Nothing is read yet, and a read of a short range takes one
// read of src. Without AllowUnauthenticatedRanges the error is a
// [*PolicyError]. From the call on, Authenticated is false, whatever is read.
//
// A size that no body can have is [ErrDecrypt] or wraps [stream.ErrTooLarge].
// Of a CBC object, what touches the end or lies behind it is ErrDecrypt if the
// padding is not proper. A src that ends before its size is an error that wraps
// io.ErrUnexpectedEOF; other errors of src are passed through wrapped.
func (o *Opener) ReaderAt(src io.ReaderAt, size int64) (ReaderAt, error) {
	if err := permitRange(o.header.Suite, o.ranges); err != nil {
		return nil, err
	}
	if o.content.format != nil {
		return o.ownReaderAt(src, size)
	}
	r, err := o.content.readerAt(src, size)
	if err != nil {
		return nil, vague(fmt.Errorf("envelope: open: %w", err))
	}
	o.unverified.Add(1) // for ever
	return r, nil
}

// ownReaderAt opens the body of a format of s3seal's own for reads at any
// offset.
func (o *Opener) ownReaderAt(src io.ReaderAt, size int64) (ReaderAt, error) {
	if size < 0 {
		return nil, fmt.Errorf("envelope: open: stored size %d is negative", size)
	}
	if _, _, err := o.header.PlaintextSize(size); err != nil {
		return nil, vague(err)
	}
	r, err := o.content.format.ReaderAt(src, size, o.content.params())
	if err != nil {
		return nil, vague(fmt.Errorf("envelope: open: %w", err))
	}
	return sizedReaderAt{r}, nil
}

func (c *content) readerAt(src io.ReaderAt, size int64) (ReaderAt, error) {
	switch c.mode {
	case modeCBC:
		return stream.NewCBCReaderAt(src, size, c.secret.key, c.iv)
	case modeCTR:
		r, err := stream.NewCTRReaderAt(src, size, c.secret.key, c.iv)
		return sizedReaderAt{r}, err
	}
	r, err := stream.NewGCMUnauthenticatedReaderAt(src, size, c.secret.key, c.iv)
	return sizedReaderAt{r}, err
}

// A sizedReaderAt knows its size without reading.
type sizedReaderAt struct {
	r interface {
		io.ReaderAt
		Size() int64
	}
}

func (s sizedReaderAt) ReadAt(p []byte, off int64) (int, error) { return s.r.ReadAt(p, off) }

func (s sizedReaderAt) Size() (int64, error) { return s.r.Size(), nil }
