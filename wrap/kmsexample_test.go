// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// newExampleKMS stands for a service such as package wrap/awskms gives.
func newExampleKMS() wrap.KMS {
	kms := localkms.New()
	if err := kms.CreateKey("alias/app"); err != nil {
		log.Fatal(err)
	}
	return kms
}

func ExampleNewKMS() {
	key, err := wrap.NewKMS(newExampleKMS(), "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key, key.Algorithm())

	ctx, cek := context.Background(), bytes.Repeat([]byte{7}, 32)
	info := wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115", "user": "alice"}}
	wrapped, err := key.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.KMSContext, wrapped, info)
	fmt.Println(bytes.Equal(got, cek), err)

	// The KMS authenticates the context.
	info.MatDesc["user"] = "bob"
	_, err = key.Unwrap(ctx, wrap.KMSContext, wrapped, info)
	fmt.Println(err)
	// Output:
	// wrap.KMS("alias/app") kms+context
	// true <nil>
	// wrap: cannot unwrap key
}

// CEK and wrapped key in one call of the KMS.
func ExampleGenerator() {
	key, err := wrap.NewKMS(newExampleKMS(), "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	ctx, info := context.Background(), wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115"}}
	if g, ok := key.(wrap.Generator); ok {
		cek, wrapped, err := g.Generate(ctx, 32, info)
		if err != nil {
			log.Fatal(err)
		}
		got, err := key.Unwrap(ctx, wrap.KMSContext, wrapped, info)
		fmt.Println(len(cek), bytes.Equal(got, cek), err)
	}
	// Output: 32 true <nil>
}

// A reader that opens only what belongs to alice.
func ExampleRequireContext() {
	key, err := wrap.NewKMS(newExampleKMS(), "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	reader, err := wrap.RequireContext(key, map[string]string{"user": "alice"})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, user := range []string{"alice", "bob"} {
		info := wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115", "user": user}}
		wrapped, err := key.Wrap(ctx, make([]byte, 32), info)
		if err != nil {
			log.Fatal(err)
		}
		_, err = reader.Unwrap(ctx, wrap.KMSContext, wrapped, info)
		fmt.Println(user, err, errors.Is(err, wrap.ErrContext))
	}
	// Output:
	// alice <nil> false
	// bob wrap: the object has another encryption context true
}

func ExampleNewCache() {
	key, err := wrap.NewKMS(newExampleKMS(), "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	reader, err := wrap.NewCache(key, &wrap.CacheOptions{MaxEntries: 100, MaxAge: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Clear()

	ctx, cek := context.Background(), bytes.Repeat([]byte{7}, 32)
	info := wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115"}}
	wrapped, err := key.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	for range 3 { // the KMS is asked once
		got, err := reader.Unwrap(ctx, wrap.KMSContext, wrapped, info)
		fmt.Println(bytes.Equal(got, cek), err)
	}
	// Output:
	// true <nil>
	// true <nil>
	// true <nil>
}

// A KEK for one object, of which only the KMS's blob is stored.
func ExampleGenerateKEK() {
	ctx, kms := context.Background(), newExampleKMS()
	key, blob, err := wrap.GenerateKEK(ctx, kms, "alias/app", nil, wrap.NewAESKeyWrap)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key, len(blob) > 32)
	// Output: wrap.AESKeyWrap(256-bit) true
}

func ExampleDecryptKEK() {
	ctx, kms, cek := context.Background(), newExampleKMS(), bytes.Repeat([]byte{7}, 32)
	key, blob, err := wrap.GenerateKEK(ctx, kms, "alias/app", nil, wrap.NewAESKeyWrap)
	if err != nil {
		log.Fatal(err)
	}
	wrapped, err := key.Wrap(ctx, cek, wrap.Info{})
	if err != nil {
		log.Fatal(err)
	}
	// Later, with blob and wrapped from storage:
	key, err = wrap.DecryptKEK(ctx, kms, "alias/app", blob, nil, wrap.NewAESKeyWrap)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.AESKW, wrapped, wrap.Info{})
	fmt.Println(bytes.Equal(got, cek), err)
	// Output: true <nil>
}
