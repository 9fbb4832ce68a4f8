// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"fmt"
	"io"
)

// What follows stands between a source that breaks the contract of io.Reader and
// code of the standard library that relies on it.

// A countedReader fails where the count of a reader would make bufio panic.
type countedReader struct{ src io.Reader }

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("invalid count %d for %d bytes", n, len(p))
	}
	return n, err
}

// A steadyReader gives up on a reader that never gets anywhere, which io.ReadFull
// would ask for ever.
type steadyReader struct {
	src  io.Reader
	idle int
}

func (r *steadyReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if r.idle++; n > 0 || len(p) == 0 {
		r.idle = 0
	}
	if err == nil && r.idle == 100 {
		err = io.ErrNoProgress
	}
	return n, err
}
