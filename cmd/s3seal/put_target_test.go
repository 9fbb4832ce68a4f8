// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPutSparesPlainFile: a file of somebody's own is no object to be replaced,
// whatever the put is made of, and what would allow it is said.
func TestPutSparesPlainFile(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	src := writeFile(t, folder, "src", pattern(50))
	mine := writeFile(t, folder, "mine", pattern(100))
	key := filepath.Join(folder, "new.key")
	ran := filepath.Join(folder, "ran")
	for _, at := range []string{"dir:" + mine, "dir:" + folder + "//mine"} {
		for _, args := range [][]string{
			{"-k", ks.aes, src, at},
			{"-k", ks.aes, "no such file", at}, // before the source
			{"--new-key", key, src, at},        // and the key
			{"-k", ks.aes, "--resume", src, at},
			{"-k", ks.aes, "--format", "chunked", src, at},
			{"-k", ks.aes, "--from-command", at, "--", "touch", ran},
		} {
			cli(t, nil, append([]string{"put"}, args...)...).want(t, exitPolicy,
				at+": a file is there that s3seal has not written", "another folder or name", "allow it with --overwrite-plain-file")
		}
	}
	wantFile(t, mine, pattern(100))
	wantFiles(t, folder, "mine", "src")
}

// TestPutOverPlainFile: what was asked for is done.
func TestPutOverPlainFile(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	mine := writeFile(t, folder, "mine", pattern(100))
	at := "dir:" + mine
	cli(t, nil, "put", "-k", ks.aes, "--overwrite-plain-file", "-", "s3://bucket/mine").want(t, exitUsage, "--overwrite-plain-file", "folder")
	cli(t, bytes.NewReader(pattern(50)), "put", "-k", ks.aes, "--overwrite-plain-file", "-", at).want(t, exitOK)
	wantCat(t, ks.aes, at, 50)
	putN(t, ks.aes, at, 60).want(t, exitOK)
	wantCat(t, ks.aes, at, 60)
}

// TestPutPlainFileConditions: each says by itself what may be replaced.
func TestPutPlainFileConditions(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	at := "dir:" + writeFile(t, folder, "mine", pattern(100))
	cli(t, nil, "put", "-k", ks.aes, "--if-none-match", "-", at).want(t, exitChanged, "--if-none-match")
	cli(t, nil, "put", "-k", ks.aes, "--if-match", strings.Repeat("0", 32), "-", at).want(t, exitChanged, "ETag")
	wantFile(t, filepath.Join(folder, "mine"), pattern(100))
	cli(t, bytes.NewReader(pattern(50)), "put", "-k", ks.aes, "--if-match", etagOf(t, at), "-", at).want(t, exitOK)
	wantCat(t, ks.aes, at, 50)
}

// TestPutPlainFileMeanwhile: also a file that comes while the source is read.
func TestPutPlainFileMeanwhile(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	mine := filepath.Join(folder, "mine")
	meddler := readerFunc(func([]byte) (int, error) { return 0, firstOf(os.WriteFile(mine, pattern(100), 0o600), io.EOF) })
	src := io.MultiReader(meddler, bytes.NewReader(pattern(50)))
	cli(t, src, "put", "-k", ks.aes, "-", "dir:"+mine).want(t, exitPolicy, "dir:"+mine+": a file is there")
	wantFile(t, mine, pattern(100))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestPutNoBucket: who puts is told how the bucket comes to be.
func TestPutNoBucket(t *testing.T) {
	noCredentials(t)
	url := answering(t, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	ks := newKeySet(t)
	src := writeFile(t, t.TempDir(), "src", pattern(10))
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("MC_HOST_here", strings.Replace(url, "://", "://a:b@", 1))
	for _, c := range []struct{ at, endpoint, want string }{
		{"s3://bucket/x", url, "there is no bucket bucket: check its name, the endpoint and the region, or make it with: aws --endpoint-url " + url + " s3 mb s3://bucket\n"},
		{"mc:here/bucket/x", "", ": mc mb here/bucket\n"},
	} {
		cli(t, nil, "put", "-k", ks.aes, "--endpoint", c.endpoint, src, c.at).want(t, exitNotFound, c.at+": there is no bucket", c.want)
		cli(t, nil, "put", "-k", ks.aes, "--resume", "--endpoint", c.endpoint, src, c.at).want(t, exitNotFound, c.want)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", url)
	cli(t, nil, "put", "-k", ks.aes, src, "s3://bucket/x").want(t, exitNotFound, ": aws s3 mb s3://bucket\n")
	cli(t, nil, "cat", "-k", ks.aes, "s3://bucket/x").want(t, exitNotFound, "s3seal: s3://bucket: there is no such bucket\n")
}

// TestPutTwoKeys: what was given is not said to be missing.
func TestPutTwoKeys(t *testing.T) {
	cli(t, nil, "put", "-k", "aes:f", "--new-key", "f", "src", "dir:v//x").want(t, exitUsage, "want one of -k KEY and --new-key FILE, got both\n")
}
