// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// sealChunked seals text, and returns what storage would hold.
func sealChunked(key wrap.Wrapper, opts *envelope.SealOptions, text string) (metadata map[string]string, body []byte) {
	sealer, err := envelope.NewSealer(context.Background(), key, opts)
	if err != nil {
		log.Fatal(err)
	}
	if metadata, err = sealer.Header().Metadata(); err != nil {
		log.Fatal(err)
	}
	r, err := sealer.Reader(strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	if body, err = io.ReadAll(r); err != nil {
		log.Fatal(err)
	}
	return metadata, body
}

// openChunked opens an object with as few options as can be.
func openChunked(metadata map[string]string, key wrap.Unwrapper, bind envelope.Binding) (*envelope.Opener, error) {
	header, err := envelope.ParseHeader(metadata)
	if err != nil {
		return nil, err
	}
	return envelope.NewOpener(context.Background(), header, key, &envelope.OpenOptions{Bind: bind})
}

// Read parts of a Chunked object, each of which is verified. No option is
// needed, as for a range of AWS's formats, which nothing can verify.
func ExampleOpener_ReaderAt_chunked() {
	key := newKey()
	metadata, body := sealChunked(key, &envelope.SealOptions{Suite: envelope.Chunked}, strings.Repeat("0123456789", 10_000))

	opener, err := openChunked(metadata, key, envelope.Binding{})
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := opener.ReaderAt(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	part := make([]byte, 10)
	_, err = plaintext.ReadAt(part, 77_777)
	fmt.Printf("%s, %v, authenticated: %t\n", part, err, opener.Authenticated())

	body[50_000] ^= 1
	_, err = plaintext.ReadAt(part, 49_500)
	fmt.Println(err)
	// Output:
	// 7890123456, <nil>, authenticated: true
	// stream: decryption failed
}

// Fetch no more than a range takes: here the start of the body, its end, and the
// one chunk that holds the range.
func ExampleOpener_CiphertextRanges() {
	key := newKey()
	metadata, body := sealChunked(key, &envelope.SealOptions{Suite: envelope.Chunked}, strings.Repeat("0123456789", 10_000))
	opener, err := openChunked(metadata, key, envelope.Binding{})
	if err != nil {
		log.Fatal(err)
	}
	size := int64(len(body)) // as storage has it
	parts, err := opener.CiphertextRanges(77_777, 10, size)
	if err != nil {
		log.Fatal(err)
	}
	var fetched []io.Reader
	for _, p := range parts {
		fmt.Println(p.Off, p.N)
		fetched = append(fetched, bytes.NewReader(body[p.Off:p.Off+p.N])) // a GET in earnest
	}
	r, err := opener.RangeReader(io.MultiReader(fetched...), 77_777, 10, size)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	plaintext, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", plaintext, err)
	// Output:
	// 0 56
	// 98456 1712
	// 65656 16400
	// 7890123456, <nil>
}

// Seal for a key in daily use, and for the public key of somebody who keeps its
// private part in a safe. Each of them opens the object alone.
func ExampleSealRecipient() {
	daily := newKey()
	safe, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	recovery, err := wrap.NewRSAOAEP(&safe.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	opts := &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{
		{Wrapper: recovery, MatDesc: map[string]string{"kid": "recovery"}},
	}}
	metadata, body := sealChunked(daily, opts, "attack at dawn")
	fmt.Println(metadata["s3seal-wrap"], metadata["s3seal-wrap-2"], metadata["s3seal-matdesc-2"])

	private, err := wrap.NewRSAOAEPKey(safe)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []wrap.Unwrapper{daily, private} {
		opener, err := openChunked(metadata, key, envelope.Binding{})
		if err != nil {
			log.Fatal(err)
		}
		r, err := opener.Reader(bytes.NewReader(body), -1)
		if err != nil {
			log.Fatal(err)
		}
		plaintext, err := io.ReadAll(r)
		fmt.Printf("%s, %v\n", plaintext, err)
	}
	// Output:
	// 02 22 {"kid":"recovery"}
	// attack at dawn, <nil>
	// attack at dawn, <nil>
}

// Bind an object to its place. Whoever copies it to another one has not forged
// anything there.
func ExampleBinding() {
	key, place := newKey(), envelope.Binding{Bucket: "reports", Key: "2024/q1"}
	metadata, body := sealChunked(key, &envelope.SealOptions{Suite: envelope.Chunked, Bind: place}, "all is well")

	for _, asked := range []envelope.Binding{place, {Bucket: "reports", Key: "2024/q2"}, {}} {
		opener, err := openChunked(metadata, key, asked)
		if err != nil {
			fmt.Println(err)
			continue
		}
		r, err := opener.Reader(bytes.NewReader(body), -1)
		if err != nil {
			log.Fatal(err)
		}
		plaintext, err := io.ReadAll(r)
		fmt.Printf("%q, %v\n", plaintext, err)
	}
	// Output:
	// "all is well", <nil>
	// "", stream: decryption failed
	// envelope: refused by policy: Chunked, key wrapped by AES/GCM, bound to bucket and key: needs Bind, the names that it was asked for by
}

// Give an object another key. Its body stays what and where it is.
func ExampleRewrap() {
	ctx, old, next := context.Background(), newKey(), newKey()
	metadata, body := sealChunked(old, nil, "attack at dawn") // of any format; here V3
	header, err := envelope.ParseHeader(metadata)
	if err != nil {
		log.Fatal(err)
	}
	opts := &envelope.RewrapOptions{MatDesc: map[string]string{"kid": "2025"}}
	header, err = envelope.Rewrap(ctx, header, old, next, opts)
	if err != nil {
		log.Fatal(err)
	}
	if metadata, err = header.Metadata(); err != nil { // to be stored instead
		log.Fatal(err)
	}

	_, err = openChunked(metadata, old, envelope.Binding{})
	fmt.Println(err)
	opener, err := openChunked(metadata, next, envelope.Binding{})
	if err != nil {
		log.Fatal(err)
	}
	r, err := opener.Reader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := io.ReadAll(r)
	fmt.Printf("%s, %v, %s\n", plaintext, err, metadata["x-amz-m"])
	// Output:
	// stream: decryption failed
	// attack at dawn, <nil>, {"kid":"2025"}
}
