// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// The object is a file under its key; its metadata is kept beside it.
func ExampleNew() {
	root, err := os.MkdirTemp("", "vault")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)

	d, err := dir.New(root, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()

	ctx := context.Background()
	opts := &backend.PutOptions{Metadata: map[string]string{"made-by": "example"}}
	if _, err := d.Put(ctx, "backup/monday", strings.NewReader("ciphertext"), -1, opts); err != nil {
		log.Fatal(err)
	}

	data, err := os.ReadFile(filepath.Join(root, "backup", "monday"))
	if err != nil {
		log.Fatal(err)
	}
	info, err := d.Stat(ctx, "backup/monday")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d bytes, made by %s\n", data, info.Size, info.Metadata["made-by"])
	// Output: ciphertext, 10 bytes, made by example
}
