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
	src     engine.Source
	chunk   int           // size of a piece
	ctr     cipher.Stream // for pieces that are decrypted one after the other
	ctrOff  int64         // where it is
	started bool          // the stream has outgrown the one-shot AEAD
	end     bool          // the tag has been verified
	mask    element       // E_K(0^96 || 1)
	tail    [GCMTagSize]byte
	held    int           // bytes in tail: none before the first piece
	rest    *engine.Chunk // the last piece and the tag, if they were read ahead
	left    int           // size of that
	read    int           // size of what was read last into a buffer

	t [GCMTagSize]byte
}

// hashNonce is the nonce under which pieces are hashed. It is only read.
var hashNonce [GCMIVSize]byte

func newGCMOpener(src io.Reader, key, iv, aad []byte) (*gcmOpener, error) {
	o := new(gcmOpener)
	return o, o.init(src, key, iv, aad)
}

func (o *gcmOpener) init(src io.Reader, key, iv, aad []byte) error {
	o.src.R, o.chunk = src, engine.ChunkSize
	return o.gcm.init(key, iv, aad)
}

// next reads the next piece of the body into the front of buf, which has room
// for a tag behind it, and adds it to the hash. It sets o.end if the piece is
// the last and the tag is right.
//
// A piece is still ciphertext, to be decrypted by o.decrypt, unless it is the
// first and last at once: then it is plaintext and plain is true.
func (o *gcmOpener) next(buf []byte) (n int, plain bool, err error) {
	n, err = o.fill(buf)
	if err == io.EOF {
		return o.last(buf[:n])
	}
	if err != nil {
		return 0, false, err
	}
	o.add(buf[:n])
	o.done += int64(n)
	return n, false, nil
}

// fill reads the next piece into the front of buf. With the last one, of n
// bytes including the tag, it returns io.EOF.
func (o *gcmOpener) fill(buf []byte) (n int, err error) {
	if o.rest != nil {
		return copy(buf, o.rest[:o.left]), io.EOF
	}
	copy(buf, o.tail[:o.held])
	n, err = o.src.Fill(buf[o.held : o.chunk+GCMTagSize])
	n += o.held
	o.read = n
	if err != nil {
		return n, err
	}
	if err := o.Admit(o.chunk); err != nil {
		return 0, err
	}
	o.held = copy(o.tail[:], buf[o.chunk:])
	o.start()
	return o.chunk, nil
}

// many returns the size of a piece if the next ones may be produced.
func (o *gcmOpener) many() int {
	if !o.started || o.end || o.rest != nil {
		return 0
	}
	return o.chunk
}

// produce reads the next piece for others to work on, and returns io.EOF if it
// is the last, which it leaves to next.
func (o *gcmOpener) produce(p *engine.Piece) error {
	n, err := o.fill(p.Buf[:])
	if err == io.EOF {
		o.rest, o.left, p.Buf = p.Buf, n, nil
	}
	if err != nil {
		return err
	}
	p.In, p.Off = p.Buf[:n], o.done
	o.done += int64(n)
	return nil
}

// hashPiece is the part of the hash that any goroutine can compute.
func (o *gcmOpener) hashPiece(p *engine.Piece) {
	o.aead.Seal(p.Sum[:0], hashNonce[:], nil, p.In)
}

// joinPiece adds a hashed piece to the hash.
func (o *gcmOpener) joinPiece(p *engine.Piece) {
	n := len(p.In)
	o.hash.add(toElement(p.Sum[:]), o.mask, lengths(int64(n), 0), blocks(n))
	clear(p.Sum[:])
}

// decryptPiece decrypts a piece in place, on any goroutine.
func (o *gcmOpener) decryptPiece(p *engine.Piece) {
	gcmCTR(o.block, o.iv[:], uint32(p.Off/BlockSize)).XORKeyStream(p.In, p.In)
	p.Out = p.In
}

// decrypt decrypts b, at offset off, in place. It is cheap where b follows
// what was decrypted before.
func (o *gcmOpener) decrypt(b []byte, off int64) {
	if o.ctr == nil || o.ctrOff != off {
		o.ctr = gcmCTR(o.block, o.iv[:], uint32(off/BlockSize))
	}
	o.ctr.XORKeyStream(b, b)
	o.ctrOff = off + int64(len(b))
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
	if !o.started {
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
	o.done += int64(n)
	return n, !o.started, nil
}

// used returns how many bytes a buffer may hold that pieces were read into.
func (o *gcmOpener) used() int {
	if o.started {
		return o.chunk + GCMTagSize
	}
	return o.read
}

// start leaves the one-shot path.
func (o *gcmOpener) start() {
	if o.started {
		return
	}
	o.started = true
	o.hash.h = o.encrypt(element{})
	o.mask = o.encrypt(element{lo: 1})
	o.add(o.aad)
}

// add appends p to the hash, zero-padded to whole blocks.
func (o *gcmOpener) add(p []byte) {
	if len(p) == 0 {
		return
	}
	o.aead.Seal(o.t[:0], hashNonce[:], nil, p)
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
	if o.rest != nil {
		o.rest.Free()
		o.rest = nil
	}
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
