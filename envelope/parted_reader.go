// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"io"

	"github.com/s3seal/s3seal/envelope/internal/format"
)

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
