// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
)

// The client decides where the storage is and who asks. A driver makes no
// request of its own, and needs none to know that a key is none.
func ExampleNew() {
	transport, err := minio.DefaultTransport(true)
	if err != nil {
		log.Fatal(err)
	}
	client, err := minio.New("s3.eu-central-1.amazonaws.com", &minio.Options{
		Creds:     credentials.NewEnvAWS(),
		Secure:    true,
		Region:    "eu-central-1",
		Transport: s3.LimitAnswers(transport),
	})
	if err != nil {
		log.Fatal(err)
	}
	driver, err := s3.New(client, "backups", nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = driver.Stat(context.Background(), "../other-bucket/key")
	fmt.Println(errors.Is(err, backend.ErrKey))
	// Output: true
}
