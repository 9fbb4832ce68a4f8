// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// writerBuffer is what ReadFrom reads at once: as much as a stream encrypts
// at once.
const writerBuffer = 128 << 10

// ErrAborted is wrapped by the errors of a [Writer] after Abort.
var ErrAborted = errors.New("backend: upload aborted")

var errPanicked = errors.New("backend: source did not return")

// A Writer seals what is written to it into one object, which exists once
// Close has returned nil and not before. Use [Bucket.Create].
//
// Close means "this is the whole plaintext". Where it is not, because whatever
// produces the plaintext has failed, Abort must be called instead: then
// nothing is stored and an object that was there is intact. A Writer must be
// ended by Close or Abort, or by cancelling the context of Create; until then
// it holds a goroutine. After the first error all calls return it.
//
// A Writer is not safe for concurrent use, but Abort may be called at any time
// from any goroutine.
type Writer struct {
	key    string
	pipe   *io.PipeWriter
	cancel context.CancelFunc
	done   chan struct{} // closed when the upload has ended
	info   *ObjectInfo   // of a successful upload, once done is closed

	mu     sync.Mutex
	closed bool  // Close has begun, so the upload can no longer be aborted
	err    error // first error; repeated by every later call
}

var (
	_ io.WriteCloser = (*Writer)(nil)
	_ io.ReaderFrom  = (*Writer)(nil)
)

// Create begins an object of unknown size under key. The caller writes the
// plaintext and then calls Close or Abort:
//
//	w, err := bucket.Create(ctx, key, nil)
//	if err != nil {
//		return err
//	}
//	defer w.Abort(nil) // does nothing after Close
//	if _, err := io.Copy(w, src); err != nil {
//		return err
//	}
//	return w.Close()
//
// When ctx is done before Close has returned, the upload is aborted. What
// [Bucket.Put] says about opts and about errors holds here too. Errors that can
// be known before the storage is used are returned at once, those of the
// storage by a later Write or by Close; with DARE, which has to know whether
// there is any plaintext, those of the key come later, too.
func (b *Bucket) Create(ctx context.Context, key string, opts *PutOptions) (*Writer, error) {
	begin, err := b.beginLater(ctx, key, opts)
	if err != nil {
		return nil, opError("create", key, err)
	}
	pr, pw := io.Pipe()
	inner, cancel := context.WithCancel(ctx)
	w := &Writer{key: key, pipe: pw, cancel: cancel, done: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() {
		w.abort(opError("create", key, ctx.Err()))
	})
	go func() {
		defer close(w.done)
		defer cancel()
		defer stop()
		w.upload(inner, begin, pr)
	}()
	return w, nil
}

// upload runs in a goroutine of its own until the pipe ends or the storage
// fails.
func (w *Writer) upload(ctx context.Context, begin beginning, src *io.PipeReader) {
	u, plain, err := begin(ctx, src)
	if err == nil {
		if w.info, err = u.run(ctx, plain); err == nil {
			return
		}
	}
	w.fail(opError("create", w.key, err))
	src.CloseWithError(err) // lets a Write that waits go on
}

// fail keeps the first error.
func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// state returns the error that calls have to return, if any.
func (w *Writer) state() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && w.closed {
		return opError("create", w.key, fs.ErrClosed)
	}
	return w.err
}

// Write seals p. It returns when p has been taken over, which does not mean
// that it is stored. It never retains or modifies p.
//
// If the upload has failed or was aborted, Write returns that error.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.state(); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := w.pipe.Write(p)
	if err != nil { // whoever broke the pipe has said why before
		err = w.state()
	}
	return n, err
}

// ReadFrom seals all of src. If src fails, the upload is aborted: what was
// read so far is not the whole plaintext, and a Close that comes all the same
// must not make an object of it.
func (w *Writer) ReadFrom(src io.Reader) (int64, error) {
	if err := w.state(); err != nil {
		return 0, err
	}
	// No context: that of Create makes the writes fail.
	body := newBodyReader(context.Background(), src, -1, "read source")
	buf := make([]byte, writerBuffer)
	defer clear(buf)
	returned := false
	defer func() {
		if !returned { // src has panicked: a deferred Close must not sign half of it
			w.Abort(errPanicked)
		}
	}()
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, body, buf)
	if cause := body.Err(); cause != nil {
		w.Abort(cause)
		err = w.state()
	}
	returned = true
	return n, err
}

// Close ends the plaintext, waits until the object is stored, and returns nil
// only if it is. After Abort, or if anything has failed before, it returns
// that error and nothing is stored. A second call returns what the first
// returned.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.err == nil && !w.closed {
		w.closed = true
		w.pipe.Close()
	}
	w.mu.Unlock()
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Abort gives the upload up and waits until nothing is left of it. Write and
// Close then return an error that wraps [ErrAborted] and, if it is not nil,
// err. Abort does nothing once Close has been called, so it can be deferred.
func (w *Writer) Abort(err error) {
	reason := opError("create", w.key, ErrAborted)
	if err != nil {
		// Never err itself: io.EOF would end the plaintext instead.
		reason = fmt.Errorf("%w: %w", reason, err)
	}
	if w.abort(reason) {
		<-w.done
	}
}

// abort makes the upload fail with err. It reports false if it is too late.
func (w *Writer) abort(err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if w.err == nil {
		w.err = err
	}
	w.pipe.CloseWithError(w.err)
	w.cancel() // in case the storage does not read but waits
	return true
}

// Info describes the object after Close has returned nil; before, or if the
// upload has failed, it returns nil.
func (w *Writer) Info() *ObjectInfo {
	select {
	case <-w.done:
		return w.info
	default:
		return nil
	}
}
