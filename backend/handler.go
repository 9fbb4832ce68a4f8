// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/s3seal/s3seal/envelope"
)

// HandlerOptions say how [NewHandler] serves a bucket.
type HandlerOptions struct {
	// Prefix is what begins the keys of the objects that are served, before the
	// path of a request: with "public/" the path /a is the object public/a. No
	// request leads to an object without it.
	Prefix string

	// Report, if not nil, is told in full why a request failed: one that is
	// answered by 403 or by 500 and up, which say little, or that was broken
	// off by anybody but the client. It may be called concurrently.
	Report func(r *http.Request, err error)
}

// handler is what NewHandler returns.
type handler struct {
	bucket *Bucket
	prefix string
	report func(r *http.Request, err error)
}

// NewHandler returns a handler that serves the objects of b decrypted, to GET and
// HEAD. opts may be nil, which is the zero value, and is copied.
//
// It knows no users: whoever can reach it can read every object that b opens, and
// behind a browser that may be any web site, unless the name that a request is
// for (http.Request.Host) was checked before. Nor should it serve CBC to somebody
// who can also write into the storage: what it answers to an altered object
// tells that one about the plaintext.
//
// # Which object
//
// The key is the path of the request (http.Request.URL.Path) without the slash
// that it begins with, decoded once and not cleaned: "//", "." and ".." are as
// much a part of it as they are in the storage. There are no listings.
//
// # What is verified
//
// A whole object is served by the rule of release that b has. Rules that verify
// before they release make an altered object an error before the first byte;
// mind that they may take memory or disk space for each request. With others the
// last bytes are held back until the end was verified, and if it does not
// verify, the connection is broken off: what looks complete was verified, as far
// as the format can be. The handler panics with [http.ErrAbortHandler] for that.
// CBC and CTR cannot be verified, and objects that are not encrypted are not.
//
// The ETag is that of the stored object. Like Last-Modified, Content-Type and
// the answer to HEAD it is as the storage says, which could lie. A browser is
// told to sniff nothing, to run nothing, and to keep the answer to itself.
//
// # Ranges
//
// One range (bytes=a-b, a- or -n, of the plaintext) is answered by 206, or by 416
// if the object ends before it, or it is malformed; if several are asked for, by
// all of the object, as RFC 9110 allows. Ranges of Chunked and DARE are verified;
// those of other formats are 403 without AllowUnauthenticatedRanges, except that
// bytes=0- is answered by all of the object. If-Range takes an ETag; a date never
// matches.
//
// The size of the plaintext of CBC is known at its end only: for a whole object
// there is no Content-Length, and HTTP/1.0, where that would let a part pass for
// the whole, is refused by 505.
//
// # Errors
//
// 404 is no such object, or no key that the storage can hold; 403 what the
// options of b do not allow, or no key fits; 412 and 304 are conditions (If-Match,
// If-None-Match, If-Unmodified-Since, If-Modified-Since); 502 says that the
// storage failed, or that what it delivered cannot be decrypted; 503 that the
// object was replaced meanwhile; 500 is a failure on this side.
//
// The handler may be used concurrently.
func NewHandler(b *Bucket, opts *HandlerOptions) http.Handler {
	if opts == nil {
		opts = new(HandlerOptions)
	}
	h := &handler{bucket: b, prefix: opts.Prefix, report: opts.Report}
	if h.report == nil {
		h.report = func(*http.Request, error) {}
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{w: w, r: r}
	var err error
	key, ok := h.key(r)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		err = &statusError{http.StatusMethodNotAllowed, "only GET and HEAD", nil}
	case !ok:
		err = ErrNotExist
	case r.Method == http.MethodHead:
		err = h.head(a, key)
	default:
		err = h.get(a, key)
	}
	if err == nil {
		return
	}
	status, _ := statusOf(err)
	if (a.begun || status == http.StatusForbidden || status >= 500) && r.Context().Err() == nil {
		h.report(r, err)
	}
	if a.begun {
		panic(http.ErrAbortHandler) // the only way to say that this was not all
	}
	a.fail(err)
}

// key returns the key that a request is for.
func (h *handler) key(r *http.Request) (string, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	return h.prefix + path, ok && path != "" && utf8.ValidString(path)
}

// head answers as get does for a whole object, without its body.
func (h *handler) head(a *answer, key string) error {
	ctx := a.r.Context()
	oi, err := h.bucket.openable(ctx, key)
	if err != nil {
		return err
	}
	if err := a.conditions(oi); err != nil {
		return err
	}
	a.describe(oi, h.bucket.rangeable(key, oi))
	if err := a.length(oi); err != nil {
		return err
	}
	a.w.WriteHeader(http.StatusOK)
	return nil
}

func (h *handler) get(a *answer, key string) error {
	spec, err := parseRanges(a.r.Header)
	if spec == nil || err != nil {
		// A range that is none does not count before the conditions.
		return h.whole(a, key, err)
	}
	oi, err := h.bucket.Stat(a.r.Context(), key)
	if err != nil {
		return err
	}
	if err := a.conditions(oi); err != nil {
		return err
	}
	if !ifRange(a.r.Header, oi.ETag) {
		return h.whole(a, key, nil)
	}
	err = h.bucket.rangeable(key, oi)
	if needsRanges(err) && spec.all() {
		return h.whole(a, key, nil)
	}
	if err != nil {
		return err
	}
	return h.part(a, key, oi, spec)
}

// whole answers with all of an object, unless refused is why not.
func (h *handler) whole(a *answer, key string, refused error) error {
	o, err := h.bucket.Get(a.r.Context(), key)
	if err != nil {
		return err
	}
	defer o.Close() // what was sent was verified before
	oi := o.Info()
	if err := a.conditions(oi); err != nil {
		return err
	}
	if refused != nil && ifRange(a.r.Header, oi.ETag) {
		a.unsatisfied(oi.exact())
		return refused
	}
	a.describe(oi, h.bucket.rangeable(key, oi))
	if err := a.length(oi); err != nil {
		return err
	}
	return a.send(http.StatusOK, o, oi.exact())
}

// part answers with a range of the very object that oi describes.
func (h *handler) part(a *answer, key string, oi *ObjectInfo, spec *rangeSpec) error {
	ctx := a.r.Context()
	ra, err := h.bucket.ReaderAt(ctx, key)
	if err != nil {
		return err
	}
	defer ra.Close()
	if ra.Info().ETag != oi.ETag {
		return fmt.Errorf("%w: between two requests", ErrChanged)
	}
	off, n, err := spec.resolve(ra.Size())
	if err != nil {
		a.unsatisfied(ra.Size())
		return err
	}
	src, err := h.bucket.section(ctx, ra, off, n)
	if err != nil {
		return err
	}
	defer src.Close()
	a.describe(oi, nil)
	a.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, ra.Size()))
	a.w.Header().Set("Content-Length", fmt.Sprint(n))
	return a.send(http.StatusPartialContent, src, n)
}

// exact returns the size of the plaintext, or -1 if that is not known.
func (o *ObjectInfo) exact() int64 {
	if o.PlaintextSizeMin != o.PlaintextSizeMax {
		return -1
	}
	return o.PlaintextSizeMax
}

// openable describes an object if Get would open it. It reads no body.
func (b *Bucket) openable(ctx context.Context, key string) (*ObjectInfo, error) {
	info, err := b.driver.Stat(ctx, key)
	if err != nil {
		return nil, opError("stat", key, err)
	}
	f, err := b.examine(ctx, key, info, &b.open)
	if err != nil {
		return nil, opError("stat", key, err)
	}
	if f.opener != nil { // its limits count, too
		plain, err := f.opener.Reader(strings.NewReader(""), info.Size)
		if err != nil {
			return nil, opError("stat", key, err)
		}
		plain.Close() // it has read nothing
	}
	return f.info, nil
}

// rangeable says why ranges of an object cannot be read; nil if they can.
func (b *Bucket) rangeable(key string, oi *ObjectInfo) error {
	if oi.Header == nil {
		return permitPlain(oi, &b.open)
	}
	return b.opening(key, &b.open).PermitRange(oi.Header)
}

// section opens n bytes of plaintext from off on. A few of them are read at once.
func (b *Bucket) section(ctx context.Context, ra *ReaderAt, off, n int64) (io.ReadCloser, error) {
	const few = 256 << 10
	if n <= few {
		data := make([]byte, n)
		if m, err := ra.ReadAt(data, off); err != nil && (err != io.EOF || int64(m) < n) {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	var o *Object
	var err error
	if ra.opener == nil {
		o, err = b.readRange(ctx, ra.info, off, n)
	} else {
		o, err = b.openRange(ctx, ra.info, ra.opener, off, n)
	}
	if err != nil {
		return nil, opError("get range", ra.info.Key, err)
	}
	return o, nil
}

// needsRanges recognises the refusal of what cannot be verified in parts.
func needsRanges(err error) bool {
	var policy *envelope.PolicyError
	return errors.As(err, &policy) && policy.Option == "AllowUnauthenticatedRanges"
}
