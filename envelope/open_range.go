// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/s3seal/s3seal/stream"
)

// CiphertextRange returns which part of the stored body [Opener.RangeReader]
// needs for n bytes of plaintext from offset off on: cn bytes from coff on.
// It never names the tag as long as off+n is within the plaintext.
//
// Without AllowUnauthenticatedRanges the error is a [*PolicyError], for CBC it
// is [errors.ErrUnsupported]; a negative or too large range is an error, too.
func (o *Opener) CiphertextRange(off, n int64) (coff, cn int64, err error) {
	if err := o.permitRange(); err != nil {
		return 0, 0, err
	}
	if o.content.mode == modeGCM {
		if coff, cn, err = stream.GCMCiphertextRange(off, n); err != nil {
			return 0, 0, fmt.Errorf("envelope: %w", err)
		}
		return coff, cn, nil
	}
	return ctrCiphertextRange(off, n)
}

// permitRange refuses what no option would allow before what one would.
func (o *Opener) permitRange() error {
	if o.content.mode == modeCBC {
		return fmt.Errorf("envelope: range of a %v object: %w", o.header.Suite, errors.ErrUnsupported)
	}
	if !o.ranges {
		reason := "a range cannot be authenticated; it needs AllowUnauthenticatedRanges"
		return &PolicyError{Option: "AllowUnauthenticatedRanges", Reason: reason}
	}
	return nil
}

// ctrCiphertextRange is for content that is CTR as a whole.
func ctrCiphertextRange(off, n int64) (coff, cn int64, err error) {
	if off < 0 || n < 0 || n > math.MaxInt64-off {
		return 0, 0, fmt.Errorf("envelope: range of %d bytes from %d on is invalid", n, off)
	}
	coff = off - off%stream.BlockSize
	if n == 0 {
		return coff, 0, nil
	}
	return coff, off + n - coff, nil
}

// RangeReader returns n bytes of plaintext from offset off on. src must
// deliver what [Opener.CiphertextRange] names.
//
// The plaintext is NOT authenticated: the tag covers the whole body, and
// whoever can alter the body can flip any bit of it unnoticed. That is why it
// needs AllowUnauthenticatedRanges. From the call on, Authenticated is false.
//
// The reader yields exactly n bytes or an error, which wraps
// io.ErrUnexpectedEOF if src ends early. Errors and Close are as for
// [Opener.Reader] and CiphertextRange.
//
// The returned reader is not safe for concurrent use.
func (o *Opener) RangeReader(src io.Reader, off, n int64) (io.ReadCloser, error) {
	if _, _, err := o.CiphertextRange(off, n); err != nil {
		return nil, err
	}
	c := o.content
	var dec io.Reader
	var err error
	if c.mode == modeGCM {
		dec, err = stream.NewCTRRangeReader(src, c.secret.key, c.iv, off, n)
	} else {
		dec, err = newCTRPart(src, c, off, n)
	}
	if err == nil {
		o.unverified.Add(1) // for ever
	}
	return o.body(src, dec, releasedForEver, err)
}

// A ctrPart is a range of content that is CTR as a whole.
type ctrPart struct {
	ctr        io.Reader
	skip, left int64
}

func newCTRPart(src io.Reader, c *content, off, n int64) (*ctrPart, error) {
	iv := advance(c.iv, uint64(off/stream.BlockSize))
	ctr, err := stream.NewCTRReader(src, c.secret.key, iv)
	if err != nil {
		return nil, err
	}
	return &ctrPart{ctr, off % stream.BlockSize, n}, nil
}

// advance adds blocks to a 128-bit big-endian counter.
func advance(iv []byte, blocks uint64) []byte {
	low, carry := bits.Add64(binary.BigEndian.Uint64(iv[8:]), blocks, 0)
	high := binary.BigEndian.Uint64(iv) + carry
	out := binary.BigEndian.AppendUint64(nil, high)
	return binary.BigEndian.AppendUint64(out, low)
}

// Read relies on its caller for sticky errors.
func (r *ctrPart) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	for r.skip > 0 {
		var block [stream.BlockSize]byte
		n, err := r.ctr.Read(block[:r.skip])
		r.skip -= int64(n)
		if err != nil {
			return 0, earlyEnd(err)
		}
	}
	n, err := r.ctr.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if r.left > 0 {
		err = earlyEnd(err)
	}
	return n, err
}

func earlyEnd(err error) error {
	if err == io.EOF {
		return fmt.Errorf("envelope: range ends early: %w", io.ErrUnexpectedEOF)
	}
	return err
}
