// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"io"
	"sync"
)

// The jobs are not in the Writer, because most streams are short and feel its
// size.
var (
	fromSlices  = sync.Pool{New: func() any { return new(fromSlice) }}
	fromSources = sync.Pool{New: func() any { return new(fromSource) }}
)

// writeMany encrypts all the whole chunks at the front of p, on all cores.
func (w *Writer) writeMany(p []byte) (int, error) {
	j := fromSlices.Get().(*fromSlice)
	defer j.free()
	*j = fromSlice{toSink: toSink{w}, rest: p}
	err := Run(j)
	return j.taken, err
}

// readMany encrypts the chunks that src yields, on all cores, until src ends
// within one, which it leaves in the buffer. Nothing may be in there before.
func (w *Writer) readMany(src *Source) (int64, error) {
	j := fromSources.Get().(*fromSource)
	defer j.free()
	*j = fromSource{toSink: toSink{w}, src: src}
	err := Run(j)
	if err == nil {
		err = io.EOF
	}
	return j.taken, err
}

// toSink is what all runs of a writer have in common.
type toSink struct{ w *Writer }

func (j *toSink) Work(p *Piece) { j.w.Enc.Work(p) }

func (j *toSink) Consume(p *Piece) error {
	if j.w.Err != nil {
		return j.w.Err // the source has aborted the stream
	}
	j.w.Enc.Join(p)
	return j.w.emit(p.Out)
}

// fromSlice is a run over memory of the caller.
type fromSlice struct {
	toSink
	rest  []byte
	taken int // bytes that have left
}

func (j *fromSlice) free() {
	*j = fromSlice{}
	fromSlices.Put(j)
}

func (j *fromSlice) Produce(p *Piece) error {
	size := j.w.Size
	if len(j.rest) < size {
		return io.EOF
	}
	p.In, j.rest = j.rest[:size], j.rest[size:]
	j.w.Enc.Begin(p)
	return nil
}

func (j *fromSlice) Consume(p *Piece) error {
	if err := j.toSink.Consume(p); err != nil {
		return err
	}
	j.taken += len(p.In)
	return nil
}

// fromSource is a run over a source.
type fromSource struct {
	toSink
	src   *Source
	taken int64 // bytes that were read
}

func (j *fromSource) free() {
	*j = fromSource{}
	fromSources.Put(j)
}

func (j *fromSource) Produce(p *Piece) error {
	w := j.w
	for n := 0; n < w.Size; {
		m, err := w.read(j.src, p.Buf[n:w.Size])
		n += m
		j.taken += int64(m)
		if err == io.EOF {
			w.Buf, p.Buf, w.n = p.Buf, w.Buf, n
		}
		if err != nil {
			return err
		}
	}
	p.In = p.Buf[:w.Size]
	w.Enc.Begin(p)
	return nil
}
