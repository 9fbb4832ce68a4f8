// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// A thousand small objects would be a thousand calls of the KMS. Here ten of them
// share a content-encryption key, from which each derives its own.
func ExampleNewWriteCache() {
	ctx := context.Background()
	kms := localkms.New() // a real one comes from wrap/awskms
	if err := kms.CreateKey("alias/vault"); err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewKMS(kms, "alias/vault")
	if err != nil {
		log.Fatal(err)
	}
	cache, err := envelope.NewWriteCache(key, &envelope.WriteCacheOptions{MaxUses: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Clear()

	keys, commitments := make(map[string]bool), make(map[string]bool)
	for range 30 {
		sealer, err := envelope.NewSealer(ctx, cache, nil)
		if err != nil {
			log.Fatal(err)
		}
		h := sealer.Header()
		keys[string(h.WrappedKey)] = true
		commitments[string(h.Commitment)] = true
		if _, err := sealer.Reader(bytes.NewReader(nil)); err != nil { // the body, not sent here
			log.Fatal(err)
		}
	}
	fmt.Println(len(keys), "calls of the KMS,", len(commitments), "content keys")

	_, err = envelope.NewSealer(ctx, cache, &envelope.SealOptions{Suite: envelope.V2GCM})
	fmt.Println(err)
	// Output:
	// 3 calls of the KMS, 30 content keys
	// envelope: write cache: format V2-GCM encrypts with the CEK itself, which two objects must not share; use V3, or the key without a cache
}
