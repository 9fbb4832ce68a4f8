// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"

	"github.com/s3seal/s3seal/wrap"
)

const ecbName = "AES-ECB"

type aesECB struct {
	label
	block cipher.Block
}

// NewAESECB returns a key that wraps with AES-ECB and PKCS#7, the wrap of format
// V1 for a symmetric KEK. It serves [wrap.AESECB] and [wrap.Unnamed].
//
// It protects nothing but secrecy, and that poorly. Equal halves of CEKs show,
// blocks can be moved between wrapped keys, and since the padding block is the
// same everywhere, whoever can write objects can have one whose CEK is known to
// them: an object that opens under such a key may be forged.
//
// Unwrap also takes CEKs that were wrapped without padding. A wrapped key is 48
// bytes long (32 and padding), 32 (24 or 16 and padding, or 32 without) or 16
// (16 without). Where padding is found it is stripped, in constant time. At 16
// and 32 bytes Unwrap therefore never fails: a wrong KEK gives a wrong CEK. All
// other rejections are [wrap.ErrUnwrap].
//
// The KEK is 16, 24 or 32 bytes long and is copied. CEKs are 16, 24 or 32 bytes
// long. In FIPS 140-only mode NewAESECB, Wrap and Unwrap fail with
// [wrap.ErrFIPS]. The key is safe for concurrent use.
func NewAESECB(kek []byte) (wrap.Key, error) {
	if err := checkMode(ecbName); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(kek)
	if err != nil { // the size is all that it checks
		return nil, fmt.Errorf("wrap/legacy: KEK: want 16, 24 or 32 bytes, got %d", len(kek))
	}
	return &aesECB{label(fmt.Sprintf("legacy.AESECB(%d-bit)", 8*len(kek))), block}, nil
}

func (k *aesECB) Algorithm() wrap.Algorithm { return wrap.AESECB }

func (k *aesECB) Wrap(_ context.Context, cek []byte, _ wrap.Info) ([]byte, error) {
	if err := cmp.Or(checkMode(ecbName), checkCEK(cek)); err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(cek)%aes.BlockSize // 1 to 16: padding is never absent
	out := append(make([]byte, 0, len(cek)+pad), cek...)
	for range pad {
		out = append(out, byte(pad))
	}
	for b := out; len(b) > 0; b = b[aes.BlockSize:] {
		k.block.Encrypt(b, b)
	}
	return out, nil
}

func (k *aesECB) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, _ wrap.Info) ([]byte, error) {
	if alg != wrap.AESECB && alg != wrap.Unnamed {
		return nil, notServed(k.label, alg)
	}
	if err := checkMode(ecbName); err != nil {
		return nil, err
	}
	if n := len(wrapped); n != 16 && n != 32 && n != 48 {
		return nil, wrap.ErrUnwrap
	}
	out := make([]byte, len(wrapped))
	for i := 0; i < len(out); i += aes.BlockSize {
		k.block.Decrypt(out[i:], wrapped[i:])
	}
	n := keySize(out)
	if n == 0 {
		clear(out)
		return nil, wrap.ErrUnwrap
	}
	clear(out[n:])
	return out[:n:n], nil
}

// keySize returns how many leading bytes of the decrypted blocks are the CEK,
// or 0. Padding that leaves an AES key wins over taking the whole. The result
// is all that is learnt about the padding: no byte of it steers a branch.
//
// CBC makes this a padding oracle; ECB does not. An altered block decrypts to
// bytes that its author cannot choose, and whoever swaps whole blocks knows
// beforehand what will come of it.
func keySize(blocks []byte) int {
	size := 0
	if isAESKeySize(len(blocks)) {
		size = len(blocks)
	}
	last := blocks[len(blocks)-aes.BlockSize:]
	for pad := 1; pad <= aes.BlockSize; pad++ {
		if n := len(blocks) - pad; isAESKeySize(n) { // from the length alone
			size = subtle.ConstantTimeSelect(isPadding(last, pad), n, size)
		}
	}
	return size
}

// isPadding returns 1 if block ends in pad bytes of the value pad, else 0.
func isPadding(block []byte, pad int) int {
	good := 1
	for _, b := range block[len(block)-pad:] {
		good &= subtle.ConstantTimeByteEq(b, byte(pad))
	}
	return good
}
