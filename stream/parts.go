// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

var (
	// ErrPartChanged says that a part does not fit what was encrypted before
	// under the same key and IV: its content is another, or its length, it
	// overlaps another part, or it lies behind the end. Nothing of it was
	// released. The object must be started again under a new key.
	ErrPartChanged = errors.New("stream: part is not what it was")

	// ErrPartState says that a part state is cut short, of another version, or
	// not all that there must be.
	ErrPartState = errors.New("stream: invalid part state")
)

// Parts encrypts one object in parts that are sent separately, for uploads
// that send several at once, try again, or go on after an interruption. The
// parts, joined in the order of their offsets, and what Finish returns are
// byte for byte the stream of [GCMEncryptWriter] or [CBCEncryptWriter].
//
// A part is named by its offset in the plaintext, not by a number: so parts
// may be of different sizes, may grow while the size of the whole is unknown,
// and each can be encrypted before its neighbours. Every part but the last is
// a multiple of 16 bytes.
//
// The same part may be encrypted again, to be sent again, and gives the same
// bytes. Another content, length or cut at a place that was encrypted before
// is [ErrPartChanged]: whoever saw both ciphertexts would learn from them
// about both plaintexts, and two tags would let him forge. Parts refuses by
// what it remembers of each part. A process that is to go on where another has
// stopped must be given those memories, which come sealed with each part; see
// [Parts.Restore]. Without them, start again under a new key and IV.
//
// It does not make a key or IV: no two Parts may have the same, unless one
// continues the other.
//
// Parts may be used concurrently. Parts of CBC depend on the one before them,
// so concurrency gains nothing there.
type Parts struct {
	mu     sync.RWMutex // held for writing by Wipe alone
	cipher partCipher   // nil after Wipe
	states *stateSealer
	plan   partPlan
}

// A partCipher is the part of Parts that depends on the mode. Its methods are
// called concurrently, wipe excepted.
type partCipher interface {
	// size returns the size of the ciphertext of n bytes.
	size(n int) int

	// encrypt encrypts src to out, which is src's memory or apart from it, and
	// fills in what s is to remember. chain is the last block of the part
	// before.
	encrypt(out, src []byte, chain [BlockSize]byte, s *partState)

	// trailer returns what follows the last of parts.
	trailer(parts []partState, size int64) []byte

	wipe()
}

func newParts(mode byte, c partCipher, key, iv, aad []byte) (*Parts, error) {
	states, err := newStateSealer(mode, key, iv, aad)
	if err != nil {
		return nil, err
	}
	return &Parts{cipher: c, states: states, plan: partPlan{size: -1}}, nil
}

// Encrypt appends to dst the ciphertext of src, the part of the plaintext that
// begins at offset off, a multiple of 16. It returns that, and the state of
// the part: [PartStateSize] bytes, sealed, to be stored before any of the
// ciphertext leaves if another process shall be able to go on with the upload.
//
// To use the storage of src for the ciphertext, pass src[:0]; else the spare
// capacity of dst must not overlap src, which then is not modified. Nobody may
// look at either before Encrypt returns: what lies there in between is secret.
// Where the length of src is a multiple of 16, the ciphertext has that length;
// else src is the last part, and CBC pads it. An empty src is an error: an
// object without plaintext has no parts.
//
// If the part was encrypted before and src is not what it was, the error is
// [ErrPartChanged], what was appended is cleared, and the part may be tried
// again. [ErrTooLarge] says that the part passes the limit of the mode,
// [ErrClosed] that Wipe was called. With CBC it is an error if the part before
// was not encrypted yet.
func (p *Parts) Encrypt(dst, src []byte, off int64) (ciphertext, state []byte, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.cipher == nil {
		return nil, nil, ErrClosed
	}
	s := partState{off: off, n: int64(len(src))}
	defer func() { s = partState{} }()
	chain, err := p.plan.check(&s)
	if err != nil {
		return nil, nil, err
	}
	size := p.cipher.size(len(src))
	ciphertext = slices.Grow(dst, size)[:len(dst)+size]
	out := ciphertext[len(dst):]
	if overlap(out, src) {
		return nil, nil, errors.New("stream: part: dst and src overlap in part")
	}
	p.cipher.encrypt(out, src, chain, &s)
	if err := p.plan.record(&s); err != nil {
		clear(out)
		return nil, nil, err
	}
	return ciphertext, p.states.seal(kindPart, &s), nil
}

// overlap says whether a and b share memory without beginning together.
func overlap(a, b []byte) bool {
	x, y := reflect.ValueOf(a).Pointer(), reflect.ValueOf(b).Pointer()
	return x != y && x < y+uintptr(len(b)) && y < x+uintptr(len(a))
}

// Finish returns what follows the last part: the tag of GCM, or for CBC the
// padding, which is empty if the last part holds it already. It belongs to the
// end of the last part, or is a part of its own. size is that of the whole
// plaintext in bytes; it is an error if the parts are more or less than that.
//
// The state counts as that of a part, and must be stored before the trailer
// leaves: without it another process could not tell that the object had an
// end, and a second end would give away the key of GCM's hash. Another size
// than before is [ErrPartChanged]; the same may be asked for again.
func (p *Parts) Finish(size int64) (trailer, state []byte, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.cipher == nil {
		return nil, nil, ErrClosed
	}
	err = p.plan.finish(size, func(parts []partState) { trailer = p.cipher.trailer(parts, size) })
	if err != nil {
		return nil, nil, err
	}
	return trailer, p.states.seal(kindEnd, &partState{n: size}), nil
}

// Restore makes new Parts remember what others with the same key, IV and
// additional data have encrypted. states are all of their states, one after
// the other in any order; a state may be there twice. It is all or nothing.
//
// A state that is not theirs or was altered is [ErrDecrypt]. States that are
// cut short or of another version, that contradict each other, that have an
// end but not all of its parts, and none at all, are [ErrPartState].
//
// What it cannot notice is that states are missing. If anything was sent whose
// state is not there, do not go on. No other method may have been called
// before.
func (p *Parts) Restore(states []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cipher == nil {
		return ErrClosed
	}
	if p.plan.parts != nil || p.plan.size >= 0 {
		return errors.New("stream: part state: want new Parts")
	}
	if len(states) == 0 || len(states)%PartStateSize != 0 {
		return fmt.Errorf("%w: want a multiple of %d bytes, got %d", ErrPartState, PartStateSize, len(states))
	}
	err := p.restore(states)
	if err != nil {
		p.plan.wipe()
		p.plan.size = -1
	}
	return err
}

func (p *Parts) restore(states []byte) error {
	var all []partState
	defer func() { clear(all[:cap(all)]) }()
	all = make([]partState, 0, len(states)/PartStateSize)
	end := int64(-1)
	for sealed := range slices.Chunk(states, PartStateSize) {
		kind, s, err := p.states.open(sealed)
		if err != nil {
			return err
		}
		switch {
		case kind == kindPart:
			all = append(all, s)
		case kind == kindEnd && (end < 0 || end == s.n):
			end = s.n
		default:
			return fmt.Errorf("%w: unknown kind, or two ends", ErrPartState)
		}
	}
	return p.plan.restore(all, end)
}

// Wipe clears what Parts remember and lets go of the keys. It waits for the
// calls of other methods; those that come after it return [ErrClosed]. It may
// be called twice, and deferred: it does not undo anything.
func (p *Parts) Wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cipher != nil {
		p.cipher.wipe()
	}
	p.cipher, p.states = nil, nil
	p.plan.wipe()
}
