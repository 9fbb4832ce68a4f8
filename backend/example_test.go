// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// newBucket is what the examples have in common. A real key comes from a file
// or a key management service, and a real driver from backend/s3.
func newBucket(opts *backend.Options) *backend.Bucket {
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	return backend.NewBucket(mem.New(), key, key, opts)
}

func ExampleNewBucket() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32)) // a real key comes from a file
	if err != nil {
		log.Fatal(err)
	}
	bucket := backend.NewBucket(mem.New(), key, key, nil)

	text := "attack at dawn"
	info, err := bucket.Put(ctx, "orders/1", strings.NewReader(text), int64(len(text)), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored:", info.Size, "bytes,", info.Header)

	object, err := bucket.Get(ctx, "orders/1")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	plain, err := io.ReadAll(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("read: %s, authenticated: %v\n", plain, object.Authenticated())
	// Output:
	// stored: 30 bytes, V3, key wrapped by AES/GCM
	// read: attack at dawn, authenticated: true
}

// A dump is compressed and sealed as it comes. If it fails half way nothing is
// stored, not even a valid object of the first half.
func ExampleBucket_Create() {
	ctx := context.Background()
	bucket := newBucket(nil)

	store := func(dump io.Reader) error {
		w, err := bucket.Create(ctx, "dump.gz", nil)
		if err != nil {
			return err
		}
		defer w.Abort(nil) // does nothing after Close
		z := gzip.NewWriter(w)
		if _, err := io.Copy(z, dump); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		return w.Close()
	}

	dies := io.MultiReader(strings.NewReader("first half"), errReader{errors.New("lost connection")})
	fmt.Println("failed dump:", store(dies))
	_, err := bucket.Stat(ctx, "dump.gz")
	fmt.Println("is there an object:", !errors.Is(err, backend.ErrNotExist))

	fmt.Println("whole dump:", store(strings.NewReader("first half, second half")))
	object, err := bucket.Get(ctx, "dump.gz")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	z, err := gzip.NewReader(object)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(z)
	fmt.Printf("%s, %v\n", text, err)
	// Output:
	// failed dump: lost connection
	// is there an object: false
	// whole dump: <nil>
	// first half, second half, <nil>
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func ExampleBucket_GetFile() {
	ctx := context.Background()
	bucket := newBucket(nil)
	if _, err := bucket.Put(ctx, "report", strings.NewReader("all is well"), -1, nil); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, "report.txt")
	info, err := bucket.GetFile(ctx, "report", path)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s (%d bytes, authenticated: %v)\n", text, info.PlaintextSizeMax, info.Authenticated)
	// Output: all is well (11 bytes, authenticated: true)
}

// A range cannot be authenticated, so reading one has to be allowed.
func ExampleBucket_GetRange() {
	ctx := context.Background()
	bucket := newBucket(&backend.Options{Open: envelope.OpenOptions{AllowUnauthenticatedRanges: true}})
	if _, err := bucket.Put(ctx, "log", strings.NewReader("one\ntwo\nthree\n"), -1, nil); err != nil {
		log.Fatal(err)
	}
	object, err := bucket.GetRange(ctx, "log", -6, -1) // the last six bytes
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	text, err := io.ReadAll(object)
	fmt.Printf("%q, %v, authenticated: %v\n", text, err, object.Authenticated())
	// Output: "three\n", <nil>, authenticated: false
}

// Stat needs no key. Required says what a reader would have to allow.
func ExampleBucket_Stat() {
	ctx := context.Background()
	bucket := newBucket(&backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2GCM}})
	if _, err := bucket.Put(ctx, "old", strings.NewReader("from before"), -1, nil); err != nil {
		log.Fatal(err)
	}
	info, err := bucket.Stat(ctx, "old")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Header, "-", info.PlaintextSizeMax, "bytes of plaintext")
	fmt.Println("AllowUncommitted:", info.Header.Required().AllowUncommitted)
	// Output:
	// V2-GCM, key wrapped by AES/GCM - 11 bytes of plaintext
	// AllowUncommitted: true
}

// A driver reads bodies through a BodyReader and stores nothing before the end.
func ExampleNewBodyReader() {
	body := strings.NewReader("seven b")
	data, err := io.ReadAll(backend.NewBodyReader(context.Background(), body, 5))
	fmt.Printf("%q, %v\n", data, err)
	// Output: "", backend: body is not of the declared size: want 5 bytes, got more
}

// Keep the envelope in an object of its own, where some clients expect it.
// Reading needs no option.
func ExampleOptions_instructionFile() {
	ctx := context.Background()
	bucket := newBucket(&backend.Options{InstructionFile: true})
	info, err := bucket.Put(ctx, "orders/1", strings.NewReader("attack at dawn"), -1, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Header, "in", info.InstructionFile)

	_, err = bucket.Put(ctx, "orders/1", strings.NewReader("retreat"), -1, nil)
	fmt.Println("overwriting refused:", errors.Is(err, backend.ErrInstructionFile))
	// Output:
	// V3, key wrapped by AES/GCM in orders/1.instruction
	// overwriting refused: true
}
