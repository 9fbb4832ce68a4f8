// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/stream"
)

// A download decrypts the parts of an object as they come, and uses none of
// them before the tag is verified.
func ExampleNewGCMUnverifiedParts() {
	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	rand.Read(key)
	rand.Read(iv)
	block, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		log.Fatal(err)
	}
	object := aead.Seal(nil, iv, bytes.Repeat([]byte("0123456789abcdef"), 5), nil)
	size := len(object) - stream.GCMTagSize

	parts, err := stream.NewGCMUnverifiedParts(key, iv, nil, int64(size))
	if err != nil {
		log.Fatal(err)
	}
	defer parts.Wipe()
	plain := make([]byte, size)
	for _, off := range []int{64, 0, 32} {
		got, err := parts.Decrypt(nil, object[off:min(off+32, size)], int64(off))
		if err != nil {
			log.Fatal(err)
		}
		copy(plain[off:], got)
	}
	if err := parts.Verify(object[size:]); err != nil {
		log.Fatal(err) // and plain is to be thrown away
	}
	fmt.Printf("%s\n", plain[60:])
	// Output:
	// cdef0123456789abcdef
}
