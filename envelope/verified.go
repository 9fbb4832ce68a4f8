// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope/internal/format"
)

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

// verifiedStep is how much plaintext is asked for at once. It begins and ends
// where something is verified as a whole, so that nothing is read twice.
const verifiedStep = 1 << 20

// A verifiedRange is a range of the plaintext of a format that verifies what it
// reads at any offset. It relies on bodyReader for sticky errors.
type verifiedRange struct {
	content  *content
	src      *partedReader
	at       format.ReaderAt // nil until the edges were read
	size     int64
	off, end int64 // of the plaintext that is left
	buf      []byte
	out      []byte // what is left of buf
}

func newVerifiedRange(c *content, src io.Reader, parts []BodyRange, off, n, size int64) *verifiedRange {
	return &verifiedRange{content: c, src: newPartedReader(src, parts, c.format, size), size: size, off: off, end: off + n}
}

// Read yields verified plaintext.
func (r *verifiedRange) Read(p []byte) (int, error) {
	if len(r.out) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.out)
	clear(r.out[:n])
	r.out = r.out[n:]
	return n, nil
}

// fill decrypts the next step.
func (r *verifiedRange) fill() (err error) {
	if r.at == nil {
		// Also for a range without a byte, which nothing else would verify.
		at, err := r.content.format.ReaderAt(r.src, r.size, r.content.params())
		if err != nil {
			return err
		}
		r.at = at
	}
	if r.off >= r.end {
		return io.EOF
	}
	n := min(r.end, (r.off/verifiedStep+1)*verifiedStep) - r.off
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, min(verifiedStep, r.end-r.off))
	}
	m, err := r.at.ReadAt(r.buf[:n], r.off)
	if int64(m) < n {
		clear(r.buf[:max(m, 0)])
		if err == nil || err == io.EOF {
			err = ErrDecrypt // the plaintext has the size that it should have, so there was more
		}
		return err
	}
	r.out, r.off = r.buf[:n], r.off+n
	return nil
}

// Close clears what was decrypted and not read.
func (r *verifiedRange) Close() error {
	clear(r.out)
	r.out, r.off = nil, r.end
	return nil
}

// A partedReader is an io.ReaderAt over a reader that delivers some parts of a
// body: the edges, which it keeps, and one more part, which can only be read
// from its front to its end.
type partedReader struct {
	src   io.Reader
	edges []BodyRange
	kept  [][]byte
	pos   int64 // of the next byte of src, once the edges were read
	err   error // of src, for ever
}

func newPartedReader(src io.Reader, parts []BodyRange, f format.Format, size int64) *partedReader {
	r := &partedReader{src: &steadyReader{src: countedReader{src}}}
	head, tail := f.Edges(size)
	for _, p := range parts {
		if len(r.edges) < 2 && (p == BodyRange{0, head} || p == BodyRange{size - tail, tail}) {
			r.edges = append(r.edges, p)
		} else {
			r.pos = p.Off
		}
	}
	return r
}

// ReadAt serves what the edges hold from there, and all else in ascending order.
func (r *partedReader) ReadAt(p []byte, off int64) (int, error) {
	if len(r.kept) < len(r.edges) {
		r.keepEdges()
	}
	for i, e := range r.edges {
		if i < len(r.kept) && holds([]BodyRange{e}, off, int64(len(p))) {
			return copy(p, r.kept[i][off-e.Off:]), nil
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	if off != r.pos {
		return 0, errOrder
	}
	n, err := io.ReadFull(r.src, p)
	r.pos += int64(n)
	r.err = err
	return n, err
}

var errOrder = errors.New("envelope: internal error: range is not read in order")

func (r *partedReader) keepEdges() {
	for _, e := range r.edges[len(r.kept):] {
		b := make([]byte, e.N)
		if r.err == nil {
			_, r.err = io.ReadFull(r.src, b)
		}
		if r.err != nil {
			return
		}
		r.kept = append(r.kept, b)
	}
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

// A steadyReader gives up on a reader that never gets anywhere, which io.ReadFull
// would ask for ever.
type steadyReader struct {
	src  io.Reader
	idle int
}

func (r *steadyReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if r.idle++; n > 0 || len(p) == 0 {
		r.idle = 0
	}
	if err == nil && r.idle == 100 {
		err = io.ErrNoProgress
	}
	return n, err
}
