// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A gcmOpener reads a GCM stream of unknown length, cuts its body into pieces
// and checks the tag. The last 16 bytes of what was read are always held back,
// for they are the tag if the source ends there.
//
// The one-shot AEAD decrypts only what comes with its tag, which pieces do
// not. So a piece is hashed as the additional data of an empty message under
// the nonce 0^96, and decrypted in CTR mode, in two passes.
//
// For security see ghash.go.
type gcmOpener struct {
	gcm
	src   engine.Source
	chunk int           // size of a piece
	ctr   cipher.Stream // nil until the stream outgrows the one-shot AEAD
	mask  element       // E_K(0^96 || 1)
	tail  [GCMTagSize]byte
	held  int  // bytes in tail: none before the first piece
	end   bool // the tag has been verified

	nonce [GCMIVSize]byte
	t     [GCMTagSize]byte
}

func newGCMOpener(src io.Reader, key, iv, aad []byte) (*gcmOpener, error) {
	g, err := newGCM(key, iv, aad)
	if err != nil {
		return nil, err
	}
	return &gcmOpener{gcm: g, src: engine.Source{R: src}, chunk: engine.ChunkSize}, nil
}

// next reads the next piece of the body into the front of buf, which has room
// for a tag behind it, and adds it to the hash. It sets o.end if the piece is
// the last and the tag is right.
//
// A piece is still ciphertext, to be decrypted in order by o.ctr, unless it is
// the first and last at once: then it is plaintext and plain is true.
func (o *gcmOpener) next(buf []byte) (n int, plain bool, err error) {
	copy(buf, o.tail[:o.held])
	n, err = o.src.Fill(buf[o.held : o.chunk+GCMTagSize])
	n += o.held
	if err == io.EOF {
		return o.last(buf[:n])
	}
	if err == nil {
		err = o.Admit(o.chunk)
	}
	if err != nil {
		return 0, false, err
	}
	o.held = copy(o.tail[:], buf[o.chunk:])
	o.start()
	o.add(buf[:o.chunk])
	return o.chunk, false, nil
}

// last verifies the stream of which buf is all that was not yet added.
func (o *gcmOpener) last(buf []byte) (n int, plain bool, err error) {
	n = len(buf) - GCMTagSize
	if n < 0 {
		return 0, false, ErrDecrypt
	}
	if err := o.Admit(n); err != nil {
		return 0, false, err
	}
	plain = o.ctr == nil
	if plain {
		if _, err := o.aead.Open(buf[:0], o.iv[:], buf, o.aad); err != nil {
			return 0, false, ErrDecrypt // its text is that of crypto/cipher
		}
	} else {
		o.add(buf[:n])
		if !o.verify(buf[n:]) {
			return 0, false, ErrDecrypt
		}
	}
	o.end = true
	return n, plain, nil
}

// start leaves the one-shot path.
func (o *gcmOpener) start() {
	if o.ctr != nil {
		return
	}
	o.ctr = gcmCTR(o.block, o.iv[:], 0)
	o.hash.h = o.encrypt(element{})
	o.mask = o.encrypt(element{lo: 1})
	o.add(o.aad)
}

// add appends p to the hash, zero-padded to whole blocks.
func (o *gcmOpener) add(p []byte) {
	if len(p) == 0 {
		return
	}
	o.aead.Seal(o.t[:0], o.nonce[:], nil, p)
	o.hash.add(toElement(o.t[:]), o.mask, lengths(int64(len(p)), 0), blocks(len(p)))
	clear(o.t[:])
}

// verify says whether tag belongs to all that was added.
func (o *gcmOpener) verify(tag []byte) bool {
	want := o.tag() // of an altered ciphertext this is the tag of a forgery
	ok := subtle.ConstantTimeCompare(want[:], tag) == 1
	clear(want[:])
	return ok
}

func (o *gcmOpener) Wipe() {
	o.gcm.Wipe()
	o.mask = element{}
	o.ctr = nil
}

// gcmCTR returns the key stream of a GCM body from block number n on. GCM
// counts in 32 bits and encrypts from 2 on; the counter of crypto/cipher has
// 128 bits, but GCMMaxSize keeps us below the difference.
func gcmCTR(block cipher.Block, iv []byte, n uint32) cipher.Stream {
	var j [BlockSize]byte
	copy(j[:], iv)
	binary.BigEndian.PutUint32(j[GCMIVSize:], 2+n)
	return cipher.NewCTR(block, j[:])
}
