// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"io"

	"github.com/s3seal/s3seal/backend"
)

// A source delivers a body in buffers. It looks one byte ahead, to know the
// last buffer when it has it: an object of one buffer is stored by another
// request than a larger one, and no part may be empty.
type source struct {
	body  *backend.BodyReader
	ahead [1]byte
	have  bool // ahead holds the next byte
}

// fill reads until p, which must not be empty, is full or the body has ended.
// last says that nothing follows.
func (s *source) fill(p []byte) (n int, last bool, err error) {
	if s.have {
		p[0], s.have = s.ahead[0], false
		n = 1
	}
	for n < len(p) && err == nil {
		var m int
		m, err = s.body.Read(p[n:])
		n += m
	}
	if err == nil {
		_, err = io.ReadFull(s.body, s.ahead[:])
		s.have = err == nil
	}
	if err == io.EOF { // BodyReader returns it for a verified end only
		return n, true, nil
	}
	return n, false, err
}
