// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
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
