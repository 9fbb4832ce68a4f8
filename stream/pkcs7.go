// SPDX-License-Identifier: Apache-2.0

package stream

import "crypto/subtle"

// pad appends PKCS #7 padding: n bytes of value n, 1 <= n <= BlockSize.
func pad(p []byte) []byte {
	n := BlockSize - len(p)%BlockSize
	for range n {
		p = append(p, byte(n))
	}
	return p
}

// unpad returns the length of p without its padding, or [ErrDecrypt]. p must
// be whole blocks, and none of them is padding that is not there.
//
// It looks at all 16 bytes of the last block whatever they hold, so that time
// tells no more than the result does. An early exit would tell how many bytes
// were right.
func unpad(p []byte) (int, error) {
	if len(p) < BlockSize {
		return 0, ErrDecrypt
	}
	last := p[len(p)-BlockSize:]
	n := int(last[BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, BlockSize)
	for i, b := range last {
		inside := subtle.ConstantTimeLessOrEq(BlockSize-i, n)
		good &= subtle.ConstantTimeByteEq(b, byte(n)) | (1 ^ inside)
	}
	if good != 1 {
		return 0, ErrDecrypt
	}
	return len(p) - n, nil
}
