// SPDX-License-Identifier: Apache-2.0

package engine

import "io"

// readMany reads whole pieces into p, on all cores, if that pays. It reads
// nothing if it does not, or if the source has ended.
func (r *Puller) readMany(p []byte) (int, error) {
	size := r.F.Many()
	if size == 0 || len(r.out) > 0 || len(p) < bulk*size {
		return 0, nil
	}
	j := &r.slice
	*j = toSlice{Feed: r.F, p: p, left: len(p) / size}
	defer func() { j.p = nil }()
	if err := Run(j); err != nil {
		r.fail(err) // the next Read returns it again
		if j.n == 0 {
			return 0, err
		}
	}
	return j.n, nil
}

// writeMany writes whole pieces to dst, on all cores, until the source ends.
func (r *Puller) writeMany(dst io.Writer) (int64, error) {
	if r.Err != nil || len(r.out) > 0 || r.F.Many() == 0 {
		return 0, nil
	}
	j := &r.to
	*j = toWriter{Feed: r.F, r: r, dst: dst}
	defer func() { j.dst = nil }()
	if err := Run(j); err != nil {
		return j.n, r.fail(err)
	}
	return j.n, nil
}

// toSlice is a run for a single Read.
type toSlice struct {
	Feed
	p    []byte
	n    int // bytes read
	left int // pieces that still fit
}

func (j *toSlice) Produce(p *Piece) error {
	if j.left == 0 {
		return io.EOF
	}
	j.left--
	return j.Feed.Produce(p)
}

func (j *toSlice) Consume(p *Piece) error {
	if err := j.Join(p); err != nil {
		return err
	}
	j.n += copy(j.p[j.n:], p.Out)
	return nil
}

// toWriter is a run for WriteTo.
type toWriter struct {
	Feed
	r   *Puller
	dst io.Writer
	n   int64 // bytes written
}

func (j *toWriter) Consume(p *Piece) error {
	if err := j.Join(p); err != nil {
		return err
	}
	n, err := j.r.emit(j.dst, p.Out)
	j.n += n
	return err
}
