// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/bench/internal/pattern"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// kmsKey is the key of the KMS, for the client that knows no other.
const kmsKey = "alias/bench"

// findMinIO makes sure that there is a MinIO to be found: given, in PATH, or
// where .ci/run leaves it, which is put into PATH.
func findMinIO() error {
	if os.Getenv("S3SEAL_TEST_MINIO_ENDPOINT") != "" {
		return nil
	}
	if _, err := exec.LookPath("minio"); err == nil {
		return nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("there is no MinIO on this machine: %w", err)
	}
	built, err := filepath.Glob(filepath.Join(cache, "s3seal", "ci", "minio-*"))
	if err != nil || len(built) == 0 {
		return errors.New("there is no MinIO on this machine, in PATH or built by .ci/run")
	}
	return os.Setenv("PATH", slices.Max(built)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// endToEnd is files put and got through MinIO by encryption clients of several
// people, and by minio-go without encryption.
func (j *job) endToEnd(ctx context.Context, out io.Writer) (err error) {
	if err := findMinIO(); err != nil {
		_, err := fmt.Fprintf(out, "note: %v\n", err)
		return err
	}
	srv, stop, err := s3test.StartMinIO(false)
	if err != nil {
		return err
	}
	defer stop()
	kms, stopKMS, err := startKMS()
	if err != nil {
		return err
	}
	defer stopKMS()
	e := &endToEnd{job: j, env: append(srv.Env(), "KMS_ENDPOINT="+kms)}
	drop, err := e.makeBucket(ctx, srv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	return e.all(ctx, out)
}

// startKMS starts a KMS on loopback and returns its URL.
func startKMS() (url string, stop func(), err error) {
	kms := localkms.New()
	if err := kms.CreateKey(kmsKey); err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: kms.Handler()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until it is closed; clients report what fails before
	}()
	return "http://" + l.Addr().String(), func() { _ = server.Close(); <-done }, nil
}

// endToEnd is the part of that name while it runs.
type endToEnd struct {
	*job
	env    []string // where the servers are
	bucket string
}

// makeBucket makes a bucket of random name, which drop removes, for the server
// may not be ours.
func (e *endToEnd) makeBucket(ctx context.Context, srv *s3test.Server) (drop func() error, err error) {
	client, err := minio.New(srv.Endpoint, srv.Options())
	if err != nil {
		return nil, err
	}
	random := make([]byte, 8)
	rand.Read(random)
	e.bucket = "s3seal-report-" + hex.EncodeToString(random)
	return func() error {
		return client.RemoveBucketWithOptions(context.WithoutCancel(ctx), e.bucket, minio.RemoveBucketOptions{ForceDelete: true})
	}, client.MakeBucket(ctx, e.bucket, minio.MakeBucketOptions{Region: srv.Region})
}

func (e *endToEnd) all(ctx context.Context, out io.Writer) error {
	clients, notes, err := e.clients(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "versions: %s\n%s", notes.versions, notes.missing)
	for _, size := range pick(e.job, []int64{1 << 20}, []int64{1 << 20, 16 << 20, 256 << 20, 1 << 30}) {
		if err := e.writeFile(size); err != nil {
			return err
		}
		for _, c := range clients {
			runs := pick(e.job, 1, 3)
			if size >= 1<<30 {
				runs = 1
			}
			if err := e.putGet(ctx, out, c, size, runs); err != nil {
				return fmt.Errorf("%s: %d bytes: %w", c.name, size, err)
			}
		}
	}
	return nil
}

// source is the file that is put.
func (e *endToEnd) source() string { return filepath.Join(e.tmp, "source") }

func (e *endToEnd) writeFile(size int64) error {
	f, err := os.Create(e.source())
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, &pattern.Generator{}, size)
	return errors.Join(err, f.Close())
}

// A client is a program that puts and gets files when told to.
type client struct {
	name    string
	command []string
	request map[string]any // what it is told besides
}

// notes are for the header.
type notes struct{ versions, missing string }

// clients returns those that are there.
func (e *endToEnd) clients(ctx context.Context) (all []client, n notes, err error) {
	ours, err := e.build(ctx, peerModule+"/s3client")
	if err != nil {
		return nil, n, err
	}
	const sdkModule = "backend/s3/s3crypto"
	sdk, err := e.build(ctx, sdkModule)
	if err != nil {
		return nil, n, err
	}
	if n.versions, err = e.moduleVersions(ctx, ".", "github.com/minio/minio-go/v7"); err != nil {
		return nil, n, err
	}
	sdkVersion, err := e.moduleVersions(ctx, sdkModule, "github.com/aws/aws-sdk-go")
	if err != nil {
		return nil, n, err
	}
	n.versions += ", " + sdkVersion
	all = []client{
		{"minio-go", []string{ours}, map[string]any{"client": "minio-go"}},
		{"s3seal", []string{ours}, map[string]any{"client": "s3seal"}},
		{"s3crypto", []string{sdk}, map[string]any{
			"client": "v2", "location": "metadata",
			"content": "AES/GCM/NoPadding", "wrap": "kms+context", "kms": kmsKey, "context": map[string]string{"bench": "1"},
		}},
	}
	ruby := e.version(ctx, "ruby", "-e", `require "aws-sdk-s3"; print "ruby ", RUBY_VERSION, ", aws-sdk-s3 ", Aws::S3::GEM_VERSION`)
	if ruby == "" {
		n.missing = "note: there is no Ruby with aws-sdk-s3 on this machine\n"
		return all, n, nil
	}
	n.versions += ", " + ruby
	script := filepath.Join(e.root, "backend", "s3", "testdata", "s3ec.rb")
	return append(all, client{"EncryptionV2", []string{"ruby", script}, map[string]any{
		"client": "v2", "location": "metadata",
		"aes": base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}}), n, nil
}
