// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// An upload stops after its first part, and another process goes on with it.
func ExampleResumeParts() {
	ctx := context.Background()
	kek := make([]byte, 32)
	rand.Read(kek)
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	header := sealer.Header()
	parts, err := sealer.Parts()
	if err != nil {
		log.Fatal(err)
	}
	plain := []byte("the first part! and the rest")
	first, states, err := parts.Encrypt(nil, plain[:16], 0)
	if err != nil {
		log.Fatal(err)
	}
	parts.Wipe()

	parts, err = envelope.ResumeParts(ctx, header, key, states)
	if err != nil {
		log.Fatal(err)
	}
	defer parts.Wipe()
	rest, _, err := parts.Encrypt(nil, plain[16:], 16)
	if err != nil {
		log.Fatal(err)
	}
	trailer, _, err := parts.Finish(int64(len(plain)))
	if err != nil {
		log.Fatal(err)
	}

	opener, err := envelope.NewOpener(ctx, header, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	body := bytes.Join([][]byte{first, rest, trailer}, nil)
	r, err := opener.Reader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	got, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", got, err)
	// Output: the first part! and the rest, <nil>
}
