// SPDX-License-Identifier: Apache-2.0

package awskms_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/awskms"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// The client is the SDK's. Here it talks to a server for tests; in production
// its options come from the SDK's config package, and BaseEndpoint is left out.
func ExampleNew() {
	local := localkms.New()
	if err := local.CreateKey("alias/app"); err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(local.Handler())
	defer server.Close()

	client := kms.New(kms.Options{
		Region:       "eu-west-1",
		BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	service, err := awskms.New(client)
	if err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewKMS(service, "alias/app")
	if err != nil {
		log.Fatal(err)
	}

	ctx, cek := context.Background(), bytes.Repeat([]byte{7}, 32)
	info := wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115", "user": "alice"}}
	wrapped, err := key.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.KMSContext, wrapped, info)
	fmt.Println(bytes.Equal(got, cek), err)

	info.MatDesc["user"] = "bob"
	_, err = key.Unwrap(ctx, wrap.KMSContext, wrapped, info)
	fmt.Println(err)
	// Output:
	// true <nil>
	// wrap: cannot unwrap key
}
