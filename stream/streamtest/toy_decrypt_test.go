// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// A toyDecryptWriter releases each segment once it is verified.
type toyDecryptWriter struct {
	bug   string
	dst   io.Writer
	held  []byte
	index int
	err   error
}

func (w *toyDecryptWriter) Write(p []byte) (int, error) {
	const full = toySegment + toyTag
	if w.err != nil {
		return 0, w.err
	}
	w.held = append(w.held, p...)
	for len(w.held) > full {
		if w.open(w.held[:full], false); w.err != nil {
			return 0, w.err
		}
		w.held = w.held[full:]
	}
	return len(p), nil
}

func (w *toyDecryptWriter) open(in []byte, last bool) {
	out, ok := toyOpen(w.bug, w.index, last, in)
	w.index++
	if !ok {
		w.err = errToy
		return
	}
	n, err := w.dst.Write(out[:len(out):len(out)])
	if n < len(out) && err == nil {
		err = io.ErrShortWrite
	}
	if n > len(out) {
		err = errors.New("invalid count")
	}
	if err != nil {
		w.err = fmt.Errorf("toy: write: %w", err)
	}
}

func (w *toyDecryptWriter) Close() error {
	const full = toySegment + toyTag
	if w.err == errStopped {
		return nil
	}
	if w.err != nil && w.bug == "Close forgets errors" {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if w.bug == "Close does not miss the end" && (len(w.held) == 0 || len(w.held) == full) {
		if w.open(w.held, true); w.err != errToy {
			return w.err
		}
		w.err = nil // the segment is whole, though not the last
		w.index--
		if w.open(w.held, false); w.err != nil {
			return w.err
		}
		w.err = errStopped
		return nil
	}
	if w.open(w.held, true); w.err != nil {
		return w.err
	}
	w.err = errStopped
	return nil
}

// A toyReaderAt verifies each segment that it reads.
type toyReaderAt struct {
	bug  string
	src  io.ReaderAt
	size int64 // of the plaintext

	mu  sync.Mutex
	off int64
}

func newToyReaderAt(bug string, src io.ReaderAt, size int64) (*toyReaderAt, error) {
	const full = toySegment + toyTag
	r := &toyReaderAt{bug: bug, src: src}
	segments := max((size+full-1)/full, 1)
	r.size = size - segments*toyTag
	if bug == "does not verify its end" {
		return r, nil
	}
	_, err := r.segment(segments - 1)
	return r, err
}

// last returns the number of the last segment.
func (r *toyReaderAt) last() int64 { return max((r.size+toySegment-1)/toySegment, 1) - 1 }

func (r *toyReaderAt) segment(index int64) ([]byte, error) {
	size := min(r.size-index*toySegment, toySegment) + toyTag
	if size < toyTag {
		return nil, errToy
	}
	p := make([]byte, size)
	n, err := r.src.ReadAt(p, index*(toySegment+toyTag))
	switch {
	case n == len(p) && r.bug != "takes data with io.EOF for a failure":
		err = nil
	case r.bug == "blames the ciphertext":
		return nil, errToy
	case err != nil:
		return nil, fmt.Errorf("toy: read: %w", err)
	}
	out, ok := toyOpen(r.bug, int(index), index == r.last(), p)
	if !ok {
		return nil, errToy
	}
	return out, nil
}

func (r *toyReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 && r.bug != "takes negative offsets" {
		return 0, errors.New("toy: negative offset")
	}
	for n < len(p) {
		at := off + int64(n)
		if r.bug == "shares its position" {
			r.seek(at)
		}
		if r.bug == "starts again at its end" && r.size > 0 {
			at %= r.size
		}
		if at >= r.size && n == 0 && r.bug == "fails behind its end" {
			return n, io.ErrUnexpectedEOF
		}
		if at < 0 || at >= r.size {
			return n, io.EOF
		}
		out, err := r.segment(at / toySegment)
		if err != nil {
			return n, err
		}
		if r.bug == "shares its position" {
			at = r.where()
		}
		if r.bug == "forgets where in a segment" {
			at = 0
		}
		n += copy(p[n:], out[at%toySegment:])
	}
	if r.bug == "counts too much" {
		n = len(p) + 1
	}
	if r.bug == "returns less without an error" && n > 5 {
		n = 5
	}
	return n, nil
}

// A position that calls share is wrong even where a lock guards it.
func (r *toyReaderAt) seek(at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off = at
}

func (r *toyReaderAt) where() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off
}

// A toyPlainReader undoes the XOR of a stream that has no tags.
type toyPlainReader struct {
	bug   string
	src   toySource
	at    int
	size  int  // of the whole stream
	sum   byte // of its bytes
	whole []byte
	err   error
}

func (r *toyPlainReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.at == r.size {
		r.err = io.EOF // what follows is none of ours
		return 0, r.err
	}
	p = p[:min(len(p), r.size-r.at)]
	var b [toySegment]byte
	read := r.src.read
	if r.bug == "spreads the damage" {
		read = r.readWhole
	}
	n, err := read(b[:min(len(p), len(b))])
	for i := range n {
		p[i] = b[i] ^ byte(r.at*5)
		r.at++
	}
	if err == io.EOF && r.at != r.size && r.bug != "does not miss the end" {
		err = fmt.Errorf("toy: want %d bytes, got %d: %w", r.size, r.at, io.ErrUnexpectedEOF)
	}
	if r.bug == "panics at a bad length" && err != nil {
		_ = make([]byte, r.at-r.size)
	}
	if r.bug != "goes on after an error" {
		r.err = err
	}
	return n, err
}

// readWhole lets what is altered anywhere alter all that is read.
func (r *toyPlainReader) readWhole(p []byte) (int, error) {
	if r.whole == nil {
		p := make([]byte, r.size+1)
		n, err := r.src.fill(p)
		if err != io.EOF {
			return 0, err
		}
		r.whole = p[:n]
	}
	n := copy(p, r.whole[min(r.at, len(r.whole)):])
	if n == 0 {
		return 0, io.EOF
	}
	for i := range n {
		p[i] ^= toySum(r.whole) ^ r.sum
	}
	return n, nil
}

func toySum(p []byte) (sum byte) {
	for _, b := range p {
		sum += b
	}
	return sum
}
