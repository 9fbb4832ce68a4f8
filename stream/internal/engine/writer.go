// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"io"
)

const (
	// bulk is how many chunks a call must ask for to be worth other cores.
	bulk = 8

	// most is how many chunks a single Read waits for.
	most = 32
)

// An Encrypter is a mode as the encrypting writers and readers see it.
type Encrypter interface {
	// Admit accounts for n more bytes of plaintext, or refuses them all.
	Admit(n int) error

	// Begin gives a piece its place behind those begun before. The piece is a
	// whole chunk and not the last of the stream.
	Begin(p *Piece)

	// Work encrypts p.In and sets p.Out. If Parallel, it may be called by any
	// goroutine and for several pieces at once. It may leave nothing in p.Buf
	// that is as secret as the key.
	Work(p *Piece)

	// Join is called in the order of Begin, after Work.
	Join(p *Piece)

	// Final encrypts p.In, the last bytes, at most a chunk, which lie in p.Buf,
	// and sets p.Out to that and what ends the stream. It stands for all three
	// steps.
	Final(p *Piece)

	// Parallel says whether pieces may be worked on before those in front of
	// them are done.
	Parallel() bool

	// Wipe clears what is as secret as the key.
	Wipe()
}

// A Writer gathers plaintext into chunks, encrypts them and passes them on.
type Writer struct {
	dst   io.Writer
	Enc   Encrypter
	Buf   *Chunk
	Size  int  // of a chunk
	n     int  // bytes of plaintext in Buf
	used  int  // bytes of Buf that have held plaintext, until one has left
	later bool // a chunk has left already
	Err   error
	piece Piece // for chunks that go alone
}

// Init makes a new Writer write what enc makes of chunks of size bytes, at most
// [ChunkSize], to dst.
func (w *Writer) Init(dst io.Writer, enc Encrypter, size int) {
	w.dst, w.Enc, w.Buf, w.Size = dst, enc, NewChunk(), size
}

// fail ends the stream: every later call returns err.
func (w *Writer) fail(err error) error {
	w.Err = err
	w.Enc.Wipe()
	if w.later {
		w.used = len(w.Buf)
	}
	w.Buf.FreeFirst(w.used)
	w.Buf = nil
	w.piece = Piece{}
	return err
}

// Write encrypts p.
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
		p = p[n:]
		if err != nil {
			return total - len(p), w.fail(err)
		}
	}
	return total, nil
}

// accept takes the first bytes of p, which is not empty, and returns how many
// have left or are in the buffer, also with an error.
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
		if len(p) >= bulk*w.Size && w.ahead() {
			return w.writeMany(p)
		}
		if err := w.flush(p[:w.Size]); err != nil {
			return 0, err
		}
		return w.Size, nil
	}
	n := copy(w.Buf[w.n:w.Size], p)
	w.n += n
	w.used = w.n
	if w.n == w.Size && w.later {
		if err := w.flush(w.Buf[:w.Size]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// ahead says whether whole chunks may now be run, and that would help.
func (w *Writer) ahead() bool { return w.later && w.n == 0 && w.Enc.Parallel() && Cores() > 1 }

// flush encrypts the chunk src into the buffer and passes it on.
func (w *Writer) flush(src []byte) error {
	p := &w.piece
	p.In, p.Buf = src, w.Buf
	w.n, w.later = 0, true
	w.Enc.Begin(p)
	w.Enc.Work(p)
	w.Enc.Join(p)
	return w.emit(p.Out)
}

// emit passes p on to the sink.
func (w *Writer) emit(p []byte) error {
	w.Err = errWriting
	_, err := WriteSink(w.dst, p)
	if err := w.returned(errWriting); err != nil {
		return err
	}
	return err
}

// returned ends the time in which Err is a stand-in, because the source or the
// sink is at work. If Abort was called from in there, Err is no longer the
// stand-in but what Abort has left, and the stream must end now.
func (w *Writer) returned(standIn error) error {
	if w.Err != standIn {
		return w.Err
	}
	w.Err = nil
	return nil
}

// read reads from src into p, and admits what comes.
func (w *Writer) read(src *Source, p []byte) (int, error) {
	w.Err = errReading
	w.used = w.Size // who fails may have written anywhere
	n, err := src.Read(p)
	if err == nil || err == io.EOF {
		w.used = w.n + n
	}
	if err := w.returned(errReading); err != nil {
		return 0, err
	}
	if err == nil {
		err = w.Enc.Admit(n)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// ReadFrom encrypts what r yields until its end.
func (w *Writer) ReadFrom(r io.Reader) (total int64, err error) {
	if w.Err != nil {
		return 0, w.Err
	}
	src := Source{R: r}
	for {
		if w.n == w.Size {
			err = w.flush(w.Buf[:w.Size])
		}
		if err == nil {
			var n int64
			n, err = w.pull(&src)
			total += n
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, w.fail(err)
		}
	}
}

// pull takes some bytes from src.
func (w *Writer) pull(src *Source) (int64, error) {
	if w.ahead() {
		return w.readMany(src)
	}
	n, err := w.read(src, w.Buf[w.n:w.Size])
	w.n += n
	return int64(n), err
}

// Close finishes the stream.
func (w *Writer) Close() error {
	if w.Err != nil {
		if w.Err == ErrClosed {
			return nil
		}
		return w.Err
	}
	p := &w.piece
	p.In, p.Buf = w.Buf[:w.n], w.Buf
	w.Enc.Final(p)
	if err := w.emit(p.Out); err != nil {
		return w.fail(err)
	}
	w.fail(ErrClosed)
	return nil
}

// Abort ends the stream without what would make it whole. It may be called
// from inside the source or the sink: then buffers are in use, and the stream
// ends when the call returns.
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
