// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// ErrContext says that the encryption context stored with an object is not the
// one that [RequireContext] demands. It is decided from the metadata alone,
// before a key is used, and does not say which entry differs.
var ErrContext = errors.New("wrap: the object has another encryption context")

type contextual struct {
	label
	key    Unwrapper
	encCtx map[string]string
}

// RequireContext returns u for the objects whose encryption context is encCtx.
// Without it a KMS confirms that the context stored with an object is the one it
// was sealed with, and nobody asks whether that is the one the reader meant: an
// object put in the place of another opens.
//
// The entries "aws:x-amz-cek-alg" and "kms_cmk_id", which belong to the formats,
// do not count and must not be in encCtx. Without them the stored context must
// equal encCtx: no entry more, none less. A nil or empty encCtx demands that the
// object has no entry of its own, and is not the same as not asking.
//
// Every difference is [ErrContext], before u is called. Algorithms other than
// [KMSContext] and [KMSPlain] are [ErrNoKey]: with them nothing authenticates
// what is stored. A reader of both puts RequireContext around its KMS keys and
// those beside other keys into a [Keyring].
//
// The map is copied. The result has no Wrap even if u has one, and is as safe
// for concurrent use as u.
func RequireContext(u Unwrapper, encCtx map[string]string) (Unwrapper, error) {
	if u == nil {
		return nil, errors.New("wrap: RequireContext: missing key")
	}
	for _, name := range []string{contextCEKAlg, contextCMK} {
		if _, ok := encCtx[name]; ok {
			return nil, fmt.Errorf("wrap: RequireContext: entry %s is reserved", name)
		}
	}
	l := label(fmt.Sprintf("wrap.RequireContext(%s, %q)", printable(u), encCtx))
	return &contextual{l, u, maps.Clone(encCtx)}, nil
}

func (c *contextual) Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if alg != KMSContext && alg != KMSPlain {
		return nil, notServed(c.label, alg)
	}
	stored := maps.Clone(info.MatDesc)
	delete(stored, contextCEKAlg)
	delete(stored, contextCMK)
	if !maps.Equal(stored, c.encCtx) {
		return nil, ErrContext
	}
	return c.key.Unwrap(ctx, alg, wrapped, info)
}
