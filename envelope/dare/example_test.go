// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// Seal an object as DARE 2.0, and read a part of it, which is verified.
func Example() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM([]byte("32 bytes from where keys are kept"[:32]))
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := envelope.NewSealer(ctx, key, &envelope.SealOptions{Suite: dare.DARE2})
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := sealer.Header().Metadata()
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := sealer.Reader(strings.NewReader("attack at dawn"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(sealed)
	if err != nil {
		log.Fatal(err)
	}

	header, err := envelope.ParseHeader(metadata, dare.DARE2)
	if err != nil {
		log.Fatal(err)
	}
	_, err = envelope.NewOpener(ctx, header, key, nil)
	fmt.Println(err)

	opts := &envelope.OpenOptions{AllowUncommitted: true, ExtraSuites: []envelope.Suite{dare.DARE2}}
	opener, err := envelope.NewOpener(ctx, header, key, opts)
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := opener.ReaderAt(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	part := make([]byte, 4)
	_, err = plaintext.ReadAt(part, 10)
	fmt.Printf("%s, %v, authenticated: %t\n", part, err, opener.Authenticated())
	// Output:
	// envelope: refused by policy: DARE2, key wrapped by AES/GCM: needs AllowUncommitted, ExtraSuites
	// dawn, <nil>, authenticated: true
}
