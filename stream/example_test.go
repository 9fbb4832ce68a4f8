// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/stream"
)

// Encrypt one file to another and read it back. The key and IV are made for
// this one stream.
func Example() {
	dir, err := os.MkdirTemp("", "stream")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	plain, sealed := filepath.Join(dir, "notes"), filepath.Join(dir, "notes.sealed")
	if err := os.WriteFile(plain, []byte("Meet me at the usual place."), 0o600); err != nil {
		log.Fatal(err)
	}

	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	rand.Read(key)
	rand.Read(iv)
	if err := encryptFile(sealed, plain, key, iv); err != nil {
		log.Fatal(err)
	}

	src, err := os.Open(sealed)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	r, err := stream.NewGCMDecryptReader(src, key, iv, nil, 64<<20)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
	// Output: Meet me at the usual place.
}

func encryptFile(to, from string, key, iv []byte) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()

	w, err := stream.NewGCMEncryptWriter(dst, key, iv, nil)
	if err != nil {
		return err
	}
	defer w.Abort(nil) // half a file must not get a tag; after Close it does nothing
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return dst.Close()
}

// There is no decrypting writer: it would have released plaintext before its
// Close could say that the tag is wrong. Where the ciphertext arrives by
// Write, a pipe turns it round.
func Example_decryptingPipe() {
	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	pr, pw := io.Pipe()
	go func() {
		w, err := stream.NewGCMEncryptWriter(pw, key, iv, nil)
		if err == nil {
			_, err = io.WriteString(w, "written here, read there")
		}
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err) // nil is the end of the stream
	}()

	r, err := stream.NewGCMDecryptReader(pr, key, iv, nil, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	pr.CloseWithError(err) // lets the other side go if we gave up
	fmt.Printf("%s, %v\n", plain, err)
	// Output: written here, read there, <nil>
}

func ExampleNewGCMEncryptWriter() {
	key, iv, aad := make([]byte, 32), make([]byte, 12), []byte("v1")
	var sealed bytes.Buffer
	w, err := stream.NewGCMEncryptWriter(&sealed, key, iv, aad)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(w, "line %d\n", 1)
	fmt.Fprintf(w, "line %d\n", 2)
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sealed.Len(), "bytes")
	// Output: 30 bytes
}

// A source that fails half way must not leave a valid object behind.
func ExampleGCMEncryptWriter_Abort() {
	dump := func(w io.Writer) error {
		io.WriteString(w, "row 1\nrow 2\n")
		return errors.New("connection lost")
	}

	var sealed bytes.Buffer
	w, err := stream.NewGCMEncryptWriter(&sealed, make([]byte, 32), make([]byte, 12), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := dump(w); err != nil {
		w.Abort(err)
	}
	fmt.Println(w.Close())

	_, err = stream.VerifyGCM(&sealed, make([]byte, 32), make([]byte, 12), nil)
	fmt.Println(err)
	// Output:
	// stream: aborted: connection lost
	// stream: decryption failed
}

func ExampleNewGCMEncryptReader() {
	body, err := stream.NewGCMEncryptReader(strings.NewReader("to be uploaded"), make([]byte, 32), make([]byte, 12), nil)
	if err != nil {
		log.Fatal(err)
	}
	size, err := stream.GCMCiphertextSize(14)
	if err != nil {
		log.Fatal(err)
	}
	sent, err := io.Copy(io.Discard, body)
	fmt.Println(sent, size, err)
	// Output: 30 30 <nil>
}

func ExampleNewGCMDecryptReader() {
	key, iv := make([]byte, 32), make([]byte, 12)
	sealed := seal(key, iv, "attack at dawn")
	sealed[0] ^= 1 // someone was here

	r, err := stream.NewGCMDecryptReader(bytes.NewReader(sealed), key, iv, nil, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	n, err := io.Copy(os.Stdout, r)
	fmt.Println(n, err)
	// Output: 0 stream: decryption failed
}

// What an unverified reader yields must be discarded if it does not end well.
func ExampleNewGCMUnverifiedReader() {
	key, iv := make([]byte, 32), make([]byte, 12)
	sealed := seal(key, iv, strings.Repeat("attack at dawn ", 1<<16))
	sealed[len(sealed)-1] ^= 1 // the tag is wrong

	r, err := stream.NewGCMUnverifiedReader(bytes.NewReader(sealed), key, iv, nil)
	if err != nil {
		log.Fatal(err)
	}
	var plain bytes.Buffer
	if _, err := io.Copy(&plain, r); err != nil {
		plain.Reset()
		fmt.Println(err)
	}
	fmt.Println(plain.Len(), "bytes to work with")
	// Output:
	// stream: decryption failed
	// 0 bytes to work with
}

func ExampleVerifyGCM() {
	key, iv := make([]byte, 32), make([]byte, 12)
	n, err := stream.VerifyGCM(bytes.NewReader(seal(key, iv, "attack at dawn")), key, iv, nil)
	fmt.Println(n, err)
	// Output: 14 <nil>
}

func ExampleNewCTRRangeReader() {
	key, iv := make([]byte, 32), make([]byte, 12)
	object := seal(key, iv, "The quick brown fox jumps over the lazy dog.")

	off, n := int64(20), int64(5)
	coff, cn, err := stream.GCMCiphertextRange(off, n)
	if err != nil {
		log.Fatal(err)
	}
	body := io.NewSectionReader(bytes.NewReader(object), coff, cn) // a ranged GET
	r, err := stream.NewCTRRangeReader(body, key, iv, off, n)
	if err != nil {
		log.Fatal(err)
	}
	part, err := io.ReadAll(r)
	fmt.Printf("%d bytes from %d on: %q, %v\n", cn, coff, part, err)
	// Output: 9 bytes from 16 on: "jumps", <nil>
}

func ExampleNewCTRReader() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	sealed, err := stream.NewCTRReader(strings.NewReader("there and back again"), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	r, err := stream.NewCTRReader(sealed, key, iv)
	if err != nil {
		log.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", plain, err)
	// Output: there and back again, <nil>
}

func ExampleNewCBCEncryptWriter() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	rand.Read(iv)
	var sealed bytes.Buffer
	w, err := stream.NewCBCEncryptWriter(&sealed, key, iv)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(w, strings.NewReader("sixteen bytes it")); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sealed.Len(), "bytes: a full block is followed by one of padding")
	// Output: 32 bytes: a full block is followed by one of padding
}

func ExampleNewCBCEncryptReader() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	body, err := stream.NewCBCEncryptReader(strings.NewReader("to be uploaded"), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	size, err := stream.CBCCiphertextSize(14)
	if err != nil {
		log.Fatal(err)
	}
	sent, err := io.Copy(io.Discard, body)
	fmt.Println(sent, size, err)
	// Output: 16 16 <nil>
}

func ExampleNewCBCDecryptReader() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	sealed, err := stream.NewCBCEncryptReader(strings.NewReader("an old object"), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	r, err := stream.NewCBCDecryptReader(sealed, key, iv)
	if err != nil {
		log.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", plain, err)
	// Output: an old object, <nil>
}

func seal(key, iv []byte, plain string) []byte {
	r, err := stream.NewGCMEncryptReader(strings.NewReader(plain), key, iv, nil)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	return sealed
}
