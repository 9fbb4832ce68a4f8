// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/stream"
)

func ExampleNewCBCRangeReader() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	object := sealCBC(key, iv, "The quick brown fox jumps over the lazy dog.")

	off, n, size := int64(35), int64(100), int64(len(object)) // it ends before that
	coff, cn, err := stream.CBCCiphertextRange(off, n, size)
	if err != nil {
		log.Fatal(err)
	}
	body := io.NewSectionReader(bytes.NewReader(object), coff, cn) // a ranged GET
	r, err := stream.NewCBCRangeReader(body, key, iv, off, n, size)
	if err != nil {
		log.Fatal(err)
	}
	part, err := io.ReadAll(r)
	fmt.Printf("%d bytes from %d on: %q, %v\n", cn, coff, part, err)
	// Output: 32 bytes from 16 on: "lazy dog.", <nil>
}

func ExampleNewPlainCTRRangeReader() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	sealed, err := stream.NewCTRReader(strings.NewReader("there and back again"), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	object, err := io.ReadAll(sealed)
	if err != nil {
		log.Fatal(err)
	}

	off, n := int64(10), int64(4)
	coff, cn, err := stream.CTRCiphertextRange(off, n)
	if err != nil {
		log.Fatal(err)
	}
	r, err := stream.NewPlainCTRRangeReader(bytes.NewReader(object[coff:coff+cn]), key, iv, off, n)
	if err != nil {
		log.Fatal(err)
	}
	part, err := io.ReadAll(r)
	fmt.Printf("%q, %v\n", part, err)
	// Output: "back", <nil>
}

// A zip archive has its table of contents at the end, so that reading one file
// of it takes random access.
func ExampleNewGCMUnauthenticatedReaderAt() {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create("notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(f, "The fox is quick.")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	key, iv := make([]byte, 32), make([]byte, stream.GCMIVSize)
	object := seal(key, iv, archive.String())

	r, err := stream.NewGCMUnauthenticatedReaderAt(bytes.NewReader(object), int64(len(object)), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	files, err := zip.NewReader(r, r.Size())
	if err != nil {
		log.Fatal(err)
	}
	notes, err := files.Open("notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(notes)
	fmt.Printf("%s, %v\n", text, err)
	// Output: The fox is quick., <nil>
}

func ExampleNewCBCReaderAt() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	object := sealCBC(key, iv, "The quick brown fox jumps over the lazy dog.")

	r, err := stream.NewCBCReaderAt(bytes.NewReader(object), int64(len(object)), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	size, err := r.Size() // decrypts the last block
	if err != nil {
		log.Fatal(err)
	}
	part, err := io.ReadAll(io.NewSectionReader(r, size-4, 4))
	fmt.Printf("%d bytes, the last are %q, %v\n", size, part, err)
	// Output: 44 bytes, the last are "dog.", <nil>
}

func ExampleNewCTRReaderAt() {
	key, iv := make([]byte, 32), make([]byte, stream.BlockSize)
	sealed, err := stream.NewCTRReader(strings.NewReader("there and back again"), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	object, err := io.ReadAll(sealed)
	if err != nil {
		log.Fatal(err)
	}
	r, err := stream.NewCTRReaderAt(bytes.NewReader(object), int64(len(object)), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	part := make([]byte, 10)
	n, err := r.ReadAt(part, 15)
	fmt.Printf("%q, %v\n", part[:n], err)
	// Output: "again", EOF
}

func sealCBC(key, iv []byte, plain string) []byte {
	r, err := stream.NewCBCEncryptReader(strings.NewReader(plain), key, iv)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	return sealed
}
