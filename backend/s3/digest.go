// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"slices"
)

const (
	checksumHeader    = "x-amz-checksum-crc32c"
	checksumAlgorithm = "CRC32C"

	// digestChunk stays in the cache between the two sums.
	digestChunk = 32 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A digest is what a request says of its body; what is empty it does not say.
type digest struct {
	sha string // SHA-256 in hex, for the signature
	crc string // CRC-32C in base64, for the checksum header
}

// digest computes in one pass what the requests of d say of b.
func (d *Driver) digest(b []byte) digest {
	s := d.newSums()
	s.add(b)
	return s.digest()
}

// sums are a digest that is not complete.
type sums struct {
	sha      hash.Hash // nil if nobody wants it
	crc      uint32
	checksum bool
}

func (d *Driver) newSums() *sums {
	s := &sums{checksum: d.checksum}
	if !d.unsigned {
		s.sha = sha256.New()
	}
	return s
}

func (s *sums) add(b []byte) {
	for chunk := range slices.Chunk(b, digestChunk) {
		if s.sha != nil {
			s.sha.Write(chunk)
		}
		if s.checksum {
			s.crc = crc32.Update(s.crc, castagnoli, chunk)
		}
	}
}

func (s *sums) digest() (sum digest) {
	if s.sha != nil {
		sum.sha = hex.EncodeToString(s.sha.Sum(nil))
	}
	if s.checksum {
		sum.crc = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, s.crc))
	}
	return sum
}
