// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// GCMUnverifiedParts decrypt one GCM stream in parts, in any order and
// concurrently, for downloads that ask for several parts at once.
//
// The plaintext is NOT authenticated until Verify has returned nil: Decrypt
// checks nothing, and whoever can alter the ciphertext can flip any bit of what
// it returns. Keep the plaintext where nobody uses it, and discard all of it if
// Verify is never reached, or fails.
//
// A part is named by its offset in the plaintext. Parts may be of different
// sizes; every part but the last is a multiple of 16 bytes. No place is
// decrypted twice, since only one of two contents could be what Verify speaks
// of.
//
// GCMUnverifiedParts may be used concurrently.
type GCMUnverifiedParts struct {
	mu    sync.RWMutex // held for writing by Wipe, and where Verify fails
	gcm   gcm          // with the additional data hashed; block is nil after Wipe
	mask  element      // E_K(0^96 || 1)
	chunk int          // size of a piece
	plan  partPlan     // what was decrypted, each with its Z
	size  int64
	err   error // of Verify, for ever
}

// NewGCMUnverifiedParts returns the parts of the AES-GCM stream with this key,
// IV and aad, of size bytes of plaintext. The key has 16, 24 or 32 bytes, the
// IV 12, and aad, which may be empty, any number. None of them is retained.
// The error is [ErrFIPS], [ErrTooLarge] for a size over [GCMMaxSize], or names
// the argument that is wrong.
//
// It may be called concurrently.
func NewGCMUnverifiedParts(key, iv, aad []byte, size int64) (*GCMUnverifiedParts, error) {
	if _, err := GCMCiphertextSize(size); err != nil {
		return nil, err
	}
	o, err := newGCMOpener(nil, key, iv, aad)
	if err != nil {
		return nil, err
	}
	defer o.Wipe()
	o.start()
	o.size = size
	return &GCMUnverifiedParts{gcm: o.gcm, mask: o.mask, chunk: engine.ChunkSize, plan: partPlan{limit: size, size: -1}, size: size}, nil
}

var errDecryptedTwice = errors.New("stream: part: was decrypted before")

// Decrypt appends to dst the plaintext, NOT authenticated, of src, the part of
// the ciphertext that begins at offset off, a multiple of 16; the tag is no
// part. To use the storage of src for the plaintext, pass src[:0]; else the
// spare capacity of dst must not overlap src, which then is not modified. The
// length of src is a multiple of 16, unless it is the last part. An empty src
// is an error.
//
// A part that overlaps one that was decrypted before, and one that does not end
// where the others allow it, is an error, as [ErrPartChanged] or in other
// words; one that passes the size is [ErrTooLarge]. Nothing is decrypted then,
// except that of two calls for the same part at the same time one fails when it
// is done, and clears what it appended. After a Verify that failed all is
// [ErrDecrypt], after Wipe [ErrClosed].
func (p *GCMUnverifiedParts) Decrypt(dst, src []byte, off int64) (plain []byte, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if err := p.closed(); err != nil {
		return nil, err
	}
	s := partState{off: off, n: int64(len(src))}
	defer func() { s = partState{} }()
	if err := p.take(&s, false); err != nil {
		return nil, err
	}
	plain = slices.Grow(dst, len(src))[:len(dst)+len(src)]
	out := plain[len(dst):]
	if overlap(out, src) {
		return nil, errors.New("stream: part: dst and src overlap in part")
	}
	copy(out, src)
	p.decrypt(out, &s)
	if err := p.take(&s, true); err != nil {
		clear(out)
		return nil, err
	}
	return plain, nil
}

// take says whether the part s may be decrypted, and enters it if it has been.
func (p *GCMUnverifiedParts) take(s *partState, done bool) error {
	p.plan.mu.Lock()
	defer p.plan.mu.Unlock()
	i, ok, err := p.plan.find(s)
	if err != nil {
		return err
	}
	if ok {
		return errDecryptedTwice
	}
	if s.ragged() && s.end() != p.size {
		return fmt.Errorf("stream: part at %d: want a multiple of %d bytes, as it is not the last, got %d", s.off, BlockSize, s.n)
	}
	if done {
		p.plan.insert(i, s)
	}
	return nil
}

// decrypt hashes b, the part s, and decrypts it in place, piece by piece, so
// that the second pass over a piece finds it in the cache.
func (p *GCMUnverifiedParts) decrypt(b []byte, s *partState) {
	o := &gcmOpener{gcm: p.gcm, mask: p.mask}
	defer o.Wipe()
	o.hash.acc = element{}
	off := s.off
	for piece := range slices.Chunk(b, p.chunk) {
		o.add(piece)
		o.decrypt(piece, off)
		off += int64(len(piece))
	}
	o.hash.acc.put(s.sum[:])
}

// Verify returns nil if all of the stream was decrypted, and tag is its tag.
// Then all of the plaintext is what was encrypted under this key, IV and aad.
// A tag that is not, of whatever length, is [ErrDecrypt], and so is everything
// from then on: all of the plaintext is to be discarded. While parts are
// missing, the error says so, and Verify may be called again; after Wipe it is
// [ErrClosed].
func (p *GCMUnverifiedParts) Verify(tag []byte) error {
	p.mu.Lock() // parts that are under way would be missing
	defer p.mu.Unlock()
	if err := p.closed(); err != nil {
		return err
	}
	ok := false
	err := p.plan.finish(p.size, func(parts []partState) { ok = p.verify(parts, tag) })
	if err != nil {
		return err
	}
	if !ok {
		p.wipe()
		p.err = ErrDecrypt
	}
	return p.err
}

func (p *GCMUnverifiedParts) verify(parts []partState, tag []byte) bool {
	o := &gcmOpener{gcm: p.gcm}
	defer o.Wipe()
	for i := range parts {
		o.hash.join(toElement(parts[i].sum[:]), (uint64(parts[i].n)+BlockSize-1)/BlockSize)
	}
	return o.verify(tag)
}

// closed returns the error that all calls have come to.
func (p *GCMUnverifiedParts) closed() error {
	if p.err == nil && p.gcm.block == nil {
		return ErrClosed
	}
	return p.err
}

// Wipe clears what the parts remember and lets go of the keys. It waits for the
// calls of other methods; those that come after it return [ErrClosed], or
// [ErrDecrypt] if they did before. It may be called twice, and deferred: it
// does not undo anything.
func (p *GCMUnverifiedParts) Wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *GCMUnverifiedParts) wipe() {
	p.gcm.Wipe()
	p.mask = element{}
	p.plan.wipe()
}
