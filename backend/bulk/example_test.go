// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// exampleKey is no secret.
func exampleKey(b byte) wrap.Key {
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// All objects below a prefix get another key; the old one then opens nothing.
func ExampleRewrap() {
	ctx := context.Background()
	before, after := exampleKey(1), exampleKey(2)
	storage := mem.New()
	bucket := backend.NewBucket(storage, before, wrap.NewKeyring(before, after), nil)
	for _, key := range []string{"logs/1", "logs/2"} {
		if _, err := bucket.Put(ctx, key, strings.NewReader("text"), -1, nil); err != nil {
			log.Fatal(err)
		}
	}
	objects := bucket.List(ctx, &backend.ListOptions{Prefix: "logs/"})
	summary, err := bulk.Rewrap(ctx, bucket, objects, &bulk.RewrapOptions{
		To: backend.RewrapOptions{Wrappers: []wrap.Wrapper{after}, MustNotOpen: before},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Done, "done,", summary.Failed, "failed")
	_, err = backend.NewBucket(storage, nil, before, nil).Get(ctx, "logs/1")
	fmt.Println(err)
	// Output:
	// 2 done, 0 failed
	// stream: decryption failed
}

// Objects of an old format are sealed anew under other keys.
func ExampleMigrate() {
	ctx := context.Background()
	key, storage := exampleKey(1), mem.New()
	src := backend.NewBucket(storage, key, key, &backend.Options{
		Seal: envelope.SealOptions{Suite: envelope.V2GCM},
		Open: envelope.OpenOptions{AllowUncommitted: true, Release: envelope.UnverifiedUntilEOF()},
	})
	dst := backend.NewBucket(storage, key, key, nil)
	for _, name := range []string{"old/1", "old/2"} {
		if _, err := src.Put(ctx, name, strings.NewReader("text"), -1, nil); err != nil {
			log.Fatal(err)
		}
	}
	objects := src.List(ctx, &backend.ListOptions{Prefix: "old/"})
	summary, err := bulk.Migrate(ctx, src, dst, objects, &bulk.MigrateOptions{
		Target: envelope.V3,
		Map:    func(key string) string { return "new/" + strings.TrimPrefix(key, "old/") },
		Options: bulk.Options{OnResult: func(r bulk.Result) {
			if r.Err != nil {
				fmt.Println(r.Key, r.Reason)
			}
		}},
	})
	fmt.Println(summary.Done, "done,", summary.Failed, "failed", err)
	info, err := dst.Stat(ctx, "new/1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Header.Suite)
	// Output:
	// 2 done, 0 failed <nil>
	// V3
}
