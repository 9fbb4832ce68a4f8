// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// Read an object that is too large for a buffer, without a temporary file. The
// bucket asks the storage for it twice, and nothing is released that was not
// verified.
func ExampleBucket_Get_twoPass() {
	ctx := context.Background()
	bucket := newBucket(&backend.Options{Open: envelope.OpenOptions{Release: envelope.TwoPass(nil)}})
	if _, err := bucket.Put(ctx, "dump", bytes.NewReader(make([]byte, 5<<20)), 5<<20, nil); err != nil {
		log.Fatal(err)
	}
	object, err := bucket.Get(ctx, "dump")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	n, err := io.Copy(io.Discard, object)
	fmt.Println(n, err, object.Authenticated())
	// Output: 5242880 <nil> true
}
