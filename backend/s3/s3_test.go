// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"math"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3"
)

func TestNewRefuses(t *testing.T) {
	client, err := minio.New("s3.test:80", &minio.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		client *minio.Client
		bucket string
		opts   *s3.Options
	}{
		"no client":          {nil, "bucket", nil},
		"no bucket":          {client, "", nil},
		"bucket with slash":  {client, "bucket/key", nil},
		"small parts":        {client, "bucket", &s3.Options{PartSize: 5<<20 - 1}},
		"large parts":        {client, "bucket", &s3.Options{PartSize: 5<<30 + 1}},
		"negative part size": {client, "bucket", &s3.Options{PartSize: -1}},
		"no concurrency":     {client, "bucket", &s3.Options{Concurrency: -1}},
		"endless buffers":    {client, "bucket", &s3.Options{Concurrency: math.MaxInt}},
	} {
		if d, err := s3.New(c.client, c.bucket, c.opts); err == nil || d != nil {
			t.Errorf("%s: New = %v, %v, want nil and an error", name, d, err)
		}
	}
	for _, opts := range []*s3.Options{nil, {}, {PartSize: 5 << 20}, {Concurrency: 1, EqualParts: true}} {
		if d, err := s3.New(client, "bucket", opts); err != nil || d == nil {
			t.Errorf("New(%+v) = %v, %v", opts, d, err)
		}
	}
}
