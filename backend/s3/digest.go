// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
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
	sha, crc := sha256.New(), uint32(0)
	for chunk := range slices.Chunk(b, digestChunk) {
		if !d.unsigned {
			sha.Write(chunk)
		}
		if d.checksum {
			crc = crc32.Update(crc, castagnoli, chunk)
		}
	}
	var sum digest
	if !d.unsigned {
		sum.sha = hex.EncodeToString(sha.Sum(nil))
	}
	if d.checksum {
		sum.crc = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
	}
	return sum
}
