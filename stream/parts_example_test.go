// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/stream"
)

// An upload sends the parts of an object in any order, and one of them twice.
func ExampleNewGCMParts() {
	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	rand.Read(key)
	rand.Read(iv)
	plain := bytes.Repeat([]byte("0123456789abcdef"), 5)

	parts, err := stream.NewGCMParts(key, iv, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer parts.Wipe()
	object := make([]byte, len(plain))
	for _, off := range []int{64, 0, 32, 0} {
		part := plain[off:min(off+32, len(plain))]
		ciphertext, _, err := parts.Encrypt(nil, part, int64(off))
		if err != nil {
			log.Fatal(err)
		}
		copy(object[off:], ciphertext)
	}
	tag, _, err := parts.Finish(int64(len(plain)))
	if err != nil {
		log.Fatal(err)
	}
	n, err := stream.VerifyGCM(bytes.NewReader(append(object, tag...)), key, iv, nil)
	fmt.Println(n, err)

	_, _, err = parts.Encrypt(nil, []byte("other plaintext!"), 64)
	fmt.Println(err)
	// Output:
	// 80 <nil>
	// stream: part is not what it was: 16 bytes at 64
}

func ExampleNewCBCParts() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	rand.Read(key)
	rand.Read(iv)

	parts, err := stream.NewCBCParts(key, iv)
	if err != nil {
		log.Fatal(err)
	}
	defer parts.Wipe()
	first, _, err := parts.Encrypt(nil, []byte("sixteen bytes or"), 0)
	if err != nil {
		log.Fatal(err)
	}
	last, _, err := parts.Encrypt(nil, []byte("less"), 16)
	if err != nil {
		log.Fatal(err)
	}
	padding, _, err := parts.Finish(20)
	fmt.Println(len(first), len(last), len(padding), err)
	// Output: 16 16 0 <nil>
}

// A process that goes on with an upload is told what the one before it sent.
func ExampleParts_Restore() {
	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	rand.Read(key)
	rand.Read(iv)

	before, err := stream.NewGCMParts(key, iv, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, state, err := before.Encrypt(nil, []byte("the file as it was at that time"), 0)
	if err != nil {
		log.Fatal(err)
	}
	stored := state // before any of the ciphertext leaves

	after, err := stream.NewGCMParts(key, iv, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer after.Wipe()
	if err := after.Restore(stored); err != nil {
		log.Fatal(err)
	}
	_, _, err = after.Encrypt(nil, []byte("the file as it is by this time!"), 0)
	fmt.Println(errors.Is(err, stream.ErrPartChanged))
	// Output: true
}
