// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/s3seal/s3seal/stream/chunked"
)

// Encrypt an archive and read one file of it, without decrypting the others.
func Example() {
	key := make([]byte, chunked.KeySize)
	rand.Read(key)
	context := []byte("backups/2026-11.zip") // where the archive belongs

	var sealed bytes.Buffer
	if err := archive(&sealed, key, context); err != nil {
		log.Fatal(err)
	}

	r, err := chunked.NewReaderAt(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), key, context)
	if err != nil {
		log.Fatal(err)
	}
	z, err := zip.NewReader(r, r.Size())
	if err != nil {
		log.Fatal(err)
	}
	f, err := z.Open("notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(os.Stdout, f)
	// Output: Meet me at the usual place.
}

func archive(dst io.Writer, key, context []byte) error {
	w, err := chunked.NewEncryptWriter(dst, key, context)
	if err != nil {
		return err
	}
	defer w.Abort(nil) // half an archive must not get an end; after Close it does nothing
	z := zip.NewWriter(w)
	for name, text := range map[string]string{
		"large.bin": strings.Repeat("0123456789", 100_000),
		"notes.txt": "Meet me at the usual place.",
	} {
		f, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(f, text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return w.Close()
}

func ExampleNewEncryptWriter() {
	key := make([]byte, chunked.KeySize)
	var sealed bytes.Buffer
	w, err := chunked.NewEncryptWriter(&sealed, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(w, "line %d\n", 1)
	fmt.Fprintf(w, "line %d\n", 2)
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sealed.Len(), "bytes: a header of 56, 14 of text, a tag of 16")
	// Output: 86 bytes: a header of 56, 14 of text, a tag of 16
}

func ExampleNewEncryptReader() {
	key := make([]byte, chunked.KeySize)
	body, err := chunked.NewEncryptReader(strings.NewReader("to be uploaded"), key, nil)
	if err != nil {
		log.Fatal(err)
	}
	size, err := chunked.CiphertextSize(14)
	if err != nil {
		log.Fatal(err)
	}
	sent, err := io.Copy(io.Discard, body)
	fmt.Println(sent, size, err)
	// Output: 86 86 <nil>
}

// The reader must name the context that the stream was encrypted with.
func ExampleNewDecryptReader() {
	key := make([]byte, chunked.KeySize)
	sealed := sealText(key, "photos/cat.jpg", "meow")
	for _, name := range []string{"photos/cat.jpg", "photos/dog.jpg"} {
		r, err := chunked.NewDecryptReader(bytes.NewReader(sealed), key, []byte(name))
		if err != nil {
			log.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		fmt.Printf("%s: %q, %v\n", name, plain, err)
	}
	// Output:
	// photos/cat.jpg: "meow", <nil>
	// photos/dog.jpg: "", stream: decryption failed
}

// What is read before an error is genuine, but not all.
func ExampleDecryptReader_Read() {
	key := make([]byte, chunked.KeySize)
	sealed := sealText(key, "", strings.Repeat("attack at dawn ", 10_000))
	sealed = sealed[:56+4*(16384+16)] // cut at the border of a chunk

	r, err := chunked.NewDecryptReader(bytes.NewReader(sealed), key, nil)
	if err != nil {
		log.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	fmt.Println(n, err)

	_, err = chunked.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, nil)
	fmt.Println(err)
	// Output:
	// 65536 stream: decryption failed
	// stream: decryption failed
}

func ExampleNewReaderAt() {
	key := make([]byte, chunked.KeySize)
	sealed := sealText(key, "", "The quick brown fox jumps over the lazy dog.")
	r, err := chunked.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, nil)
	if err != nil {
		log.Fatal(err)
	}
	p := make([]byte, 5)
	_, err = r.ReadAt(p, 20)
	fmt.Printf("%q of %d bytes, %v\n", p, r.Size(), err)
	// Output: "jumps" of 44 bytes, <nil>
}

// One byte of plaintext takes one chunk of ciphertext, wherever it is.
func ExampleCiphertextRange() {
	size, err := chunked.CiphertextSize(1 << 40)
	if err != nil {
		log.Fatal(err)
	}
	off, n, err := chunked.CiphertextRange(1<<39, 1, size)
	fmt.Printf("%d bytes from %d on, of %d, %v\n", n, off, size, err)
	// Output: 16400 bytes from 550292684856 on, of 1100585369672, <nil>
}

func sealText(key []byte, context, plain string) []byte {
	r, err := chunked.NewEncryptReader(strings.NewReader(plain), key, []byte(context))
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	return sealed
}
