// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// The toy format cuts a plaintext into segments of 16 bytes, of which the last
// may be shorter or empty, XORs them with something, and appends 8 bytes of a
// hash to each that binds its number and whether it is the last. It protects
// nobody, but it has every property that the suite looks for.
const (
	toySegment = 16
	toyTag     = 8
)

var (
	errToy     = errors.New("toy: not genuine")
	errStopped = errors.New("toy: write after close")
)

// toySeal is the format in one shot.
func toySeal(plaintext []byte) []byte {
	var out []byte
	index := 0
	for ; len(plaintext) > toySegment; index++ {
		out = append(out, toySealSegment(index, false, plaintext[:toySegment])...)
		plaintext = plaintext[toySegment:]
	}
	return append(out, toySealSegment(index, true, plaintext)...)
}

// toyPieces returns where the segments of n bytes of plaintext begin.
func toyPieces(n int) []int {
	var at []int
	for i := 0; i == 0 || i*toySegment < n; i++ {
		at = append(at, i*(toySegment+toyTag))
	}
	return at
}

func toySealSegment(index int, last bool, p []byte) []byte {
	body := toyXOR(index, p)
	return append(body, toyMAC(index, last, body)...)
}

func toyXOR(index int, p []byte) []byte {
	out := make([]byte, len(p), len(p)+toyTag)
	for i, b := range p {
		out[i] = b ^ byte(index*89+i*7+13)
	}
	return out
}

func toyMAC(index int, last bool, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(index))
	if last {
		b[0] = 1
	}
	sum := sha256.Sum256(append(b, body...))
	return sum[:toyTag]
}
