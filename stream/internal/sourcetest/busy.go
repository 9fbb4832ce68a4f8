// SPDX-License-Identifier: Apache-2.0

package sourcetest

import "io"

// Blocked is a source that hands out what it is to read into, and goes on, and
// ends, when it is told how much it has got.
type Blocked struct {
	In  chan []byte
	Out chan int
}

// NewBlocked returns one.
func NewBlocked() *Blocked { return &Blocked{make(chan []byte), make(chan int)} }

// Read implements io.Reader.
func (s *Blocked) Read(p []byte) (int, error) {
	s.In <- p
	return <-s.Out, io.EOF
}

// Reentrant is a source that reads from the stream that reads it, once.
type Reentrant struct {
	io.Reader
	Stream io.Reader // until it has been read
	Err    error     // of that Read
}

// Read implements io.Reader.
func (s *Reentrant) Read(p []byte) (int, error) {
	if r := s.Stream; r != nil {
		s.Stream = nil
		_, s.Err = r.Read(make([]byte, 10))
	}
	return s.Reader.Read(p)
}
