// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"errors"
	"fmt"
)

// A trial collects the answers of the keys of a Keyring for one object.
type trial struct {
	alg  Algorithm
	size int // of the wrapped key

	cek      []byte // the result so far
	rel      relation
	vouched  bool  // cek came with redundancy that was checked
	claims   int   // CEKs without redundancy, of which cek is the first
	rejected bool  // some key serves alg and rejected the wrapped key
	err      error // the first error that is neither
}

// done takes one answer and reports whether it settles the matter.
func (t *trial) done(c candidate, cek []byte, err error) bool {
	switch {
	case err == nil:
		return t.accept(c, cek)
	case errors.Is(err, ErrNoKey):
	case errors.Is(err, ErrUnwrap):
		t.rejected = true
	case t.err == nil:
		t.err = err
	}
	return false
}

// accept distinguishes a CEK that a key vouches for from one that it can only
// claim. A wrapped key that is no longer than its CEK holds no redundancy, so
// that any key would have "unwrapped" it: AES-ECB without padding.
func (t *trial) accept(c candidate, cek []byte) bool {
	if len(cek) < t.size {
		t.drop()
		t.cek, t.vouched = cek, true
		return true
	}
	if t.claims > 0 && t.rel == matches && c.rel != matches {
		clear(cek)
		return false
	}
	t.claims++
	if t.claims == 1 {
		t.cek, t.rel = cek, c.rel
	} else {
		clear(cek)
	}
	return false
}

func (t *trial) drop() {
	clear(t.cek)
	t.cek = nil
}

func (t *trial) result(keys int) ([]byte, error) {
	switch {
	case t.vouched || t.claims == 1:
		return t.cek, nil
	case t.claims > 1:
		t.drop()
		return nil, ambiguous(t.claims, t.alg)
	case t.err != nil:
		return nil, t.err
	case t.rejected:
		return nil, ErrUnwrap
	}
	return nil, fmt.Errorf("%w: none of %d keys serves %v and the materials description", ErrNoKey, keys, t.alg)
}
