// SPDX-License-Identifier: Apache-2.0

// Package ends has a source and a sink for measuring streams: they cost next to
// nothing, and io.Copy finds at them what it finds at files.
package ends

import "io"

// A File has the methods of an *os.File that matter to io.Copy: Read alone, which
// is a copy. Use [NewFile].
//
// It is not safe for concurrent use.
type File struct{ p []byte }

// NewFile returns a File that holds p.
func NewFile(p []byte) *File { return &File{p} }

// Read copies what is next to p.
func (f *File) Read(p []byte) (int, error) {
	if len(f.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.p)
	f.p = f.p[n:]
	return n, nil
}

// A Sink is io.Discard without its ReadFrom.
type Sink struct{}

// Write takes all of p.
func (Sink) Write(p []byte) (int, error) { return len(p), nil }
