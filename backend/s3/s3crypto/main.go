// SPDX-License-Identifier: Apache-2.0

// S3crypto drives the S3 encryption clients of aws-sdk-go v1 for the interop
// tests. Each line on stdin is a JSON request, each line on stdout its answer:
//
//	{"op":"put"|"get","client":"v1"|"v2"|"v2_and_legacy","bucket":…,"key":…,
//	 "file":path of the plaintext, "kms":key id,
//	 "content":x-amz-cek-alg and "wrap":x-amz-wrap-alg of what is put,
//	 "context":{…} of what is put, "named":true to decrypt by that key id,
//	 "location":"metadata"|"instruction_file"; on get also "", to look for it}
//	{"ok":true} or {"ok":false,"error":…}
//
// The S3 is at S3_ENDPOINT and the KMS at KMS_ENDPOINT. The clients know no
// keys but those of a KMS, and no format but V2.
//
//lint:file-ignore SA1019 the SDK is at its end, but what it has written is still there
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/endpoints"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/kms"
	"github.com/aws/aws-sdk-go/service/s3"
)

type request struct {
	Op       string            `json:"op"`
	Client   string            `json:"client"`
	Bucket   string            `json:"bucket"`
	Key      string            `json:"key"`
	File     string            `json:"file"`
	KMS      string            `json:"kms"`
	Content  string            `json:"content"`
	Wrap     string            `json:"wrap"`
	Context  map[string]string `json:"context"`
	Named    bool              `json:"named"`
	Location string            `json:"location"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "s3crypto:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	p, err := newPeer()
	if err != nil {
		return err
	}
	requests, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var r request
		if err := requests.Decode(&r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		a := answer{OK: true}
		if err := p.serve(&r); err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// A peer is what the clients are made from.
type peer struct {
	session *session.Session
	s3      *s3.S3
	kms     *kms.KMS
}

func newPeer() (*peer, error) {
	at := map[string]string{"s3": os.Getenv("S3_ENDPOINT"), "kms": os.Getenv("KMS_ENDPOINT")}
	// By a resolver, because the V1 client makes its own KMS client of the session.
	resolve := func(service, region string, _ ...func(*endpoints.Options)) (endpoints.ResolvedEndpoint, error) {
		if at[service] == "" {
			return endpoints.ResolvedEndpoint{}, fmt.Errorf("no endpoint of %s", service)
		}
		return endpoints.ResolvedEndpoint{URL: at[service], SigningRegion: region}, nil
	}
	s, err := session.NewSession(&aws.Config{
		EndpointResolver: endpoints.ResolverFunc(resolve),
		Region:           aws.String(os.Getenv("S3_REGION")),
		Credentials:      credentials.NewStaticCredentials(os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY"), ""),
		S3ForcePathStyle: aws.Bool(true),
		MaxRetries:       aws.Int(0),
	})
	if err != nil {
		return nil, err
	}
	return &peer{session: s, s3: s3.New(s), kms: kms.New(s)}, nil
}

func (p *peer) serve(r *request) error {
	switch r.Op {
	case "put":
		return p.put(r)
	case "get":
		return p.get(r)
	}
	return fmt.Errorf("unknown op %q", r.Op)
}

func (p *peer) put(r *request) error {
	put, err := p.writer(r)
	if err != nil {
		return err
	}
	f, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = put.PutObject(&s3.PutObjectInput{Bucket: &r.Bucket, Key: &r.Key, Body: f})
	return err
}

func (p *peer) get(r *request) error {
	get, err := p.reader(r)
	if err != nil {
		return err
	}
	out, err := get.GetObject(&s3.GetObjectInput{Bucket: &r.Bucket, Key: &r.Key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	f, err := os.Create(r.File)
	if err != nil {
		return err
	}
	// In large pieces: the CBC reader panics on buffers that are not whole blocks.
	_, err = io.Copy(f, out.Body)
	return errors.Join(err, f.Close())
}
