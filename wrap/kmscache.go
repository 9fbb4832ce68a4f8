// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// The defaults of CacheOptions.
const (
	cacheEntries = 1000
	cacheAge     = 5 * time.Minute
)

// CacheOptions bound a [Cache]. The zero value, and a nil pointer, mean the
// defaults.
type CacheOptions struct {
	// MaxEntries is how many CEKs are kept; 0 means 1000. The one that was not
	// used for the longest time makes room.
	MaxEntries int

	// MaxAge is how long a CEK is kept, counted from its unwrapping and not
	// from its last use; 0 means 5 minutes.
	MaxAge time.Duration
}

// A Cache remembers what an [Unwrapper] has unwrapped, so that reading the same
// object again, or many ranges of it, does not ask a KMS each time.
//
// It answers from memory only if everything that the Unwrapper would be asked is
// the same: algorithm, wrapped key, content algorithm and the whole materials
// description or encryption context. One Cache serves one Unwrapper, so its key
// IDs and its [RequireContext] are the same by construction. Errors are not
// remembered. What an object must be to be opened is decided elsewhere, for each
// object anew, so nothing that is remembered can get round it.
//
// For up to MaxAge it does not notice that the KMS would refuse by now, because
// a permission was taken back or a key disabled; [Cache.Clear] makes it forget.
// CEKs are in memory for that time. They are cleared when they are dropped; the
// copies that Unwrap returns are the caller's.
//
// Requests for the same key that arrive together may all reach the Unwrapper.
//
// A Cache is safe for concurrent use.
type Cache struct {
	label
	key    Unwrapper
	limit  int
	maxAge time.Duration

	mu      sync.Mutex
	entries map[cacheID]*list.Element // of *cacheEntry
	order   list.List                 // the last used one first
	cleared uint64                    // calls of Clear
}

type cacheID [sha256.Size]byte

type cacheEntry struct {
	id      cacheID
	cek     []byte
	expires time.Time
	timer   *time.Timer
}

// NewCache returns a Cache in front of u; opts may be nil and is not kept.
// Negative bounds and a missing u are errors. It may be called concurrently.
func NewCache(u Unwrapper, opts *CacheOptions) (*Cache, error) {
	c := &Cache{key: u, limit: cacheEntries, maxAge: cacheAge, entries: make(map[cacheID]*list.Element)}
	if opts == nil {
		opts = new(CacheOptions)
	}
	switch {
	case u == nil:
		return nil, errors.New("wrap: cache: missing key")
	case opts.MaxEntries < 0 || opts.MaxAge < 0:
		return nil, fmt.Errorf("wrap: cache: want bounds from 0 on, got %d entries, %v", opts.MaxEntries, opts.MaxAge)
	}
	if opts.MaxEntries > 0 {
		c.limit = opts.MaxEntries
	}
	if opts.MaxAge > 0 {
		c.maxAge = opts.MaxAge
	}
	c.label = label(fmt.Sprintf("wrap.Cache(%s)", printable(u)))
	return c, nil
}

// Unwrap returns the CEK from memory, or else what the Unwrapper answers. If ctx
// has ended, its error is returned in either case. It may be called concurrently.
func (c *Cache) Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wrap: cache: %w", err)
	}
	id := newCacheID(alg, wrapped, info)
	cek, cleared := c.get(id)
	if cek != nil {
		return cek, nil
	}
	cek, err := c.key.Unwrap(ctx, alg, wrapped, info)
	if err != nil {
		return nil, err // the Unwrapper's own words
	}
	c.put(id, cek, cleared)
	return cek, nil
}

// Clear drops and clears all CEKs. What is being unwrapped while Clear runs is
// not kept. It may be called concurrently.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleared++
	for c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

// get returns a copy of a CEK, or nil, and how often the cache was cleared.
func (c *Cache) get(id cacheID) (cek []byte, cleared uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[id]
	if !ok {
		return nil, c.cleared
	}
	e := el.Value.(*cacheEntry)
	if !time.Now().Before(e.expires) { // its timer is late
		c.drop(el)
		return nil, c.cleared
	}
	c.order.MoveToFront(el)
	return bytes.Clone(e.cek), c.cleared
}

func (c *Cache) put(id cacheID, cek []byte, cleared uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cleared != cleared || len(cek) == 0 {
		return
	}
	if el, ok := c.entries[id]; ok {
		c.drop(el)
	}
	for c.order.Len() >= c.limit {
		c.drop(c.order.Back())
	}
	e := &cacheEntry{id: id, cek: bytes.Clone(cek), expires: time.Now().Add(c.maxAge)}
	el := c.order.PushFront(e)
	c.entries[id] = el
	// Without a timer the key of an object that nobody reads again would stay.
	e.timer = time.AfterFunc(c.maxAge, func() { c.expire(el) })
}

func (c *Cache) expire(el *list.Element) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[el.Value.(*cacheEntry).id] == el {
		c.drop(el)
	}
}

// drop needs the lock, and el to be in the cache.
func (c *Cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*cacheEntry)
	e.timer.Stop()
	delete(c.entries, e.id)
	clear(e.cek)
}

// newCacheID hashes all that an Unwrapper is asked. Every part is preceded by
// its length: no two questions have the same encoding.
func newCacheID(alg Algorithm, wrapped []byte, info Info) cacheID {
	b := []byte{byte(alg)}
	b = appendPart(b, wrapped)
	b = appendPart(b, info.ContentAlg)
	for _, name := range slices.Sorted(maps.Keys(info.MatDesc)) {
		b = appendPart(b, name)
		b = appendPart(b, info.MatDesc[name])
	}
	return sha256.Sum256(b)
}

func appendPart[T string | []byte](b []byte, part T) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
	return append(b, part...)
}
