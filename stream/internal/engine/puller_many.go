// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"io"
	"sync"
)

// The jobs are not in the Puller, because most streams are short and feel its
// size.
var (
	toSlices  = sync.Pool{New: func() any { return new(toSlice) }}
	toWriters = sync.Pool{New: func() any { return new(toWriter) }}
)

// readMany reads whole pieces into p, on all cores, if that pays. It reads
// nothing if it does not, or if the source has ended.
func (r *Puller) readMany(p []byte) (int, error) {
	size := r.F.Many()
	if size == 0 || len(p) < bulk*size || len(r.out) > 0 || Cores() == 1 {
		return 0, nil
	}
	j := toSlices.Get().(*toSlice)
	defer j.free()
	*j = toSlice{Feed: r.F, p: p, left: min(len(p)/size, most)}
	err := r.run(j)
	if j.n > 0 {
		err = nil // the next Read returns it
	}
	return j.n, err
}

// writeMany writes whole pieces to dst, on all cores, until the source ends.
func (r *Puller) writeMany(dst io.Writer) (int64, error) {
	if r.Err != nil || len(r.out) > 0 || r.F.Many() == 0 || Cores() == 1 {
		return 0, nil
	}
	j := toWriters.Get().(*toWriter)
	defer j.free()
	*j = toWriter{Feed: r.F, r: r, dst: dst}
	err := r.run(j)
	return j.n, err
}

// run lets all cores work for this reader, which fails if they do.
func (r *Puller) run(j Job) error {
	r.Err = errReading
	err := Run(j)
	r.Err = nil
	if err != nil {
		r.fail(err)
	}
	return err
}

// toSlice is a run for a single Read.
type toSlice struct {
	Feed
	p    []byte
	n    int // bytes read
	left int // pieces that still fit
}

func (j *toSlice) free() {
	*j = toSlice{}
	toSlices.Put(j)
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

func (j *toWriter) free() {
	*j = toWriter{}
	toWriters.Put(j)
}

func (j *toWriter) Consume(p *Piece) error {
	if err := j.Join(p); err != nil {
		return err
	}
	n, err := j.r.emit(j.dst, p.Out)
	j.n += n
	return err
}
