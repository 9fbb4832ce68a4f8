// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
)

// await runs f and waits for it, but not longer than ctx: a read from a pipe
// or an open of a FIFO cannot be called off. If ctx ends first, f goes on
// alone, for the little time that the process has left, and must not touch
// what the caller goes on to use.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

// pipeBuffer is what a Linux pipe holds.
const pipeBuffer = 64 << 10

// An interruptibleReader is src, except that Read returns when ctx ends even
// if src does not. It is not safe for concurrent use.
type interruptibleReader struct {
	ctx  context.Context
	src  io.Reader
	buf  []byte // src reads into this, never into the caller's memory
	have []byte // the part of buf that the caller has not had yet
	err  error
}

// interruptible returns src itself if its reads cannot block for long.
func interruptible(ctx context.Context, src io.Reader) io.Reader {
	if f, ok := src.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return &checkedReader{ctx, src}
		}
	}
	return &interruptibleReader{ctx: ctx, src: src, buf: make([]byte, pipeBuffer)}
}

// Read implements io.Reader.
func (r *interruptibleReader) Read(p []byte) (int, error) {
	if len(r.have) == 0 {
		if r.err != nil || len(p) == 0 {
			return 0, r.err
		}
		var n int
		n, r.err = await(r.ctx, func() (int, error) { return r.src.Read(r.buf) })
		if n < 0 || n > len(r.buf) {
			n, r.err = 0, fmt.Errorf("source returned an invalid count")
		}
		r.have = r.buf[:n]
	}
	n := copy(p, r.have)
	r.have = r.have[n:]
	if len(r.have) == 0 && r.err != nil {
		return n, r.err
	}
	return n, nil
}

// A checkedReader is src, except that Read fails once ctx has ended.
type checkedReader struct {
	ctx context.Context
	src io.Reader
}

// Read implements io.Reader.
func (r *checkedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.src.Read(p)
}

// An interruptibleWriter is dst, except that Write returns when ctx ends even
// if dst does not. It is not safe for concurrent use.
type interruptibleWriter struct {
	ctx context.Context
	dst io.Writer
	buf []byte
	err error

	text bool // take nothing but text, for a terminal would obey the rest
}

// output wraps stdout for the data of a command. Its errors say that it was
// stdout that failed.
func (a *app) output(ctx context.Context) *interruptibleWriter {
	return &interruptibleWriter{ctx: ctx, dst: a.stdout, text: isTerminal(a.stdout)}
}

// Write implements io.Writer.
func (w *interruptibleWriter) Write(p []byte) (int, error) {
	if w.err == nil && w.text && bytes.IndexByte(p, 0) >= 0 {
		w.err = usagef("will not write what is no text to a terminal: send stdout to a file or a pipe")
	}
	if w.err != nil {
		return 0, w.err
	}
	w.buf = append(w.buf[:0], p...) // after an interruption p is the caller's again
	n, err := await(w.ctx, func() (int, error) { return w.dst.Write(w.buf) })
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = fmt.Errorf("write stdout: %w", err)
	}
	return n, w.err
}
