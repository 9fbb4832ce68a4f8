// SPDX-License-Identifier: Apache-2.0

package engine

import "io"

// A Feed is what a reader of this module yields, piece by piece.
type Feed interface {
	// Next returns the next piece, which may be empty and is valid until the
	// next call. The last piece comes with io.EOF; any other error comes
	// alone. It is not called again after an error.
	Next() ([]byte, error)

	// Many returns the most bytes that come of a piece if the next ones may be
	// worked on by all cores, by the methods below, and 0 if not.
	Many() int

	// Produce reads a piece into p.Buf and begins it. io.EOF means that what
	// follows is left to Next.
	Produce(p *Piece) error

	// Work may be called by any goroutine and for several pieces at once.
	Work(p *Piece)

	// Join sets p.Out, if Work has not. It is called in the order of Produce.
	Join(p *Piece) error

	// Wipe clears what is secret and gives buffers back. It is called once,
	// when the last piece has been used up.
	Wipe()
}

// A Puller is the io.Reader and io.WriterTo of a Feed.
type Puller struct {
	F   Feed
	out []byte // of the current piece, what was not read yet
	end bool   // it is the last
	Err error
}

// more makes sure that there is something in out.
//
// While the feed is at work Err is a stand-in, as in a [Writer]: a source that
// does not return, or a Read from inside of it or beside it, must not have
// buffers given back into which that source still writes.
func (r *Puller) more() error {
	for r.Err == nil && len(r.out) == 0 {
		r.Err = errReading
		out, err := r.F.Next()
		r.Err = nil
		if err != nil && err != io.EOF {
			return r.fail(err)
		}
		r.end = err == io.EOF
		r.use(out)
	}
	return r.Err
}

// use sets what is left of the current piece. The end is taken note of with
// the last byte, not with the Read after it: who knows the size of a stream
// may never call that one, and the buffers would be lost.
func (r *Puller) use(left []byte) {
	r.out = left
	if r.end && len(left) == 0 {
		r.fail(io.EOF)
	}
}

// fail ends the stream: every later call returns err.
func (r *Puller) fail(err error) error {
	r.Err = err
	r.out = nil
	r.F.Wipe()
	return err
}

// Read yields up to len(p) bytes.
func (r *Puller) Read(p []byte) (int, error) {
	if r.Err != nil || len(p) == 0 {
		return 0, r.Err
	}
	if n, err := r.readMany(p); n > 0 || err != nil {
		return n, err
	}
	if err := r.more(); err != nil {
		return 0, err
	}
	n := copy(p, r.out)
	r.use(r.out[n:])
	return n, nil
}

// WriteTo yields all that is left.
func (r *Puller) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		m, err := r.writeMany(dst)
		n += m
		if err != nil {
			return n, err
		}
		if err := r.more(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		m, err = r.emit(dst, r.out)
		n += m
		if err != nil {
			return n, r.fail(err)
		}
		r.use(nil)
	}
}

// emit passes p on to the sink.
func (r *Puller) emit(dst io.Writer, p []byte) (int64, error) {
	before := r.Err
	r.Err = errWriting
	n, err := WriteSink(dst, p)
	r.Err = before
	return int64(n), err
}
