// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"io"
	"sync"
)

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '{'
	}
	return len(p), nil
}

// A teeBody remembers what was read of a body, and may end it before its time.
type teeBody struct {
	mu   sync.Mutex // the transport may go on reading when the request is over
	src  io.ReadCloser
	read bytes.Buffer
	left int64 // bytes that may pass, or -1
	err  error // after them
}

func (b *teeBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 {
		return 0, b.err
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.src.Read(p)
	b.read.Write(p[:n])
	if b.left > 0 {
		b.left -= int64(n)
	}
	return n, err
}

func (b *teeBody) Close() error { return b.src.Close() }

// cut ends the body with err after n bytes.
func (b *teeBody) cut(n int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.err = n, err
}

func (b *teeBody) sent() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.read.Bytes())
}

// A cutBody ends with err after left bytes.
type cutBody struct {
	io.ReadCloser
	left int64
	err  error
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// An extraBody has something behind its end.
type extraBody struct {
	io.Reader
	io.Closer
}

// A laterBody begins one byte later.
type laterBody struct{ src io.Reader }

func (b *laterBody) Read(p []byte) (int, error) {
	if src, ok := b.src.(io.ReadCloser); ok {
		var first [1]byte
		if _, err := io.ReadFull(src, first[:]); err != nil {
			return 0, err
		}
		b.src = struct{ io.Reader }{src}
	}
	return b.src.Read(p)
}
