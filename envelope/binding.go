// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Binding is the place of an object in storage, to which content can be bound:
// it then opens only for readers that asked for it under these names. The zero
// value binds nothing.
//
// The names are never stored. A reader supplies those that it has asked storage
// for; names that it took from storage would prove nothing. A bound object
// cannot be renamed or copied: it has to be sealed anew at the other place. An
// older version of an object is at the same place, and is not noticed.
type Binding struct {
	// Bucket is the name of the bucket, up to 65535 bytes. It may be empty
	// where storage has no buckets.
	Bucket string

	// Key is the key of the object, 1 to 65535 bytes.
	Key string
}

// check says whether b can be bound to.
func (b Binding) check() error {
	if b == (Binding{}) {
		return nil
	}
	if b.Key == "" || len(b.Key) > math.MaxUint16 || len(b.Bucket) > math.MaxUint16 {
		return fmt.Errorf("envelope: binding: want a key of 1 to %d bytes and a bucket of at most that, got %d and %d",
			math.MaxUint16, len(b.Key), len(b.Bucket))
	}
	return nil
}

// context returns what the content is bound to. The lengths keep one pair of
// names from being another one.
func (b Binding) context(bound bool) []byte {
	if !bound {
		return []byte{0}
	}
	c := []byte{1}
	for _, name := range []string{b.Bucket, b.Key} {
		c = binary.BigEndian.AppendUint16(c, uint16(len(name)))
		c = append(c, name...)
	}
	return c
}
