// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

func isAESKeySize(n int) bool {
	return n == 16 || n == 24 || n == 32
}

// newKEK expands an AES key. The key schedule is a copy, so the caller's slice
// is not kept.
func newKEK(kek []byte) (cipher.Block, error) {
	block, err := aes.NewCipher(kek)
	if err != nil { // the size is all that it checks
		return nil, fmt.Errorf("wrap: KEK: want 16, 24 or 32 bytes, got %d", len(kek))
	}
	return block, nil
}

func checkCEK(cek []byte) error {
	if !isAESKeySize(len(cek)) {
		return fmt.Errorf("wrap: CEK: want 16, 24 or 32 bytes, got %d", len(cek))
	}
	return nil
}

// notServed is what a key answers to an algorithm that is not its own.
func notServed(l label, alg Algorithm) error {
	return fmt.Errorf("%w: %s does not serve %v", ErrNoKey, string(l), alg)
}
