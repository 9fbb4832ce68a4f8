// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A push is a way to hand a stream to a writer.
type push struct {
	split
	readFrom int // every so many calls is a ReadFrom, if there is one; 0: none
}

func (p push) String() string {
	switch p.readFrom {
	case 0:
		return "writes: " + p.name
	case 1:
		return "ReadFrom: " + p.name
	}
	return "Write and ReadFrom in turns: " + p.name
}

// pushes returns ways to write a stream of n bytes.
func pushes(n int) []push {
	var list []push
	for _, s := range splits(n) {
		list = append(list, push{s, 0})
	}
	for seed := range uint64(4) {
		list = append(list, push{randomSplit(200+seed, n), 2})
	}
	all := split{"all at once", []int{n + 1}}
	return append(list, push{all, 1}, push{split{"two halves", []int{n/2 + 1}}, 1})
}

// A writing is one stream that is being written.
type writing struct {
	w    io.WriteCloser
	dst  *sink
	cage *cage
}

// all writes data. It returns the first error of the type, and apart from that
// the first breach of what every writer promises.
func (w *writing) all(data []byte, p push) (err, breach error) {
	for i := 0; err == nil && breach == nil; i++ {
		if len(data) == 0 && p.size(i) > 0 {
			break // but empty calls are made at the end as well
		}
		piece := data[:min(p.size(i), len(data))]
		if r, ok := w.w.(io.ReaderFrom); ok && p.readFrom > 0 && i%p.readFrom == 0 {
			err, breach = w.readFrom(r, plain(piece))
		} else {
			err, breach = w.write(piece)
		}
		data = data[len(piece):]
	}
	return err, breach
}

// write calls Write once, and spoils what it was given afterwards, which can
// be seen in the output of a type that holds on to it.
func (w *writing) write(data []byte) (err, breach error) {
	arena, breach := w.cage.arena(len(data))
	if breach != nil {
		return nil, breach
	}
	p := arena[guard:][:len(data)]
	copy(p, data)
	n, err := w.w.Write(p)
	switch {
	case n < 0 || n > len(p):
		return err, fmt.Errorf("Write of %d bytes returned a count of %d", len(p), n)
	case n < len(p) && err == nil:
		return err, fmt.Errorf("Write of %d bytes returned %d, nil", len(p), n)
	case !bytes.Equal(p, data):
		return err, fmt.Errorf("Write changed its input at +%d", differ(p, data))
	}
	breach = w.cage.intact(arena, len(p))
	for i := range p {
		p[i] ^= 0xff
	}
	w.cage.restore(arena, len(p))
	return err, errors.Join(breach, w.dst.broken)
}

// readFrom calls ReadFrom once.
func (w *writing) readFrom(r io.ReaderFrom, src *source) (err, breach error) {
	n, err := r.ReadFrom(src)
	switch {
	case n < 0 || n > int64(src.pos):
		return err, fmt.Errorf("ReadFrom returned a count of %d, but has read %d bytes", n, src.pos)
	case err == nil && n < int64(len(src.data)):
		return err, fmt.Errorf("ReadFrom returned %d, nil for a source of %d bytes", n, len(src.data))
	case err == io.EOF:
		return err, errors.New("ReadFrom returned io.EOF")
	}
	return err, errors.Join(src.broken, w.dst.broken)
}

// finish writes data and closes the stream.
func (w *writing) finish(data []byte, p push) (err, breach error) {
	if err, breach = w.all(data, p); err == nil && breach == nil {
		err = w.w.Close()
	}
	return err, errors.Join(breach, w.dst.broken, w.cage.inspect())
}

// again calls a stream that has failed, or was aborted, in every way that
// might complete it after all.
func (w *writing) again(first error) error {
	calls := w.dst.calls
	for range 2 {
		if err := w.deaf(first); err != nil {
			return fmt.Errorf("sticky: %w", err)
		}
		if err := repeats(first, w.w.Close()); err != nil {
			return fmt.Errorf("sticky: Close after the failure: %w", err)
		}
		if a, ok := w.w.(aborter); ok {
			a.Abort(errors.New("another reason"))
		}
	}
	if w.dst.calls > calls {
		return fmt.Errorf("sticky: it goes on writing to its sink after the failure, %v", first)
	}
	return errors.Join(w.dst.broken, w.cage.inspect())
}

// deaf checks that the stream takes no more, and says why.
func (w *writing) deaf(first error) error {
	if n, err := w.w.Write(nil); n != 0 || err != nil && repeats(first, err) != nil {
		return fmt.Errorf("empty Write after the failure returned %d, %v, want the first error, %v, or none", n, err, first)
	}
	n, err := w.w.Write([]byte{1})
	if n != 0 {
		return fmt.Errorf("Write after the failure took %d bytes", n)
	}
	if err := repeats(first, err); err != nil {
		return fmt.Errorf("Write after the failure: %w", err)
	}
	r, ok := w.w.(io.ReaderFrom)
	if !ok {
		return nil
	}
	src := plain([]byte{1})
	if n, err := r.ReadFrom(src); n != 0 || src.calls > 0 {
		return fmt.Errorf("ReadFrom after the failure read its source, and returned %d, %v", n, err)
	} else if err := repeats(first, err); err != nil {
		return fmt.Errorf("ReadFrom after the failure: %w", err)
	}
	return nil
}

// An aborter can end a stream without completing it.
type aborter interface{ Abort(err error) }
