// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"net"
	"sync"
	"testing"
)

// A Direction is one of the two ways through a [Wire].
type Direction int

// The directions.
const (
	ToServer Direction = iota // requests
	ToClient                  // answers
)

// A Tap sees what passes a connection in one direction, piece by piece and in
// order, before it goes on. It may alter p in place, or take its time. An error
// resets the connection, and what was in p is lost.
type Tap func(p []byte) error

// A Wire is a proxy between clients and a server that knows of nothing but bytes:
// what a network does to them can be done here, to whatever the protocol is. Use
// [NewWire]. It is safe for concurrent use.
type Wire struct {
	listener net.Listener
	target   string
	tap      func(d Direction) Tap

	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
	wg    sync.WaitGroup
}

// NewWire starts a Wire to the server at target, host:port, on loopback. For each
// connection tap makes one Tap for each direction; a nil Tap lets all pass. tap
// may be called concurrently. When the test ends the Wire is cut and no goroutine
// is left.
func NewWire(t testing.TB, target string, tap func(d Direction) Tap) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("backendtest: wire: %v", err)
	}
	w := &Wire{listener: l, target: target, tap: tap, conns: make(map[net.Conn]bool)}
	t.Cleanup(w.close)
	w.wg.Go(w.accept)
	return w
}

// Addr returns where clients connect to, host:port.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		if w.keep(client) {
			w.wg.Go(func() { w.join(client) })
		}
	}
}

// keep remembers a connection, so that close ends it, and says whether it may
// live.
func (w *Wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		c.Close()
		return false
	}
	w.conns[c] = true
	return true
}

func (w *Wire) drop(c net.Conn) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
	c.Close()
}

func (w *Wire) close() {
	w.mu.Lock()
	w.over = true
	for c := range w.conns {
		c.Close()
	}
	w.mu.Unlock()
	w.listener.Close()
	w.wg.Wait()
}

// join passes on what a client and the server say until both have ended.
func (w *Wire) join(client net.Conn) {
	defer w.drop(client)
	server, err := net.Dial("tcp", w.target)
	if err != nil || !w.keep(server) {
		return
	}
	defer w.drop(server)
	var both sync.WaitGroup
	both.Go(func() { pass(server, client, w.tap(ToServer)) })
	both.Go(func() { pass(client, server, w.tap(ToClient)) })
	both.Wait()
}

// pass copies one direction. At its end it says so to dst alone: the other
// direction goes on.
func pass(dst, src net.Conn, tap Tap) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && tap != nil && tap(buf[:n]) != nil {
			reset(dst)
			reset(src)
			return
		}
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				src.Close()
				return
			}
		}
		if err != nil {
			if c, ok := dst.(*net.TCPConn); ok {
				c.CloseWrite()
			}
			return
		}
	}
}

// reset ends a connection so that its peer cannot take that for a proper end.
func reset(c net.Conn) {
	if c, ok := c.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	c.Close()
}
