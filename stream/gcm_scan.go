// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"
)

// A scanner cuts a GCM stream of unknown length into chunks of its body and
// checks the tag. The last 16 bytes of what was read are always held back, for
// they are the tag if the source ends there.
type scanner struct {
	src  source
	g    *gcm
	tail [GCMTagSize]byte
	held int  // bytes in tail: none before the first chunk
	end  bool // the tag has been verified
}

// next reads the next piece of the body into the front of buf, which must
// have chunkSize+GCMTagSize bytes, and adds it to the hash. It sets s.end if
// the piece is the last and the tag is right.
//
// A piece is still ciphertext, unless it is the first and last at once: then
// the one-shot AEAD has decrypted it and plain is true.
func (s *scanner) next(buf []byte) (n int, plain bool, err error) {
	buf = buf[:chunkSize+GCMTagSize]
	copy(buf, s.tail[:s.held])
	n, err = s.src.fill(buf[s.held:])
	n += s.held
	if err == io.EOF {
		return s.last(buf[:n])
	}
	if err != nil {
		return 0, false, err
	}
	if err := s.g.admit(chunkSize); err != nil {
		return 0, false, err
	}
	s.held = copy(s.tail[:], buf[chunkSize:])
	s.g.start()
	s.g.mac.add(buf[:chunkSize])
	return chunkSize, false, nil
}

// last verifies the stream of which buf is all that was not yet added.
func (s *scanner) last(buf []byte) (n int, plain bool, err error) {
	n = len(buf) - GCMTagSize
	if n < 0 {
		return 0, false, ErrDecrypt
	}
	if err := s.g.admit(n); err != nil {
		return 0, false, err
	}
	if s.g.ctr == nil {
		if _, err := s.g.aead.Open(buf[:0], s.g.iv[:], buf, s.g.aad); err != nil {
			return 0, false, ErrDecrypt
		}
		s.end = true
		return n, true, nil
	}
	s.g.mac.add(buf[:n])
	if err := s.g.verify(buf[n:]); err != nil {
		return 0, false, err
	}
	s.end = true
	return n, false, nil
}

// VerifyGCM reads a GCM stream, ciphertext || tag, to its end and checks it,
// in constant memory. It returns the size of the plaintext in bytes, or
// [ErrDecrypt] if the stream is not what was encrypted under this key, IV and
// aad. It releases no plaintext.
//
// What it has verified is the bytes it has read. Whoever reads them again to
// decrypt them must make sure that they are still the same.
//
// The key has 16, 24 or 32 bytes, the IV 12. Other errors are [ErrFIPS],
// [ErrTooLarge], the error of the source, wrapped, or one that names the
// argument with the wrong length. It may be called concurrently.
func VerifyGCM(src io.Reader, key, iv, aad []byte) (plaintextSize int64, err error) {
	g, err := newGCM(key, iv, aad)
	if err != nil {
		return 0, err
	}
	defer g.wipe()
	buf := newChunk()
	defer buf.free()
	s := scanner{src: source{r: src}, g: g}
	for !s.end {
		if _, _, err := s.next(buf[:]); err != nil {
			return 0, err
		}
	}
	return g.size, nil
}
