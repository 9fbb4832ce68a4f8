// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// dump seals 5 MiB of zeros, and returns the body and what opens it.
func dump(release envelope.Release) (opener *envelope.Opener, body []byte) {
	ctx, key := context.Background(), newKey()
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := sealer.Reader(bytes.NewReader(make([]byte, 5<<20)))
	if err != nil {
		log.Fatal(err)
	}
	if body, err = io.ReadAll(r); err != nil {
		log.Fatal(err)
	}
	opener, err = envelope.NewOpener(ctx, sealer.Header(), key, &envelope.OpenOptions{Release: release})
	if err != nil {
		log.Fatal(err)
	}
	return opener, body
}

// Read an object of any size from a connection that delivers it once. Nothing
// is released before all of it was verified.
func ExampleSpool() {
	opener, body := dump(envelope.Spool("", stream.GCMMaxSize+stream.GCMTagSize))
	read := func(body []byte) {
		r, err := opener.Reader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			log.Fatal(err)
		}
		defer r.Close() // the temporary file goes, at the latest, here
		n, err := io.Copy(io.Discard, r)
		fmt.Println(n, err, opener.Authenticated())
	}
	read(body)
	body[len(body)-1] ^= 1
	read(body)
	// Output:
	// 5242880 <nil> true
	// 0 stream: decryption failed true
}

// Read an object of any size from storage that delivers it as often as one
// asks, the second time with something else in it.
func ExampleTwoPass() {
	var stored []byte
	opener, body := dump(envelope.TwoPass(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(stored)), nil
	}))
	read := func() {
		r, err := opener.Reader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			log.Fatal(err)
		}
		defer r.Close()
		n, err := io.Copy(io.Discard, r)
		fmt.Println(n, err)
	}
	stored = bytes.Clone(body)
	read()
	stored[3<<20] ^= 1
	read() // what comes out is verified, but it is not all
	// Output:
	// 5242880 <nil>
	// 3145728 stream: decryption failed
}
