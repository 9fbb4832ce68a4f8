// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// Keys in memory, for tests.
func ExampleNew() {
	kms := localkms.New()
	if err := kms.CreateKey("alias/test"); err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewKMS(kms, "alias/test")
	fmt.Println(key, err)
	fmt.Println(kms)
	// Output:
	// wrap.KMS("alias/test") <nil>
	// localkms.KMS(1 keys in memory)
}

// Keys in a file, and a rotation.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "localkms")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	kms, err := localkms.Create(filepath.Join(dir, "keys.json"))
	if err != nil {
		log.Fatal(err)
	}
	if err := kms.CreateKey("alias/app"); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	blob, err := kms.Encrypt(ctx, "alias/app", []byte("secret"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := kms.Rotate("alias/app"); err != nil {
		log.Fatal(err)
	}
	plain, err := kms.Decrypt(ctx, "alias/app", blob, nil)
	fmt.Println(string(plain), err, kms.Versions("alias/app"))
	// Output: secret <nil> 2
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "localkms")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.json")
	kms, err := localkms.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := kms.ImportKey("alias/app", bytes.Repeat([]byte{1}, 32)); err != nil {
		log.Fatal(err)
	}
	again, err := localkms.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.KeyIDs())
	// Output: [alias/app]
}

// A server for the SDKs of AWS: give them its URL as the endpoint of KMS, for
// example in the variable AWS_ENDPOINT_URL_KMS.
func ExampleKMS_Handler() {
	kms := localkms.New()
	if err := kms.CreateKey("alias/test"); err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(kms.Handler())
	defer server.Close()
	fmt.Println(strings.HasPrefix(server.URL, "http://127.0.0.1:"))
	// Output: true
}
