// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// answerStep is how much is read before what was read before it is sent.
const answerStep = 64 << 10

// An answer is what one request gets.
type answer struct {
	w     http.ResponseWriter
	r     *http.Request
	begun bool // the status has been sent
}

// describe sets the fields that tell about an object, and whether ranges of it
// can be asked for, which refused would say.
func (a *answer) describe(oi *ObjectInfo, refused error) {
	h := a.w.Header()
	contentType := oi.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	h.Set("Content-Type", contentType)
	h.Set("Accept-Ranges", "bytes")
	if refused != nil {
		h.Set("Accept-Ranges", "none")
	}
	a.validators(oi)
	a.confine()
}

// validators sets the fields that conditions are about.
func (a *answer) validators(oi *ObjectInfo) {
	h := a.w.Header()
	if tag := quoteETag(oi.ETag); tag != "" {
		h.Set("ETag", tag)
	}
	if !oi.ModTime.IsZero() {
		h.Set("Last-Modified", oi.ModTime.UTC().Format(http.TimeFormat))
	}
	if h.Get("Cache-Control") == "" { // who is around this handler may know better
		h.Set("Cache-Control", "private, no-cache")
	}
}

// confine keeps a browser from making of an object what could read the others:
// all of them are of one origin, whoever has written them.
func (a *answer) confine() {
	h := a.w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// length sets the Content-Length of a whole object, if it is known. Without it,
// HTTP/1.0 has no way to tell an end from a broken connection.
func (a *answer) length(oi *ObjectInfo) error {
	size := oi.exact()
	switch {
	case size >= 0:
		a.w.Header().Set("Content-Length", fmt.Sprint(size))
	case oi.PlaintextSizeMax < 0:
		return envelope.ErrDecrypt // no intact object has this size
	case !a.r.ProtoAtLeast(1, 1):
		return &statusError{http.StatusHTTPVersionNotSupported, "the size of this object is not known: want HTTP/1.1", nil}
	}
	return nil
}

// unsatisfied says of how many bytes there is no such range, if that is known.
func (a *answer) unsatisfied(size int64) {
	if size >= 0 {
		a.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	}
}

// send sends the status and the body, which must have size bytes unless that is
// -1. What was read last is sent when the end of src has been seen: until then,
// nothing that a client has got is complete.
func (a *answer) send(status int, src io.Reader, size int64) error {
	step := int64(answerStep)
	if size >= 0 {
		step = min(step, size+1) // the end, too
	}
	now, next := make([]byte, step), make([]byte, step)
	n, err := fill(src, now)
	if err != nil && err != io.EOF {
		return err // there still is a status for it
	}
	if err == io.EOF && size >= 0 && int64(n) != size {
		return fmt.Errorf("%w: want %d bytes, got %d", ErrSize, size, n)
	}
	a.begun = true
	a.w.WriteHeader(status)
	sent := int64(0)
	for end := err == io.EOF; ; {
		ahead := 0
		if !end {
			ahead, err = fill(src, next)
			end = err == io.EOF
			if err != nil && !end {
				return err
			}
		}
		if sent += int64(n); end && ahead == 0 && size >= 0 && sent != size {
			return fmt.Errorf("%w: want %d bytes, got %d", ErrSize, size, sent)
		}
		if _, err := a.w.Write(now[:n]); err != nil {
			return fmt.Errorf("backend: write answer: %w", err)
		}
		if end && ahead == 0 {
			return nil
		}
		now, next, n = next, now, ahead
	}
}

// fill reads until p is full, or an error, which may be io.EOF.
func fill(src io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = src.Read(p[n:])
		n += m
	}
	return n, err
}

// A statusError is an error with the answer to it.
type statusError struct {
	status int
	text   string // for everybody
	err    error  // may be nil
}

// Error implements error.
func (e *statusError) Error() string {
	return fmt.Sprintf("backend: answer %d %s", e.status, http.StatusText(e.status))
}

// Unwrap returns the cause.
func (e *statusError) Unwrap() error { return e.err }

// fail answers with the status of err, and as much text as everybody may know:
// neither which keys there are, nor what the storage has said.
func (a *answer) fail(err error) {
	status, text := statusOf(err)
	h := a.w.Header()
	for _, name := range []string{"Content-Length", "Content-Type", "Accept-Ranges"} {
		h.Del(name)
	}
	if status != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range")
	}
	if status == http.StatusNotModified {
		a.w.WriteHeader(status)
		return
	}
	a.confine()
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	h.Del("Last-Modified")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	http.Error(a.w, text, status)
}

// statusOf sorts err into the statuses of HTTP.
func statusOf(err error) (int, string) {
	var own *statusError
	var metadata *envelope.MetadataError
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, &own):
		return own.status, own.text
	case needsRanges(err):
		return http.StatusForbidden, "a part of this object could not be verified: ask for all of it"
	case is(stream.ErrBufferLimit):
		return http.StatusForbidden, "this object is too large to be verified before it is sent"
	case is(envelope.ErrPolicy, envelope.ErrNotEncrypted):
		return http.StatusForbidden, "objects of this kind are not served"
	case is(envelope.ErrDecrypt, wrap.ErrUnwrap, wrap.ErrContext, ErrNoInstructionFile, ErrSidecar) || errors.As(err, &metadata):
		return http.StatusBadGateway, "this object cannot be decrypted"
	case is(wrap.ErrNoKey):
		return http.StatusForbidden, "there is no key for this object"
	case is(ErrRange, stream.ErrRange):
		return http.StatusRequestedRangeNotSatisfiable, "this object has no such range"
	case is(ErrNotExist, ErrKey):
		return http.StatusNotFound, "no such object"
	case is(ErrChanged):
		return http.StatusServiceUnavailable, "this object has changed: ask again"
	case is(envelope.ErrSpool, wrap.ErrFIPS, stream.ErrFIPS):
		return http.StatusInternalServerError, "cannot serve this object now"
	case is(context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the storage takes too long"
	}
	return http.StatusBadGateway, "the storage failed"
}
