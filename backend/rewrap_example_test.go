// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A key is rotated: every object gets the new one, and the bodies stay.
func ExampleBucket_Rewrap() {
	ctx := context.Background()
	oldKey, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32)) // real keys come from files
	if err != nil {
		log.Fatal(err)
	}
	newKey, err := wrap.NewAESGCM(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		log.Fatal(err)
	}
	driver := mem.New()
	bucket := backend.NewBucket(driver, oldKey, oldKey, nil)
	if _, err := bucket.Put(ctx, "orders/1", strings.NewReader("attack at dawn"), -1, nil); err != nil {
		log.Fatal(err)
	}

	opts := &backend.RewrapOptions{Wrappers: []wrap.Wrapper{newKey}, MustNotOpen: oldKey}
	for info, err := range bucket.List(ctx, &backend.ListOptions{Prefix: "orders/"}) {
		if err != nil {
			log.Fatal(err)
		}
		if _, err := bucket.Rewrap(ctx, info.Key, opts); err != nil {
			log.Fatal(err)
		}
	}

	_, err = bucket.Get(ctx, "orders/1")
	fmt.Println("by the old key:", errors.Is(err, envelope.ErrDecrypt))
	object, err := backend.NewBucket(driver, newKey, newKey, nil).Get(ctx, "orders/1")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	plain, err := io.ReadAll(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("by the new key: %s\n", plain)
	// Output:
	// by the old key: true
	// by the new key: attack at dawn
}
