// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
)

// kwBlock is the half block that RFC 3394 counts in: 64 bits.
const kwBlock = 8

// kwIV is the default initial value of RFC 3394, section 2.2.3.1. Finding it
// again after unwrapping is the whole integrity check: 64 bits.
const kwIV = 0xa6a6a6a6a6a6a6a6

// AESKeyWrap wraps key under kek as RFC 3394, section 2.2.1, says, with the
// default initial value.
//
// It is deterministic: equal keys give equal wrapped keys. It binds the key to
// nothing else.
//
// The KEK is 16, 24 or 32 bytes long; key is a multiple of 8 bytes and at least
// 16 (the RFC defines no shorter one). The result is 8 bytes longer than key. The
// error names the argument with the wrong length.
// AESKeyWrap may be called concurrently.
func AESKeyWrap(kek, key []byte) ([]byte, error) {
	block, err := newKEK(kek)
	if err != nil {
		return nil, err
	}
	if len(key) < 2*kwBlock || len(key)%kwBlock != 0 {
		return nil, fmt.Errorf("wrap: AESWrap: want a key of 16 or more bytes, a multiple of 8, got %d", len(key))
	}
	return kwWrap(block, key), nil
}

// AESKeyUnwrap is the inverse of [AESKeyWrap], RFC 3394, section 2.2.2.
//
// The integrity check has 64 bits. Every rejection is [ErrUnwrap], whether the
// length, the KEK or a bit of wrapped is wrong; only a KEK of the wrong size is
// another error. Nothing is returned unless the check holds.
//
// The KEK is 16, 24 or 32 bytes long; wrapped is a multiple of 8 bytes and at
// least 24. The result is 8 bytes shorter than wrapped.
// AESKeyUnwrap may be called concurrently.
func AESKeyUnwrap(kek, wrapped []byte) ([]byte, error) {
	block, err := newKEK(kek)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < 3*kwBlock || len(wrapped)%kwBlock != 0 {
		return nil, ErrUnwrap
	}
	return kwUnwrap(block, wrapped)
}

// kwWrap expects a length that its callers have checked.
func kwWrap(block cipher.Block, key []byte) []byte {
	out := make([]byte, kwBlock+len(key))
	copy(out[kwBlock:], key)
	buf := make([]byte, 2*kwBlock) // the register A, then one R[i]
	defer clear(buf)
	a, t := uint64(kwIV), uint64(0)
	for range 6 {
		for r := out[kwBlock:]; len(r) > 0; r = r[kwBlock:] {
			binary.BigEndian.PutUint64(buf, a)
			copy(buf[kwBlock:], r[:kwBlock])
			block.Encrypt(buf, buf)
			t++ // all 64 bits of the step counter enter, not the low 32
			a = binary.BigEndian.Uint64(buf) ^ t
			copy(r, buf[kwBlock:])
		}
	}
	binary.BigEndian.PutUint64(out, a)
	return out
}

// kwUnwrap expects a length that its callers have checked.
func kwUnwrap(block cipher.Block, wrapped []byte) ([]byte, error) {
	out := slices.Clone(wrapped[kwBlock:])
	buf := make([]byte, 2*kwBlock)
	defer clear(buf)
	a, t := binary.BigEndian.Uint64(wrapped), uint64(6*(len(out)/kwBlock))
	for range 6 {
		for i := len(out) - kwBlock; i >= 0; i -= kwBlock {
			binary.BigEndian.PutUint64(buf, a^t)
			copy(buf[kwBlock:], out[i:])
			block.Decrypt(buf, buf)
			t--
			a = binary.BigEndian.Uint64(buf)
			copy(out[i:], buf[kwBlock:])
		}
	}
	var got, want [kwBlock]byte
	binary.BigEndian.PutUint64(got[:], a)
	binary.BigEndian.PutUint64(want[:], kwIV)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		clear(out)
		return nil, ErrUnwrap
	}
	return out, nil
}

type aesKeyWrap struct {
	label
	block cipher.Block
}

// NewAESKeyWrap returns a key that wraps as [AESKeyWrap] does, called AESWrap
// in format V2. It serves [AESKW].
//
// It does not bind the CEK to the content algorithm or to anything else: whoever
// can write an object can relabel its content. Use it for older clients only;
// [NewAESGCM] binds. It has no limit on the number of wraps and needs no
// randomness, and it works in FIPS 140-only mode.
//
// The KEK is 16, 24 or 32 bytes long and is copied; any other length is an error.
// CEKs are 16, 24 or 32 bytes long, wrapped 24, 32 or 40; Unwrap rejects any other
// with [ErrUnwrap].
// The key is safe for concurrent use.
func NewAESKeyWrap(kek []byte) (Key, error) {
	block, err := newKEK(kek)
	if err != nil {
		return nil, err
	}
	return &aesKeyWrap{label(fmt.Sprintf("wrap.AESKeyWrap(%d-bit)", 8*len(kek))), block}, nil
}

func (k *aesKeyWrap) Algorithm() Algorithm { return AESKW }

func (k *aesKeyWrap) Wrap(_ context.Context, cek []byte, _ Info) ([]byte, error) {
	if err := checkCEK(cek); err != nil {
		return nil, err
	}
	return kwWrap(k.block, cek), nil
}

func (k *aesKeyWrap) Unwrap(_ context.Context, alg Algorithm, wrapped []byte, _ Info) ([]byte, error) {
	if alg != AESKW {
		return nil, notServed(k.label, alg)
	}
	if !isAESKeySize(len(wrapped) - kwBlock) {
		return nil, ErrUnwrap
	}
	return kwUnwrap(k.block, wrapped)
}
