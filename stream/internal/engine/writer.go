// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"io"
)

// An Encrypter is a mode as the encrypting writers and readers see it.
type Encrypter interface {
	// Admit accounts for n more bytes of plaintext, or refuses them all.
	Admit(n int) error

	// Update encrypts a chunk that is not the last of its stream. dst has
	// Overhead bytes more than src, which it starts with or does not overlap.
	Update(dst, src []byte)

	// Final encrypts the last bytes, at most a chunk, in place and appends
	// what ends the stream, for which buf has Overhead bytes of capacity.
	Final(buf []byte) []byte

	// Wipe clears what is as secret as the key.
	Wipe()
}

// A Writer gathers plaintext into chunks, encrypts them and passes them on.
type Writer struct {
	dst   io.Writer
	Enc   Encrypter
	Buf   *Chunk
	Size  int  // of a chunk
	n     int  // bytes of plaintext in buf
	later bool // a chunk has left already
	Err   error
}

// NewWriter returns a Writer that writes what enc makes to dst.
func NewWriter(dst io.Writer, enc Encrypter) Writer {
	return Writer{dst: dst, Enc: enc, Buf: NewChunk(), Size: ChunkSize}
}

// fail ends the stream: every later call returns err.
func (w *Writer) fail(err error) error {
	w.Err = err
	w.Enc.Wipe()
	w.Buf.Free()
	w.Buf = nil
	return err
}

func (w *Writer) Write(p []byte) (int, error) {
	if w.Err != nil {
		return 0, w.Err
	}
	if err := w.Enc.Admit(len(p)); err != nil {
		return 0, w.fail(err)
	}
	total := len(p)
	for len(p) > 0 {
		n, err := w.accept(p)
		if err != nil {
			return total - len(p), err
		}
		p = p[n:]
	}
	return total, nil
}

// accept takes the first bytes of p, which is not empty.
//
// The first chunk stays in the buffer until a byte follows it, because a
// stream of one chunk takes another path than longer ones.
func (w *Writer) accept(p []byte) (int, error) {
	if w.n == w.Size {
		if err := w.flush(w.Buf[:w.Size]); err != nil {
			return 0, err
		}
	}
	if w.n == 0 && (len(p) > w.Size || w.later && len(p) == w.Size) {
		return w.Size, w.flush(p[:w.Size])
	}
	n := copy(w.Buf[w.n:w.Size], p)
	w.n += n
	if w.n == w.Size && w.later {
		return n, w.flush(w.Buf[:w.Size])
	}
	return n, nil
}

// flush encrypts the chunk src into the buffer and passes it on.
func (w *Writer) flush(src []byte) error {
	w.Enc.Update(w.Buf[:], src)
	w.n, w.later = 0, true
	return w.emit(w.Buf[:w.Size])
}

func (w *Writer) emit(p []byte) error {
	w.Err = errWriting
	_, err := WriteSink(w.dst, p)
	if err := w.returned(errWriting); err != nil {
		return err
	}
	if err != nil {
		return w.fail(err)
	}
	return nil
}

// returned ends the time in which err is a stand-in, because the source or the
// sink is at work. If abort was called from in there, err is no longer the
// stand-in but what abort has left, and the stream ends now.
func (w *Writer) returned(standIn error) error {
	if w.Err != standIn {
		return w.fail(w.Err)
	}
	w.Err = nil
	return nil
}

func (w *Writer) ReadFrom(r io.Reader) (total int64, err error) {
	if w.Err != nil {
		return 0, w.Err
	}
	src := Source{R: r}
	for {
		if w.n == w.Size {
			if err := w.flush(w.Buf[:w.Size]); err != nil {
				return total, err
			}
		}
		w.Err = errReading
		n, err := src.Read(w.Buf[w.n:w.Size])
		if err := w.returned(errReading); err != nil {
			return total, err
		}
		if err == io.EOF {
			return total, nil
		}
		if err == nil {
			err = w.Enc.Admit(n)
		}
		if err != nil {
			return total, w.fail(err)
		}
		w.n += n
		total += int64(n)
	}
}

func (w *Writer) Close() error {
	if w.Err != nil {
		if w.Err == ErrClosed {
			return nil
		}
		return w.Err
	}
	if err := w.emit(w.Enc.Final(w.Buf[:w.n])); err != nil {
		return err
	}
	w.fail(ErrClosed)
	return nil
}

// Abort may be called from inside the source or the sink: then the buffer is
// in use, and the stream ends when the call returns.
func (w *Writer) Abort(err error) {
	if err == nil {
		err = ErrAborted
	} else {
		err = fmt.Errorf("%w: %w", ErrAborted, err)
	}
	switch w.Err {
	case nil:
		w.fail(err)
	case errReading, errWriting:
		w.Err = err
	}
}
