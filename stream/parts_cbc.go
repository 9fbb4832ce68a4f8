// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"math"
)

// cbcParts encrypts the parts of a CBC stream. The IV of a part is the last
// block of the part before it.
//
// That block is no hash of the part: who has seen ciphertext under this key
// can make other plaintexts that end in it. So parts are told apart by a MAC
// of their ciphertext (RFC 2104, cut to 16 bytes).
type cbcParts struct {
	block cipher.Block
	iv    [BlockSize]byte
	key   []byte // of the MAC
}

// NewCBCParts returns Parts of the AES-CBC stream with PKCS #7 padding with
// this key and IV. The key has 16, 24 or 32 bytes, the IV 16; neither is
// retained. The error names the argument with the wrong length.
//
// CBC authenticates nothing: see [CBCEncryptWriter]. A part can be encrypted
// when the one before it has been, or again at any time. The trailer is a
// block of padding, or nothing where the last part was padded.
//
// It may be called concurrently.
func NewCBCParts(key, iv []byte) (*Parts, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	k, err := deriveState(key, iv, labelSum)
	if err != nil {
		return nil, err
	}
	p, err := newParts('C', &cbcParts{block, [BlockSize]byte(iv), k}, key, iv, nil)
	if err != nil {
		return nil, err
	}
	p.plan.limit, p.plan.ordered = math.MaxInt64-BlockSize, true
	return p, nil
}

func (c *cbcParts) size(n int) int { return (n + BlockSize - 1) / BlockSize * BlockSize }

func (c *cbcParts) encrypt(out, src []byte, chain [BlockSize]byte, s *partState) {
	if s.off == 0 {
		chain = c.iv
	}
	mode := cipher.NewCBCEncrypter(c.block, chain[:])
	whole := len(src) - len(src)%BlockSize
	var tail [BlockSize]byte // read before out, which may be src, is written
	defer clear(tail[:])
	rest := pad(append(tail[:0], src[whole:]...))
	mode.CryptBlocks(out[:whole], src[:whole])
	if whole < len(src) {
		mode.CryptBlocks(out[whole:], rest)
	}
	mac := hmac.New(sha256.New, c.key)
	mac.Write(out)
	copy(s.sum[:], mac.Sum(nil))
	copy(s.last[:], out[len(out)-BlockSize:])
}

// trailer returns the block of padding that follows whole blocks.
func (c *cbcParts) trailer(parts []partState, size int64) []byte {
	if size%BlockSize != 0 {
		return nil
	}
	chain := c.iv
	if len(parts) > 0 {
		chain = parts[len(parts)-1].last
	}
	block := pad(nil)
	cipher.NewCBCEncrypter(c.block, chain[:]).CryptBlocks(block, block)
	return block
}

func (c *cbcParts) wipe() {
	clear(c.key)
	c.block = nil
}
