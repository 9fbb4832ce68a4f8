// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// An upload is a multipart upload under way. The goroutine that called Put
// reads the body into buffers, or files, and starts a goroutine for each part.
type upload struct {
	d      *Driver
	info   *backend.Info // of the object to be
	opts   *backend.PutOptions
	id     string
	caller context.Context         // of Put
	ctx    context.Context         // done when caller is or something failed; its cause is what
	cancel context.CancelCauseFunc // sets the cause, the first time
	free   chan []byte             // buffers that are not in use; nil where none was made yet
	files  chan struct{}           // has one for each part that is in a file
	wg     sync.WaitGroup          // of the parts on their way
	mu     sync.Mutex              // of parts
	parts  []backend.Part
	over   bool // completed or aborted: nothing to clean up
}

// putParts stores first and what src has left as a multipart upload, and
// completes info.
func (d *Driver) putParts(ctx context.Context, info *backend.Info, src *source, first []byte, plan layout, headers minio.PutObjectOptions, opts *backend.PutOptions) (err error) {
	u, err := d.newUpload(ctx, info, headers, opts)
	if err != nil {
		return fmt.Errorf("start upload: %w", err)
	}
	defer func() { // deferred: a body may panic
		if err = errors.Join(err, u.abort()); err == nil {
			u.recycle()
		}
	}()
	if err := u.sendAll(src, first, plan); err != nil {
		return err
	}
	return u.complete()
}

func (d *Driver) newUpload(ctx context.Context, info *backend.Info, headers minio.PutObjectOptions, opts *backend.PutOptions) (*upload, error) {
	id, err := d.startUpload(ctx, info.Key, headers, opts)
	if err != nil {
		return nil, err
	}
	u := &upload{d: d, info: info, opts: opts, id: id, caller: ctx, free: make(chan []byte, d.concurrency), files: make(chan struct{}, maxSpooled)}
	u.ctx, u.cancel = context.WithCancelCause(ctx)
	for range d.concurrency {
		u.free <- nil
	}
	return u, nil
}

// sendAll uploads all parts. It returns when they are there, or with the first
// failure; parts may then still be on their way.
func (u *upload) sendAll(src *source, first []byte, plan layout) error {
	for n := 0; ; n++ {
		p, last, err := u.next(src, first, plan.size(n))
		if err != nil {
			return err
		}
		first = nil
		u.info.Size += p.size
		if n >= u.d.maxParts || u.info.Size > u.d.maxSize {
			err := fmt.Errorf("%w: want at most %d parts and %d bytes", ErrTooLarge, u.d.maxParts, u.d.maxSize)
			return errors.Join(err, u.release(p))
		}
		u.start(n+1, p)
		if last {
			return u.wait()
		}
	}
}

// next waits for a buffer and reads a part of up to size bytes: the first one,
// if it has been read, into what it is in, and a large one into a file.
func (u *upload) next(src *source, first []byte, size int64) (p piece, last bool, err error) {
	var buf []byte
	select {
	case buf = <-u.free:
	case <-u.ctx.Done():
		return piece{}, false, context.Cause(u.ctx)
	}
	if u.ctx.Err() != nil { // both were ready
		return piece{}, false, context.Cause(u.ctx)
	}
	if first != nil {
		return piece{buf: first, content: content{size: int64(len(first))}}, false, nil
	}
	if size > u.d.spoolOver {
		if buf == nil {
			buf = u.d.buffer(u.d.partSize)
		}
		p, last, err = u.spool(src, buf[:cap(buf)], size)
		u.free <- buf
		return p, last, err
	}
	if int64(cap(buf)) < size {
		buf = u.d.buffer(size)
	}
	n, last, err := src.fill(buf[:size])
	return piece{buf: buf[:n], content: content{size: int64(n)}}, last, err
}

// start uploads a part in a goroutine of its own, and gives back what it was in.
func (u *upload) start(number int, p piece) {
	u.wg.Go(func() {
		err := u.put(number, p)
		if err == nil || p.file != nil {
			err = errors.Join(err, u.release(p))
		}
		if err != nil {
			u.cancel(fmt.Errorf("part %d: %w", number, err))
		}
	})
}

func (u *upload) put(number int, p piece) error {
	if p.file == nil {
		p.content = u.d.content(p.buf)
	}
	part, err := u.d.putPart(u.ctx, u.info.Key, u.id, number, p.content)
	if err == nil {
		u.note(part)
		if u.opts.PartSent != nil {
			u.opts.PartSent(part)
		}
	}
	return err
}

// note remembers a part that is there. Parts arrive in any order.
func (u *upload) note(part backend.Part) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if missing := part.Number - len(u.parts); missing > 0 {
		u.parts = append(u.parts, make([]backend.Part, missing)...)
	}
	u.parts[part.Number-1] = part
}

// wait waits until all parts that were started have ended.
func (u *upload) wait() error {
	u.wg.Wait()
	return context.Cause(u.ctx)
}

// complete makes the parts an object. The client asks again if it gets no
// answer, so an upload that has been completed may seem to have failed; after
// a failure the storage is asked what became of it.
func (u *upload) complete() error {
	err := u.d.completeUpload(u.ctx, u.id, u.parts, u.info, u.opts)
	if err == nil {
		u.over = true
		return nil
	}
	// While the upload is there it has not been completed, and an object that
	// looks like ours is another's.
	over := !u.opts.Conditional() || u.d.isOver(u.caller, u.info.Key, u.id)
	err = errors.Join(fmt.Errorf("complete upload: %w", err), u.abort())
	if etag, ok := multipartETag(u.parts); ok && over && u.d.holds(u.caller, u.info, etag) {
		return nil
	}
	return err
}

// abort removes what has been uploaded, unless the upload is over.
func (u *upload) abort() error {
	u.cancel(nil)
	u.wg.Wait() // a part that arrives after the abort may stay for ever
	if u.over {
		return nil
	}
	u.over = true
	ctx, cancel := cleanup(u.caller)
	defer cancel()
	err := u.d.core.AbortMultipartUpload(ctx, u.d.bucket, u.info.Key, u.id)
	if err == nil || minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
		return nil
	}
	return fmt.Errorf("abort upload %s, which is left behind: %w", u.id, err)
}

// recycle gives the buffers back. It is for the good end only: after a failure
// some are not in free, and the rest goes with them.
func (u *upload) recycle() {
	for len(u.free) > 0 {
		if b := <-u.free; b != nil {
			u.d.release(b)
		}
	}
}
