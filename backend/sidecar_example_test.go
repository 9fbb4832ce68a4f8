// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// What is stored here is for clients of format V2 that keep the KEK of each
// object beside it. Without them the zero SidecarOptions and format V3 are better.
func ExampleNewSidecarKey() {
	ctx := context.Background()
	kms := localkms.New() // a real one comes from wrap/awskms
	if err := kms.CreateKey("alias/vault"); err != nil {
		log.Fatal(err)
	}
	key, err := backend.NewSidecarKey(kms, "alias/vault", &backend.SidecarOptions{Wrap: wrap.AESKW})
	if err != nil {
		log.Fatal(err)
	}
	store := mem.New()
	bucket := backend.NewBucket(store, key, key, &backend.Options{
		Seal: envelope.SealOptions{Suite: envelope.V2GCM},
		Open: envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true},
	})
	info, err := bucket.Put(ctx, "orders/1", strings.NewReader("attack at dawn"), 14, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Header)
	sidecar, err := store.Stat(ctx, "orders/1"+backend.SidecarSuffix)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("beside it:", sidecar.Key)

	object, err := bucket.Get(ctx, "orders/1")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	plain, err := io.ReadAll(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("read: %s\n", plain)
	// Output:
	// V2-GCM, key wrapped by AESWrap
	// beside it: orders/1.key
	// read: attack at dawn
}

// Whoever reads bodies by other means opens the envelope alone.
func ExampleNewOpener() {
	ctx := context.Background()
	kms := localkms.New()
	if err := kms.CreateKey("alias/vault"); err != nil {
		log.Fatal(err)
	}
	key, err := backend.NewSidecarKey(kms, "alias/vault", nil)
	if err != nil {
		log.Fatal(err)
	}
	store := mem.New()
	bucket := backend.NewBucket(store, key, key, nil)
	info, err := bucket.Put(ctx, "a", strings.NewReader("text"), 4, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = backend.NewOpener(ctx, store, "a", info.Header, key, nil)
	fmt.Println(err)
	_, err = backend.NewOpener(ctx, store, "elsewhere", info.Header, key, nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// backend: sidecar is missing: wrap: no key for this object: "elsewhere.key"
}
