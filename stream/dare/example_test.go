// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// Encrypt, and read a range of it back. The key is made for this one stream.
func Example() {
	key := make([]byte, dare.KeySize)
	rand.Read(key)
	var sealed bytes.Buffer
	w, err := dare.NewEncryptWriter(&sealed, key)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(w, strings.NewReader("Meet me at the usual place.")); err != nil {
		w.Abort(err)
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := dare.NewReaderAt(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), key)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, io.NewSectionReader(r, 15, 5)); err != nil {
		log.Fatal(err)
	}
	// Output: usual
}

// What this package writes, sio can read.
func ExampleNewEncryptWriter() {
	key := make([]byte, dare.KeySize)
	rand.Read(key)
	var sealed bytes.Buffer
	w, err := dare.NewEncryptWriter(&sealed, key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(w, "Hello, sio")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	config := sio.Config{Key: key, MinVersion: sio.Version20}
	if _, err := sio.Decrypt(os.Stdout, &sealed, config); err != nil {
		log.Fatal(err)
	}
	// Output: Hello, sio
}

// A source that fails makes a stream that no reader accepts.
func ExampleEncryptWriter_Abort() {
	key := make([]byte, dare.KeySize)
	rand.Read(key)
	var sealed bytes.Buffer
	w, err := dare.NewEncryptWriter(&sealed, key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(w, "CREATE TABLE")
	w.Abort(errors.New("dump failed"))
	fmt.Println(w.Close())
	fmt.Println(sealed.Len(), "bytes were written")
	// Output:
	// stream: aborted: dump failed
	// 0 bytes were written
}

func ExampleNewEncryptReader() {
	key := make([]byte, dare.KeySize)
	rand.Read(key)
	body, err := dare.NewEncryptReader(strings.NewReader("Meet me at the usual place."), key)
	if err != nil {
		log.Fatal(err)
	}
	size, err := dare.CiphertextSize(27)
	if err != nil {
		log.Fatal(err)
	}
	n, err := io.Copy(io.Discard, body) // an upload
	fmt.Println(n == size, err)
	// Output: true <nil>
}

// encrypted returns a stream, and the key that was made for it.
func encrypted(plaintext string) (sealed, key []byte) {
	key = make([]byte, dare.KeySize)
	rand.Read(key)
	r, err := dare.NewEncryptReader(strings.NewReader(plaintext), key)
	if err != nil {
		log.Fatal(err)
	}
	if sealed, err = io.ReadAll(r); err != nil {
		log.Fatal(err)
	}
	return sealed, key
}

func ExampleNewDecryptReader() {
	sealed, key := encrypted("Meet me at the usual place.")
	r, err := dare.NewDecryptReader(bytes.NewReader(sealed), key)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
	// Output: Meet me at the usual place.
}

// The length is verified before the first byte is read.
func ExampleNewReaderAt() {
	sealed, key := encrypted("Meet me at the usual place.")
	r, err := dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key)
	if err != nil {
		log.Fatal(err)
	}
	p := make([]byte, 5)
	if _, err := r.ReadAt(p, r.Size()-6); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d bytes\n", p, r.Size())

	cut := sealed[:len(sealed)-1]
	_, err = dare.NewReaderAt(bytes.NewReader(cut), int64(len(cut)), key)
	fmt.Println(errors.Is(err, stream.ErrDecrypt))
	// Output:
	// place, 27 bytes
	// true
}

// bySIO returns a stream of sio's, which has any of the two ciphers, and the
// key that was made for it.
func bySIO(plaintext string) (sealed, key []byte) {
	key = make([]byte, dare.KeySize)
	rand.Read(key)
	var out bytes.Buffer
	if _, err := sio.Encrypt(&out, strings.NewReader(plaintext), sio.Config{Key: key}); err != nil {
		log.Fatal(err)
	}
	return out.Bytes(), key
}

func ExampleNewSIODecryptReader() {
	sealed, key := bySIO("Hello from sio")
	r, err := dare.NewSIODecryptReader(bytes.NewReader(sealed), key)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
	// Output: Hello from sio
}

func ExampleNewSIOReaderAt() {
	sealed, key := bySIO("Hello from sio")
	r, err := dare.NewSIOReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, io.NewSectionReader(r, 6, 4)); err != nil {
		log.Fatal(err)
	}
	// Output: from
}

func ExamplePlaintextSize() {
	n, err := dare.PlaintextSize(65568 + 132)
	fmt.Println(n, err)
	// Output: 65636 <nil>
}
