// SPDX-License-Identifier: Apache-2.0

// Command s3client puts and gets files, by s3seal or, to tell what sealing costs,
// by the plain minio-go that is below it. It is driven as the clients of others
// are in the interop tests: each line on stdin is a JSON request, each line on
// stdout its answer:
//
//	{"op":"put"|"get","client":"s3seal"|"minio-go","bucket":…,"key":…,"file":path}
//	{"ok":true} or {"ok":false,"error":…}
//
// The S3 is at S3_ENDPOINT.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/wrap"
)

type request struct {
	Op     string `json:"op"`
	Client string `json:"client"`
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	File   string `json:"file"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "s3client:", err)
		os.Exit(1)
	}
}

// run serves as s3crypto does, the program around the clients of aws-sdk-go. It
// has a loop of its own, because that one is to share no code with this module.
func run(ctx context.Context, in io.Reader, out io.Writer) error {
	u, err := url.Parse(os.Getenv("S3_ENDPOINT"))
	if err != nil {
		return err
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY"), ""),
		Region: os.Getenv("S3_REGION"),
		Secure: u.Scheme == "https",
	})
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
		if err := serve(ctx, client, &r); err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func serve(ctx context.Context, client *minio.Client, r *request) error {
	switch r.Client + " " + r.Op {
	case "s3seal put":
		return put(ctx, client, r)
	case "s3seal get":
		b, err := bucket(client, r.Bucket)
		if err != nil {
			return err
		}
		_, err = b.GetFile(ctx, r.Key, r.File)
		return err
	case "minio-go put":
		_, err := client.FPutObject(ctx, r.Bucket, r.Key, r.File, minio.PutObjectOptions{})
		return err
	case "minio-go get":
		return client.FGetObject(ctx, r.Bucket, r.Key, r.File, minio.GetObjectOptions{})
	}
	return fmt.Errorf("unknown client %q or op %q", r.Client, r.Op)
}

func bucket(client *minio.Client, name string) (*backend.Bucket, error) {
	driver, err := s3.New(client, name, nil)
	if err != nil {
		return nil, err
	}
	key, err := wrap.NewAESGCM(make([]byte, 32)) // for measuring, on objects that nobody keeps
	if err != nil {
		return nil, err
	}
	return backend.NewBucket(driver, key, key, nil), nil
}

func put(ctx context.Context, client *minio.Client, r *request) error {
	b, err := bucket(client, r.Bucket)
	if err != nil {
		return err
	}
	f, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, r.Key, f, info.Size(), nil)
	return err
}
