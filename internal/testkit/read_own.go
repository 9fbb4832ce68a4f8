// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// pieces are the chunks or packages of a body. Its size tells how many there are
// and how much plaintext is in them, which is true if the last one opens.
type pieces struct {
	size, step int // of all plaintext, and of that of one piece
	open       func(k int) ([]byte, bool)
}

// ownRange verifies the last piece, and then those that hold the part.
func (c *Case) ownRange(h *Header, cek []byte) (Outcome, []byte) {
	var p pieces
	var ok bool
	switch {
	case h.empty:
		outcome, plain := c.readBody(h, cek)
		if outcome != Success {
			return outcome, nil
		}
		return c.part(plain)
	case h.Suite == Chunked:
		p, ok = chunkedPieces(cek, c.context(h), c.Body)
	default:
		p, ok = darePieces(dareKey(cek, h.iv, 0, c.context(h)), c.Body)
	}
	off, n := int(c.Range.Off), int(c.Range.N)
	if !ok {
		return Rejected, nil
	}
	if n > 0 && off >= p.size {
		return BadRange, nil
	}
	if _, ok := p.open(max(0, p.size-p.last()) / p.step); !ok {
		return Rejected, nil
	}
	return p.part(off, min(off+n, p.size))
}

// last is 1 where the last piece is never empty.
func (p pieces) last() int {
	if p.step == chunk {
		return 0
	}
	return 1
}

// part opens what holds the plaintext from off to end, up to a piece that is
// not genuine.
func (p pieces) part(off, end int) (Outcome, []byte) {
	var out []byte
	for off < end {
		plain, ok := p.open(off / p.step)
		if !ok {
			return Rejected, out
		}
		plain = plain[off%p.step : min(len(plain), off%p.step+end-off)]
		out, off = append(out, plain...), off+len(plain)
	}
	return Success, out
}

func chunkedPieces(cek, context, body []byte) (pieces, bool) {
	const sealed = chunk + 16
	if len(body) < 56 || (len(body)-56)%sealed < 16 {
		return pieces{}, false
	}
	aead, base, commitment := chunkedKeys(cek, body[:24], context)
	genuine, rest := bytes.Equal(commitment, body[24:56]), body[56:]
	return pieces{len(rest)/sealed*chunk + len(rest)%sealed - 16, chunk, func(k int) ([]byte, bool) {
		p, err := aead.Open(nil, chunkNonce(base, uint64(k)), rest[k*sealed:min(len(rest), (k+1)*sealed)], nil)
		return p, genuine && err == nil
	}}, true
}

func darePieces(key, body []byte) (pieces, bool) {
	const step, sealed = 1 << 16, 1<<16 + 32
	full, rest := len(body)/sealed, len(body)%sealed
	if len(body) == 0 || rest > 0 && rest <= 32 {
		return pieces{}, false
	}
	last := (len(body) - 1) / sealed
	aead, nonce := gcm(key), darePlainNonce(body[last*sealed:])
	return pieces{full*step + max(0, rest-32), step, func(k int) ([]byte, bool) {
		p := body[k*sealed : min(len(body), (k+1)*sealed)]
		return dareOpenPiece(aead, p, nonce, uint32(k), k == last)
	}}, true
}

// darePlainNonce is the nonce in a header without the mark of the last package.
func darePlainNonce(p []byte) []byte {
	nonce := bytes.Clone(p[4:16])
	nonce[0] &= 0x7f
	return nonce
}

func dareOpenPiece(aead cipher.AEAD, p, nonce []byte, k uint32, last bool) ([]byte, bool) {
	head := p[:16]
	sound := head[0] == 0x20 && head[1] == 0 && int(binary.LittleEndian.Uint16(head[2:]))+1 == len(p)-32 && (head[4]&0x80 != 0) == last
	if !sound || !slices.Equal(darePlainNonce(p), nonce) || !bytes.Equal(nonce[8:], make([]byte, 4)) {
		return nil, false
	}
	out, err := aead.Open(nil, dareNonce(head, k), p[16:], head[:4])
	return out, err == nil
}
