// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

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

// tryCEK tries the content key on the body, if the wrap does not tell whether it
// is the right one: what overwrites the old wrapped key must not be wrong.
func (r *rewrapping) tryCEK(ctx context.Context) error {
	switch r.oi.Header.Wrap {
	case wrap.Unnamed, wrap.AESECB, wrap.RSAPKCS1:
	default:
		return nil
	}
	opts := *r.bucket.opening(r.key, &r.bucket.open)
	opts.AllowUnauthenticatedRanges = true // nothing of them is released
	opts.Release = envelope.UnverifiedUntilEOF()
	opener, err := envelope.NewOpener(ctx, r.oi.Header, knownCEK(r.cek), &opts)
	if err != nil {
		return err
	}
	if r.oi.PlaintextSizeMax < 0 {
		return envelope.ErrDecrypt // no intact object has this size
	}
	if r.oi.PlaintextSizeMin != r.oi.PlaintextSizeMax { // CBC
		_, err = r.bucket.findEnd(ctx, r.oi, opener)
		return err
	}
	body, err := r.bucket.readRange(ctx, r.oi, 0, r.oi.Size)
	if err != nil {
		return err
	}
	defer body.Close() // what counts is whether all was read
	plain, err := opener.Reader(body.plain, r.oi.Size)
	if err != nil {
		return err
	}
	defer plain.Close()
	_, err = io.Copy(io.Discard, plain)
	return err
}
