// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"io"
)

// An encrypter is a mode as the encrypting writers and readers see it.
type encrypter interface {
	// admit accounts for n more bytes of plaintext, or refuses them all.
	admit(n int) error

	// update encrypts a chunk that is not the last of its stream. dst has
	// BlockSize bytes more than src, which it starts with or does not overlap.
	update(dst, src []byte)

	// final encrypts the last bytes, at most a chunk, in place and appends
	// what ends the stream, for which buf has BlockSize bytes of capacity.
	final(buf []byte) []byte

	// wipe clears what is as secret as the key.
	wipe()
}

// A writer gathers plaintext into chunks, encrypts them and passes them on.
type writer struct {
	dst   io.Writer
	enc   encrypter
	buf   *chunk
	size  int  // of a chunk
	n     int  // bytes of plaintext in buf
	later bool // a chunk has left already
	err   error
}

func newWriter(dst io.Writer, enc encrypter) writer {
	return writer{dst: dst, enc: enc, buf: newChunk(), size: chunkSize}
}

// fail ends the stream: every later call returns err.
func (w *writer) fail(err error) error {
	w.err = err
	w.enc.wipe()
	w.buf.free()
	w.buf = nil
	return err
}

func (w *writer) write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if err := w.enc.admit(len(p)); err != nil {
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
func (w *writer) accept(p []byte) (int, error) {
	if w.n == w.size {
		if err := w.flush(w.buf[:w.size]); err != nil {
			return 0, err
		}
	}
	if w.n == 0 && (len(p) > w.size || w.later && len(p) == w.size) {
		return w.size, w.flush(p[:w.size])
	}
	n := copy(w.buf[w.n:w.size], p)
	w.n += n
	if w.n == w.size && w.later {
		return n, w.flush(w.buf[:w.size])
	}
	return n, nil
}

// flush encrypts the chunk src into the buffer and passes it on.
func (w *writer) flush(src []byte) error {
	w.enc.update(w.buf[:], src)
	w.n, w.later = 0, true
	return w.emit(w.buf[:w.size])
}

func (w *writer) emit(p []byte) error {
	w.err = errWriting
	_, err := writeSink(w.dst, p)
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
func (w *writer) returned(standIn error) error {
	if w.err != standIn {
		return w.fail(w.err)
	}
	w.err = nil
	return nil
}

func (w *writer) readFrom(r io.Reader) (total int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	src := source{r: r}
	for {
		if w.n == w.size {
			if err := w.flush(w.buf[:w.size]); err != nil {
				return total, err
			}
		}
		w.err = errReading
		n, err := src.read(w.buf[w.n:w.size])
		if err := w.returned(errReading); err != nil {
			return total, err
		}
		if err == io.EOF {
			return total, nil
		}
		if err == nil {
			err = w.enc.admit(n)
		}
		if err != nil {
			return total, w.fail(err)
		}
		w.n += n
		total += int64(n)
	}
}

func (w *writer) close() error {
	if w.err != nil {
		if w.err == ErrClosed {
			return nil
		}
		return w.err
	}
	if err := w.emit(w.enc.final(w.buf[:w.n])); err != nil {
		return err
	}
	w.fail(ErrClosed)
	return nil
}

// abort may be called from inside the source or the sink: then the buffer is
// in use, and the stream ends when the call returns.
func (w *writer) abort(err error) {
	if err == nil {
		err = ErrAborted
	} else {
		err = fmt.Errorf("%w: %w", ErrAborted, err)
	}
	switch w.err {
	case nil:
		w.fail(err)
	case errReading, errWriting:
		w.err = err
	}
}
