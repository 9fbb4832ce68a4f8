// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// Reading what old and new clients have written under one KMS key.
func ExampleNewKMSPlain() {
	kms := localkms.New() // stands for a service such as package wrap/awskms gives
	if err := kms.CreateKey("alias/app"); err != nil {
		log.Fatal(err)
	}
	modern, err := wrap.NewKMS(kms, "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	old, err := legacy.NewKMSPlain(kms, "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	ring := wrap.NewKeyring(modern, old)
	fmt.Println(ring)

	ctx, cek := context.Background(), bytes.Repeat([]byte{7}, 32)
	info := wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: map[string]string{"kms_cmk_id": "alias/app"}}
	wrapped, err := old.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	got, err := ring.Unwrap(ctx, wrap.KMSPlain, wrapped, info)
	fmt.Println(bytes.Equal(got, cek), err)
	// Output:
	// wrap.Keyring[wrap.KMS("alias/app") legacy.KMSPlain("alias/app")]
	// true <nil>
}
