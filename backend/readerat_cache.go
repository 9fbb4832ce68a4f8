// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

const (
	cachedWindows = 4
	maxWindow     = readStep + readStep/16 // bytes of the body, unless a read needs more
	minAhead      = 128 << 10
	maxAhead      = readStep

	// smallBody is what is fetched as a whole: less than two requests cost.
	smallBody = 128 << 10
)

// A rangeCache is the body of an object as an io.ReaderAt. What a read of the
// plaintext will need has been fetched before, as one window. What the format
// asks for when it is opened are the edges of the body, which stay.
type rangeCache struct {
	size int64
	open func(off, n int64) (*Object, error)

	mu     sync.Mutex
	recent []*window // the last one was used last
	edges  []*window
	opened bool // the edges are there
	closed bool
}

// A window is a part of a body. Its data do not change.
type window struct {
	off   int64
	data  []byte
	ahead int64 // how much more than needed was fetched
	users int   // that read from it now
	bad   bool  // it did not verify, so nobody else is to use it
}

func (w *window) end() int64 { return w.off + int64(len(w.data)) }

func (w *window) holds(off, end int64) bool { return w.off <= off && end <= w.end() }

// ReadAt serves what is there, and fetches edges.
func (c *rangeCache) ReadAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if off < 0 || end > c.size {
		return 0, fmt.Errorf("backend: internal error: read of %d bytes at %d of %d", len(p), off, c.size)
	}
	w, err := c.find(off, end, false)
	if err != nil {
		return 0, err
	}
	if w == nil {
		if w, err = c.edge(off, end); err != nil {
			return 0, err
		}
	}
	return copy(p, w.data[off-w.off:]), nil
}

// edge fetches what no window holds: while the format is being opened, an edge.
// A small body is fetched at once.
func (c *rangeCache) edge(off, end int64) (*window, error) {
	if c.size <= smallBody {
		off, end = 0, c.size
	}
	w := &window{off: off, data: make([]byte, end-off)}
	f := &fetch{cache: c, last: end}
	err := f.fill(w.data, off)
	f.close()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened {
		c.edges = append(c.edges, w)
	}
	return w, nil
}

// find returns the window that holds [off, end), or nil. With use it stays until
// it is released.
func (c *rangeCache) find(off, end int64, use bool) (*window, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fs.ErrClosed
	}
	for _, w := range c.edges {
		if w.holds(off, end) {
			return w, nil
		}
	}
	for i, w := range slices.Backward(c.recent) {
		if !w.holds(off, end) || use && w.bad {
			continue
		}
		if use {
			w.users++
			c.recent = append(slices.Delete(c.recent, i, i+1), w)
		}
		return w, nil
	}
	return nil, nil
}

// before returns the window that ends in, or right before, [off, end).
func (c *rangeCache) before(off, end int64) *window {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range slices.Backward(c.recent) {
		if !w.bad && w.off <= off && off <= w.end() && w.end() < end {
			return w
		}
	}
	return nil
}

// add enters a window in use, in the place of old, which may be nil.
func (c *rangeCache) add(w, old *window) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.users = 1
	c.recent = append(c.recent, w)
	if old != nil && old.users == 0 {
		c.drop(old)
	}
	c.shrink()
}

// release ends the use of a window. One that was no good goes.
func (c *rangeCache) release(w *window, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.users > 0 { // not an edge
		w.users--
	}
	if !good {
		w.bad = true
		c.edges = slices.DeleteFunc(c.edges, func(o *window) bool { return o == w })
	}
	c.shrink()
}

// shrink drops the windows that were used least recently, but none in use.
func (c *rangeCache) shrink() {
	idle := 0
	for _, w := range slices.Backward(slices.Clone(c.recent)) {
		if w.users == 0 {
			if idle++; idle > cachedWindows || w.bad || c.closed {
				c.drop(w)
			}
		}
	}
}

func (c *rangeCache) drop(w *window) {
	c.recent = slices.DeleteFunc(c.recent, func(o *window) bool { return o == w })
}

// keepNoMore ends the time in which edges are kept.
func (c *rangeCache) keepNoMore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = true
}

func (c *rangeCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.edges = true, nil
	c.shrink()
}

func (c *rangeCache) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// A fetch is what one read of the plaintext gets of the body: in ascending order,
// and by one request as long as nothing in between is there already.
type fetch struct {
	cache *rangeCache
	last  int64   // where the whole read ends
	body  *Object // nil if none is open
	pos   int64   // of the next byte of body
	end   int64   // of body
}

// window returns the window with [off, end), which the caller has to release.
func (f *fetch) window(off, end int64) (*window, error) {
	if w, err := f.cache.find(off, end, true); w != nil || err != nil {
		return w, err
	}
	w := &window{off: off}
	old := f.cache.before(off, end)
	want := end
	if old != nil && f.body == nil && end == f.last {
		w.ahead = min(max(minAhead, 2*old.ahead), maxAhead)
		want = max(end, min(old.end()+w.ahead, off+maxWindow, f.cache.size))
	}
	w.data = make([]byte, want-off)
	have := 0
	if old != nil {
		have = copy(w.data, old.data[off-old.off:])
	}
	if err := f.fill(w.data[have:], off+int64(have)); err != nil {
		return nil, err
	}
	f.cache.add(w, old)
	return w, nil
}

// fill reads len(p) bytes of the body from off on. Where it has to ask for them,
// it asks for all that is left of the whole read.
func (f *fetch) fill(p []byte, off int64) error {
	if f.body == nil || f.pos != off || off+int64(len(p)) > f.end {
		f.close()
		end := max(f.last, off+int64(len(p)))
		body, err := f.cache.open(off, end-off)
		if err != nil {
			return err
		}
		f.body, f.pos, f.end = body, off, end
	}
	n, err := io.ReadFull(f.body, p)
	f.pos += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("%w: body ended early", ErrSize)
	}
	return err
}

// close lets go of the body. What was asked of it was read, or has failed.
func (f *fetch) close() {
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}
