// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// newKey makes a KEK. In earnest it comes from where keys are kept.
func newKey() wrap.Key {
	kek := make([]byte, 32)
	rand.Read(kek)
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// Seal an object and open it again. What lies in between is what storage
// holds: metadata and a body.
func Example() {
	ctx, key := context.Background(), newKey()

	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := sealer.Header().Metadata()
	if err != nil {
		log.Fatal(err)
	}
	body := new(bytes.Buffer)
	w, err := sealer.Writer(body)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(w, strings.NewReader("attack at dawn")); err != nil {
		w.Abort(err) // never Close what is not whole
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	header, err := envelope.ParseHeader(metadata)
	if err != nil {
		log.Fatal(err)
	}
	opener, err := envelope.NewOpener(ctx, header, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := opener.Reader(body, int64(body.Len()))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	plaintext, err := io.ReadAll(r)
	fmt.Println(header)
	fmt.Printf("%s, %v\n", plaintext, err)
	// Output:
	// V3, key wrapped by AES/GCM
	// attack at dawn, <nil>
}

// A sealer knows the envelope and the size of the body before the first byte.
func ExampleNewSealer() {
	opts := &envelope.SealOptions{Suite: envelope.V2GCM, MatDesc: map[string]string{"kid": "2024"}}
	sealer, err := envelope.NewSealer(context.Background(), newKey(), opts)
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := sealer.Header().Metadata()
	if err != nil {
		log.Fatal(err)
	}
	size, err := sealer.CiphertextSize(1000)
	fmt.Println(metadata["x-amz-cek-alg"], metadata["x-amz-wrap-alg"], metadata["x-amz-matdesc"])
	fmt.Println(size, err)
	// Output:
	// AES/GCM/NoPadding AES/GCM {"kid":"2024"}
	// 1016 <nil>
}

// Open an object that AWS's client for Ruby wrote. It is of format V2, which
// does not open by default.
func ExampleNewOpener() {
	var stored struct{ Metadata map[string]string }
	description, err := os.ReadFile("testdata/fixtures/aes256-ruby2-gcm-desc-17.json")
	if err != nil {
		log.Fatal(err)
	}
	if err := json.Unmarshal(description, &stored); err != nil {
		log.Fatal(err)
	}
	body, err := os.Open("testdata/fixtures/aes256-ruby2-gcm-desc-17.bin")
	if err != nil {
		log.Fatal(err)
	}
	kek, err := hex.DecodeString("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f")
	if err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		log.Fatal(err)
	}

	header, err := envelope.ParseHeader(stored.Metadata)
	if err != nil {
		log.Fatal(err)
	}
	_, err = envelope.NewOpener(context.Background(), header, key, nil)
	fmt.Println(err)

	opener, err := envelope.NewOpener(context.Background(), header, key, &envelope.OpenOptions{AllowUncommitted: true})
	if err != nil {
		log.Fatal(err)
	}
	r, err := opener.Reader(body, -1)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close() // closes body, too
	plaintext, err := io.ReadAll(r)
	fmt.Println(len(plaintext), err, opener.Authenticated())
	// Output:
	// envelope: refused by policy: V2-GCM, key wrapped by AES/GCM: needs AllowUncommitted
	// 17 <nil> true
}

// Find out before a long job, and without any key, what of it would be refused,
// and what would have to be allowed.
func ExampleOpenOptions_Permit() {
	header, err := envelope.ParseHeader(map[string]string{
		"x-amz-key": "0rV8wsm3wTQKYhFcoMrsuNK1fMLJt8E0CmIRXKDK7LjStXzCybfBNApiEVygyuy4",
		"x-amz-iv":  "0rV8wsm3wTQKYhFcoMrsuA==",
	})
	if err != nil {
		log.Fatal(err)
	}
	opts := &envelope.OpenOptions{AllowUncommitted: true}
	err = opts.Permit(header)
	if policy, ok := errors.AsType[*envelope.PolicyError](err); ok {
		fmt.Println(policy.Options())
	}
	opts.AllowLegacyWraps, opts.AllowLegacyCBC = true, true
	fmt.Println(opts.Permit(header))
	// Output:
	// [AllowLegacyWraps AllowLegacyCBC]
	// <nil>
}

// Tell what an object is, and what it takes to open it, without any key.
func ExampleParseHeader() {
	header, err := envelope.ParseHeader(map[string]string{
		"X-Amz-Meta-X-Amz-Key":     "0rV8wsm3wTQKYhFcoMrsuNK1fMLJt8E0CmIRXKDK7LjStXzCybfBNApiEVygyuy4",
		"X-Amz-Meta-X-Amz-Iv":      "0rV8wsm3wTQKYhFcoMrsuA==",
		"X-Amz-Meta-X-Amz-Matdesc": "{}",
		"X-Amz-Meta-Owner":         "alice",
	})
	if err != nil {
		log.Fatal(err)
	}
	need := header.Required()
	low, high, err := header.PlaintextSize(1024)
	fmt.Println(header)
	fmt.Println(need.AllowUncommitted, need.AllowLegacyWraps, need.AllowLegacyCBC, need.AllowUnauthenticatedCTR)
	fmt.Println(low, high, err)

	_, err = envelope.ParseHeader(map[string]string{"owner": "alice"})
	fmt.Println(errors.Is(err, envelope.ErrNotEncrypted))
	// Output:
	// V1, key wrapped by an algorithm without a name
	// true true true false
	// 1008 1023 <nil>
	// true
}

// Read part of an object. Nothing can authenticate it, and the opener says so.
func ExampleOpener_RangeReader() {
	ctx, key := context.Background(), newKey()
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := sealer.Reader(strings.NewReader("the quick brown fox jumps over the lazy dog"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}

	opener, err := envelope.NewOpener(ctx, sealer.Header(), key, &envelope.OpenOptions{AllowUnauthenticatedRanges: true})
	if err != nil {
		log.Fatal(err)
	}
	size := int64(len(body))
	off, n, err := opener.CiphertextRange(16, 9, size) // what to ask storage for
	if err != nil {
		log.Fatal(err)
	}
	part, err := opener.RangeReader(bytes.NewReader(body[off:off+n]), 16, 9, size)
	if err != nil {
		log.Fatal(err)
	}
	defer part.Close()
	text, err := io.ReadAll(part)
	fmt.Printf("%q %v %v\n", text, err, opener.Authenticated())
	// Output: "fox jumps" <nil> false
}

// Read an object in any order. Nothing can authenticate that, either.
func ExampleOpener_ReaderAt() {
	ctx, key := context.Background(), newKey()
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := sealer.Reader(strings.NewReader("the quick brown fox jumps over the lazy dog"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}

	opener, err := envelope.NewOpener(ctx, sealer.Header(), key, &envelope.OpenOptions{AllowUnauthenticatedRanges: true})
	if err != nil {
		log.Fatal(err)
	}
	plain, err := opener.ReaderAt(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		log.Fatal(err)
	}
	size, err := plain.Size()
	if err != nil {
		log.Fatal(err)
	}
	for _, off := range []int64{size - 3, 16} {
		word := make([]byte, 3)
		n, err := plain.ReadAt(word, off)
		fmt.Printf("%q %v\n", word[:n], err)
	}
	fmt.Println(opener.Authenticated())
	// Output:
	// "dog" <nil>
	// "fox" <nil>
	// false
}

// Limit the memory of an authenticated read, or give up on authentication
// before the end.
func ExampleBuffered() {
	ctx, key := context.Background(), newKey()
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, release := range []envelope.Release{envelope.Buffered(1 << 20), envelope.UnverifiedUntilEOF()} {
		opener, err := envelope.NewOpener(ctx, sealer.Header(), key, &envelope.OpenOptions{Release: release})
		if err != nil {
			log.Fatal(err)
		}
		_, err = opener.Reader(strings.NewReader("a large body"), 5<<20)
		fmt.Println(err)
	}
	// Output:
	// envelope: body of 5242880 bytes, limit 1048576: stream: ciphertext exceeds the buffer limit
	// <nil>
}

func ExampleUnverifiedUntilEOF() {
	opts := envelope.OpenOptions{Release: envelope.UnverifiedUntilEOF()}
	fmt.Println(opts.Release != nil, opts.AllowUncommitted)
	// Output: true false
}

// Presets are plain values: they show what a mode of another client means, and
// can be changed.
func ExampleStrictAuthenticatedEncryption() {
	preset := envelope.StrictAuthenticatedEncryption()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowUncommitted, preset.Open.AllowLegacyWraps, preset.Open.AllowLegacyCBC)

	preset.Seal.Suite = envelope.V3 // new objects commit to their key
	fmt.Println(preset.Seal.Suite)
	// Output:
	// V2-GCM true true false
	// V3
}

func ExampleRequireEncryptRequireDecrypt() {
	preset := envelope.RequireEncryptRequireDecrypt()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowUncommitted)
	// Output: V3 false
}

func ExampleRequireEncryptAllowDecrypt() {
	preset := envelope.RequireEncryptAllowDecrypt()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowUncommitted)
	// Output: V3 true
}

func ExampleForbidEncryptAllowDecrypt() {
	preset := envelope.ForbidEncryptAllowDecrypt()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowUncommitted)
	// Output: V2-GCM true
}

func ExampleEncryptionOnly() {
	preset := envelope.EncryptionOnly()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowLegacyCBC, preset.Open.AllowUnauthenticatedCTR)
	// Output: V2-CBC true false
}

func ExampleAuthenticatedEncryption() {
	preset := envelope.AuthenticatedEncryption()
	fmt.Println(preset.Seal.Suite, preset.Open.AllowLegacyCBC, preset.Open.AllowUnauthenticatedRanges)
	// Output: V2-GCM true true
}

// Keep the envelope in an instruction file. Of V3 three values stay with the
// object.
func ExampleHeader_InstructionFile() {
	sealer, err := envelope.NewSealer(context.Background(), newKey(), nil)
	if err != nil {
		log.Fatal(err)
	}
	metadata, file, err := sealer.Header().InstructionFile()
	if err != nil {
		log.Fatal(err)
	}
	var names map[string]string
	if err := json.Unmarshal(file, &names); err != nil {
		log.Fatal(err)
	}
	fmt.Println("object:", slices.Sorted(maps.Keys(metadata)))
	fmt.Println("file:  ", slices.Sorted(maps.Keys(names)))
	// Output:
	// object: [x-amz-c x-amz-d x-amz-i]
	// file:   [x-amz-3 x-amz-m x-amz-w]
}

// Read an envelope from wherever it is. The file is only asked for if the
// metadata is that of an object with one.
func ExampleParseInstructionFile() {
	var metadata map[string]string // of an object by AWS's client for Java: nothing
	header, err := envelope.ParseHeader(metadata)
	if envelope.NeedsInstructionFile(metadata) {
		file, openErr := os.Open("testdata/fixtures/aes256-java2-gcm-if-17.instruction")
		if openErr != nil {
			log.Fatal(openErr)
		}
		defer file.Close()
		header, err = envelope.ParseInstructionFile(metadata, file)
	}
	fmt.Println(header, err)
	// Output: V2-GCM, key wrapped by AES/GCM <nil>
}
