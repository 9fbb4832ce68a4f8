// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope/internal/format"
	"github.com/s3seal/s3seal/stream"
)

// PermitRange returns a [*PolicyError] unless o, which may be nil for the zero
// value, allows part of an object with this header to be read: it must allow
// the object as a whole, and AllowUnauthenticatedRanges unless ranges of the
// format are verified, as those of Chunked and DARE are. It uses no key, so
// that a reader of storage can ask before a key is used for nothing. The error
// has all that is in the way.
//
// It may be called concurrently.
func (o *OpenOptions) PermitRange(h *Header) error {
	if o == nil {
		o = new(OpenOptions)
	}
	if h == nil {
		return fmt.Errorf("envelope: open range: no header: %w", ErrNotEncrypted)
	}
	r := o.refuse(h)
	if !rangeable(h.Suite, o.AllowUnauthenticatedRanges) {
		r.add(unverifiedRange, rangesOption)
	}
	if len(r.options) > 0 {
		return r.error(h)
	}
	return o.Bind.check()
}

const (
	rangesOption    = "AllowUnauthenticatedRanges"
	unverifiedRange = "a range cannot be authenticated; it needs " + rangesOption
)

// rangeable says whether ranges of the format are verified, or need not be.
func rangeable(s Suite, allowed bool) bool { return allowed || s.info().format != nil }

// permitRange is about a range of an object that is open.
func permitRange(s Suite, allowed bool) error {
	if rangeable(s, allowed) {
		return nil
	}
	return &PolicyError{Option: rangesOption, Reason: unverifiedRange}
}

// CiphertextRange returns which part of the stored body [Opener.RangeReader]
// needs for n bytes of plaintext from offset off on: cn bytes from coff on.
// size is that of the whole stored body in bytes. A range that passes the end
// of the plaintext is clipped there; it never names the tag. If n is 0, so is
// cn.
//
// Of Chunked and DARE one part of the body does not do; the error wraps
// [errors.ErrUnsupported]. [Opener.CiphertextRanges] is for all formats.
//
// Without AllowUnauthenticatedRanges the error is a [*PolicyError]. One that
// starts at or past the end wraps [stream.ErrRange], except that with CBC only
// the reader can tell where the end is within the last block. Negative
// arguments are an error, and a size that no body can have is [ErrDecrypt] or
// wraps [stream.ErrTooLarge].
func (o *Opener) CiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	if o.content.format != nil {
		return 0, 0, fmt.Errorf("envelope: range: format %v needs more than one part of the body, see CiphertextRanges: %w",
			o.header.Suite, errors.ErrUnsupported)
	}
	return o.oneRange(off, n, size)
}

func (o *Opener) oneRange(off, n, size int64) (coff, cn int64, err error) {
	if err := permitRange(o.header.Suite, o.ranges); err != nil {
		return 0, 0, err
	}
	n, err = o.clip(off, n, size)
	if err != nil {
		return 0, 0, err
	}
	if n == 0 && o.content.empty {
		return 0, 0, nil
	}
	switch o.content.mode {
	case modeCBC:
		coff, cn, err = stream.CBCCiphertextRange(off, n, size)
	case modeCTR:
		coff, cn, err = stream.CTRCiphertextRange(off, n)
	default:
		coff, cn, err = stream.GCMCiphertextRange(off, n)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("envelope: range: %w", err)
	}
	return min(coff, size), cn, nil // nothing past the end is still within it
}

// clip returns how many of n bytes from off on the plaintext can have.
func (o *Opener) clip(off, n, size int64) (int64, error) {
	_, end, err := o.header.PlaintextSize(size)
	if err != nil {
		return 0, vague(err)
	}
	if off < 0 || n < 0 {
		return 0, fmt.Errorf("envelope: range of %d bytes from %d on: want neither to be negative", n, off)
	}
	if n > 0 && off >= end {
		return 0, fmt.Errorf("envelope: range from %d on of at most %d bytes: %w", off, end, stream.ErrRange)
	}
	return min(n, max(0, end-off)), nil
}

// A BodyRange is some of the stored bytes of a body: N of them from Off on.
type BodyRange struct {
	Off, N int64 // in bytes; N is 1 at least
}

// CiphertextRanges returns which parts of the stored body, of size bytes,
// [Opener.RangeReader] needs for n bytes of plaintext from offset off on, in the
// order in which it reads them. None is empty.
//
// For AWS's formats there is at most one, that of [Opener.CiphertextRange]. Of
// Chunked and DARE the parts are the start of the body, if it has a header; the
// end, which proves that the plaintext is as long as size says; and what holds
// the range, unless the former do. They overlap by no more than the end.
//
// Errors are those of CiphertextRange.
func (o *Opener) CiphertextRanges(off, n, size int64) ([]BodyRange, error) {
	if f := o.content.format; f != nil && !o.content.empty {
		n, err := o.clip(off, n, size)
		if err != nil {
			return nil, err
		}
		return ownRanges(f, off, n, size)
	}
	coff, cn, err := o.oneRange(off, n, size)
	if err != nil || cn == 0 {
		return nil, err
	}
	return []BodyRange{{coff, cn}}, nil
}

func ownRanges(f format.Format, off, n, size int64) ([]BodyRange, error) {
	head, tail := f.Edges(size)
	var coff, cn int64
	if n > 0 {
		var err error
		if coff, cn, err = f.CiphertextRange(off, n, size); err != nil {
			return nil, fmt.Errorf("envelope: range: %w", err)
		}
	}
	var parts []BodyRange
	for _, p := range []BodyRange{{0, head}, {size - tail, tail}, {coff, cn}} {
		if p.N > 0 && !holds(parts, p.Off, p.N) {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// holds reports whether one of parts holds n bytes from off on.
func holds(parts []BodyRange, off, n int64) bool {
	for _, p := range parts {
		if p.Off <= off && off+n <= p.Off+p.N {
			return true
		}
	}
	return false
}

// RangeReader returns n bytes of plaintext from offset off on, or as many as
// there are before the end. src must deliver what [Opener.CiphertextRanges]
// names for the same off, n and size, one part after the other.
//
// Of Chunked and DARE the range is authenticated, as is where the plaintext
// ends: nothing is returned that was not verified, up to 1 MiB at once. Altered
// content is [ErrDecrypt].
//
// All other plaintext is NOT authenticated: a tag covers the whole body, CBC and
// CTR have none, and whoever can alter the body can alter the range unnoticed.
// Nor does anything vouch for size, which decides where the end is. That is why
// it needs AllowUnauthenticatedRanges. From the call on, Authenticated is false.
//
// The reader yields that many bytes or an error, which wraps
// io.ErrUnexpectedEOF if src ends early. Of a CBC object, a range that reaches
// the last block is [ErrDecrypt] if the padding is not proper, and wraps
// [stream.ErrRange] if there is nothing but padding where it starts. Other
// errors and Close are as for [Opener.Reader] and CiphertextRange.
//
// The returned reader is not safe for concurrent use.
func (o *Opener) RangeReader(src io.Reader, off, n, size int64) (io.ReadCloser, error) {
	parts, err := o.CiphertextRanges(off, n, size)
	if err != nil {
		return nil, err
	}
	n, err = o.clip(off, n, size)
	if err != nil {
		return nil, err
	}
	if o.content.format != nil {
		return o.body(src, newVerifiedRange(o.content, src, parts, off, n, size), releasedVerified, nil)
	}
	dec, err := o.content.rangeReader(src, off, n, size)
	if err == nil {
		o.unverified.Add(1) // for ever
	}
	return o.body(src, dec, releasedForEver, err)
}

func (c *content) rangeReader(src io.Reader, off, n, size int64) (io.Reader, error) {
	switch c.mode {
	case modeCBC:
		return stream.NewCBCRangeReader(src, c.secret.key, c.iv, off, n, size)
	case modeCTR:
		return stream.NewPlainCTRRangeReader(src, c.secret.key, c.iv, off, n)
	}
	return stream.NewCTRRangeReader(src, c.secret.key, c.iv, off, n)
}
