// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"syscall"
	"time"
)

// A resumedBody is stored bytes of one version of an object, by as many requests
// as it takes. Where a body is cut short it asks for what is left, of the same
// ETag; so what it delivers is a start of what was asked for, whatever happens.
//
// Its caller knows how many bytes there must be. It adds nothing to the errors
// of the driver, and is not safe for concurrent use.
type resumedBody struct {
	ctx      context.Context // of the one call that the body lives in
	driver   Driver
	opts     DownloadOptions
	key      string
	etag     string
	size     int64 // of the whole body
	off, end int64 // what is left
	stop     int64 // where the first body ends, if that is before end and not 0
	body     io.ReadCloser
	cause    error // why there is no body any more; nil if there never was one
	failures int   // in a row, since the last byte
	err      error // first error or io.EOF; repeated by every later call

	closed   bool
	closeErr error
}

// resumed returns the stored bytes from off to end of the object that info
// describes. body, if not nil, delivers them, and perhaps more behind them.
func (b *Bucket) resumed(ctx context.Context, key string, info *Info, body io.ReadCloser, off, end int64) *resumedBody {
	return &resumedBody{
		ctx: ctx, driver: b.driver, opts: b.download,
		key: key, etag: info.ETag, size: info.Size,
		off: off, end: end, body: body,
	}
}

// Read reads from the body, or from the next one.
func (r *resumedBody) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	for {
		if err := r.open(); err != nil {
			r.err = err
			return 0, err
		}
		n, err := r.body.Read(p)
		if n > 0 {
			r.off += int64(n)
			r.failures = 0
		}
		if err != nil && r.off == r.end && r.ctx.Err() == nil && transient(err) {
			err = io.EOF // the connection broke when it had done its work
		}
		if err == io.EOF && r.goesOn() {
			if n > 0 {
				return n, nil
			}
			continue
		}
		if err == nil || err == io.EOF || !r.mayResume(err) {
			r.err = err
			return n, err
		}
		r.body.Close() // what it says of a broken connection tells nothing new
		r.body, r.cause = nil, err
		if n > 0 {
			return n, nil
		}
	}
}

// goesOn says whether the body has ended because no more was asked for, and not
// all was. Then the next one begins where it ended.
func (r *resumedBody) goesOn() bool {
	if r.stop == 0 || r.off != r.stop || r.off >= r.end || r.etag == "" {
		return false
	}
	r.body.Close() // all of it was read
	r.body, r.stop = nil, 0
	return true
}

// mayResume says whether err leaves something to be asked for. Without an ETag,
// which no storage may have, nothing would say that it is of the same object.
func (r *resumedBody) mayResume(err error) bool {
	return r.ctx.Err() == nil && r.off < r.end && r.etag != "" && transient(err)
}

// open sees to it that there is a body.
func (r *resumedBody) open() error {
	for r.body == nil {
		if err := r.wait(); err != nil {
			return err
		}
		body, err := r.request()
		if err != nil && !r.mayResume(err) {
			return err
		}
		r.body, r.cause = body, err
	}
	return nil
}

// wait waits before another attempt, if one was cut short.
func (r *resumedBody) wait() error {
	if r.cause == nil {
		return r.ctx.Err()
	}
	if r.failures >= r.opts.Resumes {
		if r.failures == 0 {
			return r.cause
		}
		return fmt.Errorf("asked for the rest %d times: %w", r.failures, r.cause)
	}
	pause := r.opts.ResumePause << min(r.failures, maxDoublings)
	r.failures++
	timer := time.NewTimer(pause - rand.N(pause/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return fmt.Errorf("%w, when it was to be resumed: %w", r.ctx.Err(), r.cause)
	}
}

// errNoETag says that nothing would tell whether a second request finds the object
// of the first. No driver should come to that, see [Info].
var errNoETag = fmt.Errorf("the storage gives the object no ETag, so that it cannot be told from another: %w", errors.ErrUnsupported)

// request asks for what is left. The driver sees to it that the answer is that
// range, and this that it is of that object.
func (r *resumedBody) request() (io.ReadCloser, error) {
	if r.etag == "" {
		return nil, errNoETag
	}
	opts := &GetOptions{IfMatch: r.etag}
	if r.off > 0 || r.end < r.size {
		opts.Range = &Range{Offset: r.off, Length: r.end - r.off}
	}
	body, info, err := r.driver.Get(r.ctx, r.key, opts)
	if errors.Is(err, ErrNotExist) {
		return nil, fmt.Errorf("%w: it was deleted", ErrChanged)
	}
	if err != nil {
		return nil, err
	}
	if info.ETag != r.etag || info.Size != r.size {
		body.Close()
		return nil, fmt.Errorf("%w: want ETag %q with %d bytes, got %q with %d", ErrChanged, r.etag, r.size, info.ETag, info.Size)
	}
	return body, nil
}

// Close closes the body, if there is one. A second call returns what the first
// returned.
func (r *resumedBody) Close() error {
	if r.closed {
		return r.closeErr
	}
	r.closed = true
	if r.err == nil {
		r.err = fs.ErrClosed
	}
	if r.body != nil {
		r.closeErr = r.body.Close()
	}
	return r.closeErr
}

// transient says whether err is what a connection can suffer, so that the same
// request may well succeed a moment later. It lists what is, and takes nothing
// for transient that it does not know: to repeat what cannot succeed hides an
// error for seconds, and an answer of the storage, such as ErrChanged or a denied
// access, must not be asked for until it is another.
//
// That an error says of itself that it is Temporary counts for nothing: every
// errno has that method, and a full disk passes for a net.Error.
func transient(err error) bool {
	for _, final := range []error{ErrNotExist, ErrChanged, ErrRange, ErrKey, ErrSize, fs.ErrPermission, context.Canceled} {
		if errors.Is(err, final) {
			return false
		}
	}
	for _, broken := range []error{
		io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.EPIPE, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	var op *net.OpError
	var dns *net.DNSError
	var request *url.Error // of an HTTP client that got no answer
	var slow interface{ Timeout() bool }
	return errors.As(err, &op) || errors.As(err, &dns) || errors.As(err, &request) || errors.As(err, &slow) && slow.Timeout()
}
