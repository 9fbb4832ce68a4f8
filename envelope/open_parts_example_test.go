// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A download decrypts parts as they come, the last one first, and uses none of
// them before all are verified.
func ExampleOpener_UnverifiedParts() {
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
	src, err := sealer.Reader(strings.NewReader("the first part, and all that follows"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(src)
	if err != nil {
		log.Fatal(err)
	}

	opener, err := envelope.NewOpener(ctx, sealer.Header(), key, nil)
	if err != nil {
		log.Fatal(err)
	}
	parts, err := opener.UnverifiedParts(int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	defer parts.Wipe()
	plain := make([]byte, parts.End())
	for _, off := range []int64{16, 0} {
		n := min(parts.End(), off+32) - off
		if off == 0 {
			n = 16
		}
		r, err := parts.BodyRange(off, n)
		if err != nil {
			log.Fatal(err)
		}
		part, err := parts.Decrypt(bytes.Clone(body[r.Off:r.Off+r.N]), off, n)
		if err != nil {
			log.Fatal(err)
		}
		copy(plain[off:], part)
	}
	if err := parts.Finish(); err != nil {
		log.Fatal(err) // and plain is to be thrown away
	}
	fmt.Printf("%s, %t\n", plain, opener.Authenticated())
	// Output:
	// the first part, and all that follows, true
}
