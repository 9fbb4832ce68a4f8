// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// s3Env is the environment of a program that uses srv. Credentials come from
// the environment, never from a flag.
func s3Env(srv *s3test.Server) []string {
	return append(os.Environ(),
		"AWS_ENDPOINT_URL_S3="+srv.URL(), "AWS_REGION="+srv.Region, "AWS_SESSION_TOKEN=",
		"AWS_ACCESS_KEY_ID="+srv.AccessKey, "AWS_SECRET_ACCESS_KEY="+srv.SecretKey)
}

// wantNothing fails the test unless the bucket is empty, uploads included.
func wantNothing(t *testing.T, srv *s3test.Server, bucket string) {
	t.Helper()
	if got := srv.Objects(t, bucket); len(got) > 0 {
		t.Errorf("objects left in the bucket: %q", got)
	}
	if n := srv.IncompleteUploads(t, bucket); n != 0 {
		t.Errorf("%d unfinished uploads left in the bucket", n)
	}
}

// TestS3InterruptedPut: a signal in the middle of a multipart upload leaves
// neither an object nor an upload.
func TestS3InterruptedPut(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, sig := range signals(t) {
			bucket := srv.NewBucket(t)
			c := startEnv(t, s3Env(srv), "put", "-k", ks.aes, "-", "s3://"+bucket+"/big")
			// Two parts and more, so that the upload has begun.
			if _, err := io.CopyN(c.stdin, rand.NewChaCha8([32]byte{}), 20<<20); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "an upload", func() bool { return srv.IncompleteUploads(t, bucket) > 0 })
			c.interrupt(t, sig)
			wantNothing(t, srv, bucket)
		}
	})
}

// TestS3FailedSource: a source that ends before its declared size is no
// object, in one PUT or in many parts.
func TestS3FailedSource(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		for _, size := range []int64{100, 20 << 20} {
			c := startEnv(t, s3Env(srv), "put", "-k", ks.aes, "--expect-size", fmt.Sprint(size+1), "-", "s3://"+bucket+"/x")
			if _, err := io.CopyN(c.stdin, zeros{}, size); err != nil {
				t.Fatal(err)
			}
			c.stdin.Close()
			if code := c.wait(t); code != exitFailure {
				t.Errorf("size=%d: exit code %d, want %d; stderr %s", size, code, exitFailure, c.stderr.String())
			}
			wantNothing(t, srv, bucket)
		}
	})
}

const (
	gibibyte  = 1 << 30
	quickSize = 160 << 20

	// What a process may use while an object of any size passes through it.
	maxPutRSS = 96 << 20
	maxGetRSS = 64 << 20
)

// TestS3GiB: an object of unknown size passes through MinIO in constant
// memory, in every format. Where tests are to be quick it is no gibibyte, but
// still more than memory may hold of it.
func TestS3GiB(t *testing.T) {
	srv := s3test.MinIO(t)
	ks := newKeySet(t)
	bucket := srv.NewBucket(t)
	size := int64(long(quickSize, gibibyte))
	for _, format := range []string{"v3", "v2", "v1"} {
		t.Run(format, func(t *testing.T) {
			passThrough(t, srv, bucket, ks, format, size)
		})
	}
}

// TestS3Long: what holds for a gibibyte holds for five, on every server: the
// memory is a matter of parts. A quick one is for the server that TestS3GiB
// leaves out.
func TestS3Long(t *testing.T) {
	ks := newKeySet(t)
	gib := int64(long(0, 5))
	if gib == 0 {
		srv := s3test.Versitygw(t)
		passThrough(t, srv, srv.NewBucket(t), ks, "v3", quickSize)
		return
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		passThrough(t, srv, srv.NewBucket(t), ks, "v3", gib*gibibyte)
	})
}

// passThrough puts size bytes from a pipe and gets them into a file.
func passThrough(t *testing.T, srv *s3test.Server, bucket string, ks keySet, format string, size int64) {
	t.Helper()
	at := "s3://" + bucket + "/" + format
	want := sha256.New()
	src := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{}), size), want)
	measure(t, maxPutRSS, s3Env(srv), src, "put", "-q", "-k", ks.aes, "--format", format, "-", at)

	dst := filepath.Join(t.TempDir(), "dst")
	measure(t, maxGetRSS, s3Env(srv), nil, "get", "-q", "-k", ks.aes, "--accept", "legacy", at, dst)
	if got := fileHash(t, dst); string(got) != string(want.Sum(nil)) {
		t.Errorf("SHA-256 = %x, want %x", got, want.Sum(nil))
	}
}

// startEnv is start with an environment.
func startEnv(t *testing.T, env []string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), binaryPath(t), args...)}
	c.cmd.Env = env
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	return c
}

func fileHash(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return h.Sum(nil)
}
