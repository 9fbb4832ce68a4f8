// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// The file is not used before all of it is verified, and removed if it is not.
func ExampleBucket_GetToUnverified() {
	ctx := context.Background()
	bucket := newBucket(&backend.Options{Download: backend.DownloadOptions{PartSize: 1 << 20, Concurrency: 4}})
	if _, err := bucket.Put(ctx, "dump", strings.NewReader("what was dumped"), -1, nil); err != nil {
		log.Fatal(err)
	}
	f, err := os.CreateTemp("", "dump-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	info, err := bucket.GetToUnverified(ctx, "dump", f)
	if err != nil {
		log.Fatal(err) // after removing the file
	}
	data, err := os.ReadFile(f.Name())
	fmt.Printf("%s, %d bytes, authenticated %t, %v\n", data, info.PlaintextSizeMax, info.Authenticated, err)
	// Output:
	// what was dumped, 15 bytes, authenticated true, <nil>
}
