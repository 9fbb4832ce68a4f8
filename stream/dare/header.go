// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"encoding/binary"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
)

const (
	nonceAt   = 4 // where the nonce begins in a header
	freeNonce = 8 // how many bytes of it are free: see the package comment
	lastFlag  = 0x80
)

// A strand is what all packages of a stream have in common. It looks only at
// what sio does not. All of it is public, so nothing here needs constant time;
// and none of it counts before sio has verified the package.
type strand struct {
	foreign bool // written by sio, not by this package
	known   bool
	nonce   [12]byte // without the flag of the last package
}

// admit checks that p, a package with its header, may belong to the strand. The
// first package that it sees decides what the others must be like.
func (s *strand) admit(p []byte) error {
	if len(p) <= overhead {
		return stream.ErrDecrypt
	}
	nonce := [12]byte(p[nonceAt:])
	nonce[0] &^= lastFlag
	if !s.known {
		if p[0] == sio.Version10 {
			return ErrVersion
		}
		if !s.foreign && binary.LittleEndian.Uint32(nonce[freeNonce:]) != 0 {
			return stream.ErrDecrypt
		}
		s.known, s.nonce = true, nonce
	}
	if nonce != s.nonce {
		return stream.ErrDecrypt
	}
	return nil
}

// isLast says whether p claims to be the last package of its stream.
func isLast(p []byte) bool { return p[nonceAt]&lastFlag != 0 }
