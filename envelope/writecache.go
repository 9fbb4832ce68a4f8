// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/s3seal/s3seal/wrap"
)

// The defaults of WriteCacheOptions.
const (
	writeCacheEntries = 1000
	writeCacheAge     = 5 * time.Minute
	writeCacheUses    = 1000
	writeCacheBytes   = 64 << 30
)

// WriteCacheOptions bound a [WriteCache]. The zero value, and a nil pointer, mean
// the defaults.
type WriteCacheOptions struct {
	// MaxUses is how many objects are sealed under one CEK; 0 means 1000.
	MaxUses int

	// MaxAge is how long a CEK is used, counted from when it was made; 0 means
	// 5 minutes. Objects that were begun before are finished under it.
	MaxAge time.Duration

	// MaxBytes is how many bytes are sealed under one CEK; 0 means 64 GiB. When
	// so many have been, the next object gets another CEK. The objects that are
	// on their way are finished, so it can be passed by as much as they have.
	MaxBytes int64

	// MaxEntries is for how many materials descriptions there is a CEK; 0
	// means 1000. The one that was not used for the longest time makes room.
	MaxEntries int
}

// A WriteCache lets several objects be sealed under one CEK, so that sealing does
// not ask a KMS for each. It is a [wrap.Wrapper] for [NewSealer], or whatever
// calls it. Use [NewWriteCache].
//
// Sharing a CEK is safe where no content key is the CEK itself: V3 derives one
// for each object from the CEK and a message id of 28 random bytes, and commits
// to it; Chunked does the same with 24 random bytes, DARE derives from 32 and does
// not commit. With every other suite two objects would be sealed under one key, and
// with further recipients these could read more than their object. Those are
// refused, before a key is used, and not sealed under a CEK of their own: whoever
// put a cache there counts on the KMS being spared.
//
// Objects share a CEK only if they have the same suite and the same materials
// description or encryption context, all of it. Every KMS call and every bound is
// that of one WriteCache; it serves one Wrapper.
//
// What is not promised: objects that share a CEK have equal wrapped keys, which
// everybody can see who sees their metadata. Who learns the CEK, from whichever
// of them, reads all: to give one of them another recipient by [Rewrap] is to give
// away the others. The KMS logs one call for all of them, and while a CEK is
// used it is not noticed that the KMS would refuse by now; [WriteCache.Clear]
// makes the cache forget. CEKs are in memory for MaxAge at most, and are cleared
// when they are dropped. Objects that are begun together, before there is a CEK,
// may each have one of their own.
//
// A WriteCache is safe for concurrent use.
type WriteCache struct {
	wrapper wrap.Wrapper
	bounds  WriteCacheOptions

	mu      sync.Mutex
	entries map[writeID]*list.Element // of *writeEntry
	order   list.List                 // the last used one first
	cleared uint64                    // calls of Clear
}

// A writeID is what objects under one CEK have in common.
type writeID struct{ contentAlg, desc string }

type writeEntry struct {
	id           writeID
	cek, wrapped []byte
	uses         int
	bytes        int64
	expires      time.Time
	timer        *time.Timer
}

// NewWriteCache returns a cache of what w generates. opts may be nil and is
// copied. w must be a [wrap.Generator], as a KMS is: any other key wraps in this
// process, where a CEK for each object costs next to nothing, and may depend on
// more than what it is asked. A missing w is [wrap.ErrNoKey], and negative bounds
// are errors.
//
// It may be called concurrently.
func NewWriteCache(w wrap.Wrapper, opts *WriteCacheOptions) (*WriteCache, error) {
	if w == nil {
		return nil, fmt.Errorf("envelope: write cache: %w", wrap.ErrNoKey)
	}
	if _, ok := w.(wrap.Generator); !ok {
		return nil, fmt.Errorf("envelope: write cache: %v keys make no CEKs themselves: use the key without a cache", w.Algorithm())
	}
	c := &WriteCache{wrapper: w, entries: make(map[writeID]*list.Element)}
	if opts != nil {
		c.bounds = *opts
	}
	b := &c.bounds
	if b.MaxUses < 0 || b.MaxAge < 0 || b.MaxBytes < 0 || b.MaxEntries < 0 {
		return nil, fmt.Errorf("envelope: write cache: want bounds from 0 on, got %+v", *b)
	}
	setDefault(&b.MaxUses, writeCacheUses)
	setDefault(&b.MaxAge, writeCacheAge)
	setDefault(&b.MaxBytes, writeCacheBytes)
	setDefault(&b.MaxEntries, writeCacheEntries)
	return c, nil
}

func setDefault[T int | int64 | time.Duration](bound *T, value T) {
	if *bound == 0 {
		*bound = value
	}
}

// Algorithm returns that of the Wrapper. It may be called concurrently.
func (c *WriteCache) Algorithm() wrap.Algorithm { return c.wrapper.Algorithm() }

// Wrap wraps a CEK that the caller has made. Nothing is remembered: only
// [NewSealer] knows whether a CEK may be shared. It may be called concurrently.
func (c *WriteCache) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	return c.wrapper.Wrap(ctx, cek, info)
}

// Clear drops and clears all CEKs. What is being made while Clear runs is not
// kept. Objects that are on their way are finished. It may be called concurrently.
func (c *WriteCache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleared++
	for c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

// Format prints the name of the type, so that no verb prints keys.
func (c *WriteCache) Format(f fmt.State, _ rune) { io.WriteString(f, "envelope.WriteCache") }

// LogValue returns the name of the type.
func (c *WriteCache) LogValue() slog.Value { return slog.StringValue("envelope.WriteCache") }

// checkShared refuses a cache where the CEK is the content key, and where
// somebody else is to have the CEK: he could read the other objects under it.
func checkShared(w wrap.Wrapper, s Suite, others int) error {
	_, ok := w.(*WriteCache)
	if ok && others > 0 {
		return errors.New("envelope: write cache: further recipients of one object could read all others" +
			" under the same CEK; use the key without a cache")
	}
	if ok && !s.salted() {
		return errors.New("envelope: write cache: format " + s.String() + " encrypts with the CEK itself, which" +
			" two objects must not share; use V3, or the key without a cache")
	}
	return nil
}

// salted reports whether every object has a content key of its own whatever the
// CEK. A new suite has to ask for it.
func (s Suite) salted() bool { return s.info().salted }

// newCEK returns a CEK, wrapped, with the account of its use.
func (c *WriteCache) newCEK(ctx context.Context, info wrap.Info) (cek, wrapped []byte, a *account, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, nil, err
	}
	desc, err := encodeMatDesc("", info.MatDesc)
	if err != nil {
		return nil, nil, nil, err
	}
	id := writeID{info.ContentAlg, desc}
	cek, wrapped, a, cleared := c.get(id)
	if a != nil {
		return cek, wrapped, a, nil
	}
	cek, wrapped, _, err = newCEK(ctx, c.wrapper, info)
	if err != nil {
		return cek, nil, nil, err
	}
	return cek, wrapped, c.put(id, cek, wrapped, cleared), nil
}

// get uses an entry once more, if there is one that may be.
func (c *WriteCache) get(id writeID) (cek, wrapped []byte, a *account, cleared uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[id]
	if !ok {
		return nil, nil, nil, c.cleared
	}
	e := el.Value.(*writeEntry)
	if !time.Now().Before(e.expires) { // its timer is late
		c.drop(el)
		return nil, nil, nil, c.cleared
	}
	c.order.MoveToFront(el)
	cek, wrapped = bytes.Clone(e.cek), bytes.Clone(e.wrapped)
	e.uses++
	c.settle(el)
	return cek, wrapped, &account{c, el}, c.cleared
}

// put enters a CEK that has been used once. If there is an entry by now, that
// stays, and the CEK is for one object only.
func (c *WriteCache) put(id writeID, cek, wrapped []byte, cleared uint64) *account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[id]; ok || c.cleared != cleared {
		return nil
	}
	for c.order.Len() >= c.bounds.MaxEntries {
		c.drop(c.order.Back())
	}
	e := &writeEntry{id: id, cek: bytes.Clone(cek), wrapped: bytes.Clone(wrapped), uses: 1}
	e.expires = time.Now().Add(c.bounds.MaxAge)
	el := c.order.PushFront(e)
	c.entries[id] = el
	// Without a timer a key under which nobody seals again would stay.
	e.timer = time.AfterFunc(c.bounds.MaxAge, func() { c.expire(el) })
	c.settle(el)
	return &account{c, el}
}

// settle drops an entry that is used up. It needs the lock, and el to be in the
// cache.
func (c *WriteCache) settle(el *list.Element) {
	e := el.Value.(*writeEntry)
	if e.uses >= c.bounds.MaxUses || e.bytes >= c.bounds.MaxBytes {
		c.drop(el)
	}
}

func (c *WriteCache) expire(el *list.Element) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[el.Value.(*writeEntry).id] == el {
		c.drop(el)
	}
}

// drop needs the lock, and el to be in the cache.
func (c *WriteCache) drop(el *list.Element) {
	e := c.order.Remove(el).(*writeEntry)
	e.timer.Stop()
	delete(c.entries, e.id)
	clear(e.cek)
}

// An account tells a WriteCache how much one object has sealed. A nil account is
// that of a CEK which is not shared.
type account struct {
	cache *WriteCache
	el    *list.Element // may have been dropped
}

func (a *account) add(n int) {
	if a == nil {
		return
	}
	c := a.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e := a.el.Value.(*writeEntry)
	if c.entries[e.id] != a.el {
		return
	}
	e.bytes += int64(n)
	c.settle(a.el)
}

// reader counts what is read from src, which is the plaintext.
func (a *account) reader(src io.Reader) io.Reader {
	if a == nil {
		return src
	}
	return &accountReader{src, a}
}

// writer counts what is written to dst, which is the ciphertext.
func (a *account) writer(dst io.Writer) io.Writer {
	if a == nil {
		return dst
	}
	return &accountWriter{dst, a}
}

// The types that count rely on the stream around them for sticky errors and for
// checking n.
type accountReader struct {
	src     io.Reader
	account *account
}

func (r *accountReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	r.account.add(min(max(n, 0), len(p)))
	return n, err
}

type accountWriter struct {
	dst     io.Writer
	account *account
}

func (w *accountWriter) Write(p []byte) (int, error) {
	w.account.add(len(p))
	return w.dst.Write(p)
}
