// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A checkedWrapper keeps the content key that it wraps, and sees to it that
// another key does not open the result. This is the one place that knows what the
// content key is: whether an Opener opens says nothing where a wrong key answers
// with some other content key.
type checkedWrapper struct {
	wrap.Wrapper
	mustNot wrap.Unwrapper // or nil
	keep    *[]byte        // where the content key goes; or nil
}

func (w *checkedWrapper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	if w.keep != nil {
		*w.keep = bytes.Clone(cek)
	}
	wrapped, err := w.Wrapper.Wrap(ctx, cek, info)
	if err != nil || w.mustNot == nil {
		return wrapped, err
	}
	again, err := w.mustNot.Unwrap(ctx, w.Algorithm(), wrapped, info)
	defer clear(again)
	switch {
	case err == nil && subtle.ConstantTimeCompare(again, cek) == 1:
		return nil, ErrStillOpens
	case err == nil, errors.Is(err, wrap.ErrUnwrap), errors.Is(err, wrap.ErrNoKey):
		return wrapped, nil
	}
	return nil, fmt.Errorf("whether the key that must not open it does: %w", err)
}

// knownCEK answers with a content key that is known already.
type knownCEK []byte

func (k knownCEK) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	return bytes.Clone(k), nil
}

// tryCEK tries the content key on the body where nothing else tells whether it is
// the right one, for what overwrites the old wrapped key must not be wrong: under
// some wraps, and where it came from an instruction file, which can be that of
// another object. A put that is under way has replaced the file and not the object
// yet, and if it fails, it takes back no file but its own.
func (r *rewrapping) tryCEK(ctx context.Context) error {
	if !r.doubtful() {
		return nil
	}
	err := r.tryBody(ctx)
	if errors.Is(err, envelope.ErrDecrypt) {
		return cmp.Or(r.bucket.unchanged(ctx, r.key, &r.oi.Info), err)
	}
	return err
}

// doubtful says whether the content key may be a wrong one although it unwraps.
func (r *rewrapping) doubtful() bool {
	switch r.oi.Header.Wrap {
	case wrap.Unnamed, wrap.AESECB, wrap.RSAPKCS1:
		return true
	}
	return r.file != nil && r.oi.Header.Suite != envelope.V3
}

// telling are the wraps that tell a wrong key and ask no KMS.
var telling = []wrap.Algorithm{wrap.AESGCM, wrap.AESKW, wrap.RSAOAEPSHA1}

// wrapped says whether the object is known to be what it would become under w. It
// must be allowed before any key is used, as for all else, and MustNotOpen must
// refuse it, or have no key for it: what else may be wrong, wrapping it anew tells.
func (r *rewrapping) wrapped(ctx context.Context, w wrap.Wrapper) bool {
	h := r.oi.Header
	u, opens := w.(wrap.Unwrapper)
	if !opens || w.Algorithm() != h.Wrap || !slices.Contains(telling, h.Wrap) || r.doubtful() ||
		len(h.Recipients)+len(r.opts.Recipients) > 0 || !maps.Equal(h.MatDesc, r.describe(h.Wrap)) {
		return false
	}
	opts := r.bucket.opening(r.key, &r.bucket.open)
	if _, err := envelope.NewOpener(ctx, h, u, opts); err != nil {
		return false
	}
	if r.opts.MustNotOpen == nil {
		return true
	}
	_, err := NewOpener(ctx, r.bucket.driver, r.key, h, r.opts.MustNotOpen, opts)
	return errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, wrap.ErrNoKey)
}

// tryBody reads as little of the body as tells whether the content key fits.
func (r *rewrapping) tryBody(ctx context.Context) error {
	b, oi := r.bucket, r.oi
	opts := *b.opening(r.key, &b.open)
	opts.AllowUnauthenticatedRanges = true // nothing of them is released
	opts.Release = envelope.UnverifiedUntilEOF()
	opener, err := envelope.NewOpener(ctx, oi.Header, knownCEK(r.cek), &opts)
	switch {
	case err != nil:
		return err
	case oi.PlaintextSizeMax < 0:
		return envelope.ErrDecrypt // no intact object has this size
	case oi.PlaintextSizeMin != oi.PlaintextSizeMax: // CBC
		_, err := b.findEnd(ctx, oi, opener)
		return err
	}
	var o *Object
	if oi.Header.Suite == envelope.V2GCM || oi.PlaintextSizeMax == 0 {
		o, err = b.openWhole(ctx, oi, opener)
	} else { // of which every part is verified
		o, err = b.openRange(ctx, oi, opener, 0, 1)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, o)
	return cmp.Or(err, o.Close())
}

// openWhole opens the very object that oi describes.
func (b *Bucket) openWhole(ctx context.Context, oi *ObjectInfo, opener *envelope.Opener) (*Object, error) {
	o, err := b.readRange(ctx, oi, 0, oi.Size)
	if err != nil {
		return nil, err
	}
	plain, err := opener.Reader(o.plain, oi.Size)
	if err != nil {
		o.Close()
		return nil, err
	}
	o.plain, o.opener = plain, opener
	return o, nil
}
