// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/wrap"
)

// A shelf stands for the storage: it has one object.
type shelf struct {
	header http.Header
	body   []byte
}

func (s *shelf) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: http.NoBody, Request: req}
	answer.Header.Set("ETag", `"1"`)
	switch req.Method {
	case http.MethodPut:
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		s.header, s.body = req.Header, body
	case http.MethodGet:
		for name, values := range s.header {
			if strings.HasPrefix(name, "X-Amz-Meta-") || name == "Content-Type" {
				answer.Header[name] = values
			}
		}
		answer.Header.Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
		answer.Header.Set("Content-Length", strconv.Itoa(len(s.body)))
		answer.ContentLength = int64(len(s.body))
		answer.Body = io.NopCloser(bytes.NewReader(s.body))
	}
	return answer, nil
}

// Compress, encrypt and upload what comes, in constant memory, whatever its
// length; and back again. A client for real has no Transport of its own, and its
// address and credentials are real.
func Example() {
	ctx := context.Background()
	client, err := minio.New("s3.example.com", &minio.Options{
		Creds:     credentials.NewStaticV4("access", "secret", ""),
		Secure:    true,
		Region:    "us-east-1",
		Transport: new(shelf),
	})
	if err != nil {
		log.Fatal(err)
	}
	driver, err := s3.New(client, "backups", nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32)) // real keys come from files
	if err != nil {
		log.Fatal(err)
	}
	bucket := backend.NewBucket(driver, key, key, nil)

	object, err := bucket.Create(ctx, "log.gz", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer object.Abort(nil) // does nothing after Close
	compressed := gzip.NewWriter(object)
	if _, err := io.Copy(compressed, strings.NewReader("monday\ntuesday\n")); err != nil {
		log.Fatal(err) // half a log never becomes an object
	}
	if err := compressed.Close(); err != nil {
		log.Fatal(err)
	}
	if err := object.Close(); err != nil { // the object exists now
		log.Fatal(err)
	}

	body, err := bucket.Get(ctx, "log.gz")
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	plain, err := gzip.NewReader(body)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	fmt.Printf("%s%v, authenticated: %t\n", text, err, body.Authenticated())
	// Output:
	// monday
	// tuesday
	// <nil>, authenticated: true
}
