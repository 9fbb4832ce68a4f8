// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// backup is the example of the README: what it shows must compile and run.
func backup(ctx context.Context, bucket *backend.Bucket, dump io.Reader) error {
	w, err := bucket.Create(ctx, "db/monday.sql.gz", nil)
	if err != nil {
		return err
	}
	defer w.Abort(nil) // does nothing after Close
	gz := gzip.NewWriter(w)
	if _, err := io.Copy(gz, dump); err != nil {
		return err // half a dump never becomes an object
	}
	if err := gz.Close(); err != nil {
		return err
	}
	return w.Close() // the object exists now
}

// Example stores a compressed dump of unknown size in constant memory and
// reads it back. With backend/s3 in place of backend/mem it is on S3.
func Example() {
	ctx := context.Background()
	kek := []byte("a key-encryption key of 32 bytes") // read yours from a file or a KMS
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		fmt.Println(err)
		return
	}
	bucket := backend.NewBucket(mem.New(), key, key, nil)
	if err := backup(ctx, bucket, strings.NewReader("CREATE TABLE t (n int);\n")); err != nil {
		fmt.Println(err)
		return
	}

	obj, err := bucket.Get(ctx, "db/monday.sql.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer obj.Close()
	gz, err := gzip.NewReader(obj)
	if err != nil {
		fmt.Println(err)
		return
	}
	dump, err := io.ReadAll(gz)
	fmt.Printf("%s%v, authenticated: %t\n", dump, err, obj.Authenticated())
	// Output:
	// CREATE TABLE t (n int);
	// <nil>, authenticated: true
}

func Example_failure() {
	ctx := context.Background()
	key, _ := wrap.NewAESGCM([]byte("a key-encryption key of 32 bytes"))
	bucket := backend.NewBucket(mem.New(), key, key, nil)

	// The dump dies half way, with an error that some transports take for the end.
	dump := io.MultiReader(strings.NewReader("CREATE TA"), dying{})
	fmt.Println(backup(ctx, bucket, dump))

	_, err := bucket.Stat(ctx, "db/monday.sql.gz")
	fmt.Println(err)
	// Output:
	// unexpected EOF
	// backend: stat "db/monday.sql.gz": backend: object: file does not exist
}

type dying struct{}

func (dying) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Example_files encrypts one file into another and back with io.Copy. The header
// is what S3 keeps as metadata: it must be kept with the file, and is no secret.
func Example_files() {
	dir, err := os.MkdirTemp("", "s3seal-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	key, err := wrap.NewAESGCM([]byte("a key-encryption key of 32 bytes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed := filepath.Join(dir, "LICENSE.sealed")
	header, err := sealFile(ctx, key, "LICENSE", sealed)
	if err != nil {
		fmt.Println(err)
		return
	}
	opened := filepath.Join(dir, "LICENSE")
	if err := openFile(ctx, key, header, sealed, opened); err != nil {
		fmt.Println(err)
		return
	}
	before, err1 := os.ReadFile("LICENSE")
	after, err2 := os.ReadFile(opened)
	fmt.Println(bytes.Equal(before, after), err1, err2)
	// Output: true <nil> <nil>
}

// sealFile encrypts from, which may be of any size, and returns the metadata.
func sealFile(ctx context.Context, key wrap.Wrapper, from, to string) (map[string]string, error) {
	src, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return nil, err
	}
	defer dst.Close()
	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	w, err := sealer.Writer(dst)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, src); err != nil {
		w.Abort(err) // no tag: half a file never passes for a whole one
		return nil, err
	}
	if err := errors.Join(w.Close(), dst.Close()); err != nil {
		return nil, err
	}
	return sealer.Header().Metadata()
}

// openFile decrypts from. By default up to 64 MiB are verified in memory before
// the first byte comes; for more there is envelope.Spool.
func openFile(ctx context.Context, key wrap.Unwrapper, metadata map[string]string, from, to string) error {
	header, err := envelope.ParseHeader(metadata)
	if err != nil {
		return err
	}
	opener, err := envelope.NewOpener(ctx, header, key, nil)
	if err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	body, err := opener.Reader(src, -1) // closes src with it
	if err != nil {
		return errors.Join(err, src.Close())
	}
	defer body.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, body)
	return errors.Join(err, dst.Close())
}

// Example_ruby reads an object that the aws-sdk-s3 gem, as Debian has it, has
// written with Aws::S3::EncryptionV2::Client.
func Example_ruby() {
	ctx := context.Background()
	body, err := os.ReadFile("envelope/testdata/fixtures/aes256-ruby2-gcm-desc-17.bin")
	if err != nil {
		fmt.Println(err)
		return
	}
	kek, err := hex.DecodeString("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f")
	if err != nil {
		fmt.Println(err)
		return
	}
	// On S3 the object is there already.
	store := mem.New()
	if _, err := store.Put(ctx, "from-ruby", bytes.NewReader(body), int64(len(body)), &backend.PutOptions{Metadata: map[string]string{
		"x-amz-cek-alg":  "AES/GCM/NoPadding",
		"x-amz-iv":       "rA3vj5S09sQNMI5M",
		"x-amz-key-v2":   "ZkuN3zBKLxdC8jLA/elGYtTaYozav5tgJfEOkIRgxhE8Jucp1B9sK1iwjD7tguNK7qUZN9VfRQeJz1aA",
		"x-amz-matdesc":  `{"keyid":"k-1","env":"test"}`,
		"x-amz-tag-len":  "128",
		"x-amz-wrap-alg": "AES/GCM",
	}}); err != nil {
		fmt.Println(err)
		return
	}

	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		fmt.Println(err)
		return
	}
	// This format does not commit to its key, which has to be allowed.
	bucket := backend.NewBucket(store, nil, key, &backend.Options{Open: envelope.OpenOptions{AllowUncommitted: true}})
	obj, err := bucket.Get(ctx, "from-ruby")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer obj.Close()
	plain, err := io.ReadAll(obj)
	fmt.Println(plain, err, obj.Authenticated())
	// Output: [0 7 14 21 28 35 42 49 56 63 70 77 84 91 98 105 112] <nil> true
}
