// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// putState puts src by a state file that is named.
func putState(t *testing.T, ks keySet, state, src, at string) result {
	t.Helper()
	return cli(t, nil, "put", "-q", "-k", ks.aes, "--resume", "--state", state, src, at)
}

// TestStateOfAnother: a state file that was named is for one object in one place. By
// a put of another, or elsewhere, its upload is not forgotten.
func TestStateOfAnother(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	root := filepath.Join(folder, "v")
	src := writeFile(t, folder, "src", pattern(killSize))
	state := begun(t, root, ks, src)
	before := readFile(t, state)
	for _, at := range []string{"dir:" + root + "//y", "s3://bucket/x"} {
		putState(t, ks, state, src, at).want(t, exitUsage, "--state "+state+": it is for the upload of x in a folder, which would be lost: "+
			"want another --state for "+at+", or to give that one up: s3seal abort-stale --abort --older-than 0s --state "+state+" dir:ROOT\n")
	}
	other := filepath.Join(t.TempDir(), "w")
	putState(t, ks, state, src, "dir:"+other+"//x").want(t, exitUsage, "is not in the folder "+other+": was it another folder?")
	wantFile(t, state, before)

	putState(t, ks, state, src, "dir:"+root+"//x").want(t, exitOK)
	wantFiles(t, folder, "src", "v")
	// As of a put that was killed after the object was there.
	writeFile(t, folder, filepath.Base(state), before)
	putState(t, ks, state, src, "dir:"+root+"//x").want(t, exitOK)
	cli(t, nil, "rm", "dir:"+root+"//x").want(t, exitOK)
	writeFile(t, folder, filepath.Base(state), before)
	putState(t, ks, state, src, "dir:"+root+"//x").want(t, exitUsage, "If it is gone for good, remove the file")
	before[52] = 'x' // damaged: nobody can tell what it was about
	writeFile(t, folder, filepath.Base(state), before)
	putState(t, ks, state, src, "dir:"+root+"//x").want(t, exitOK)
	wantFiles(t, folder, "src", "v")
}

// TestStateOfAnotherFirst: that is said before the source is looked for and a key is
// made, and of a state file that was not named it is said all the same.
func TestStateOfAnotherFirst(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	root := filepath.Join(folder, "v")
	src := writeFile(t, folder, "src", pattern(killSize))
	state, at := begun(t, root, ks, src), "dir:"+root+"//y"
	made := filepath.Join(folder, "made.key")
	cli(t, nil, "put", "--new-key", made, "--resume", "--state", state, filepath.Join(folder, "none"), at).
		want(t, exitUsage, "--state "+state+": it is for the upload of x in a folder, which would be lost")
	wantFiles(t, folder, "src", filepath.Base(state), "v")

	y, err := parseAddress(at)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := (&putCmd{Src: text(src)}).statePath(nil, y)
	if err == nil {
		err = os.Rename(state, moved)
	}
	if err != nil {
		t.Fatal(err)
	}
	cli(t, nil, "put", "-q", "-k", ks.aes, "--resume", src, at).
		want(t, exitUsage, "--state "+moved+": it is for the upload of x in a folder, which would be lost: want another --state for "+at)
	putState(t, ks, moved, src, "dir:"+root+"//x").want(t, exitOK)
	wantFiles(t, folder, "src", "v")
}

// TestS3StateOfAnotherServer: two servers have a bucket of one name.
func TestS3StateOfAnotherServer(t *testing.T) {
	one, two := s3test.Versitygw(t), s3test.MinIO(t)
	ks := newKeySet(t)
	src := writeFile(t, t.TempDir(), "src", pattern(killSize))
	useServer(t, one)
	bucket := one.NewBucket(t)
	at, err := parseAddress("s3://" + bucket + "/x")
	if err != nil {
		t.Fatal(err)
	}
	st, err := storageFlags{}.openStorage(&app{stderr: io.Discard, env: os.Getenv}, at, true)
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := resumable(t, st, at, ks, src, 1)
	if err == nil {
		t.Fatal("put = nil, want it cancelled")
	}
	putState(t, ks, state, src, "s3://"+bucket+"/y").want(t, exitUsage, "for the upload of s3://"+bucket+"/x, which", "--state "+state+" s3://"+bucket+"\n")
	useServer(t, two)
	putState(t, ks, state, src, at.text).want(t, exitNotFound, "there is no bucket")
	client := two.Client(t)
	if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.RemoveBucket(context.WithoutCancel(t.Context()), bucket) })
	putState(t, ks, state, src, at.text).want(t, exitUsage, "is not on the server "+two.Endpoint+": was it another server?")
	useServer(t, one)
	putState(t, ks, state, src, at.text).want(t, exitOK)
	if r := cli(t, nil, "cat", "-k", ks.aes, at.text).want(t, exitOK); !strings.HasPrefix(r.out, string(pattern(100))) || len(r.out) != killSize {
		t.Errorf("cat: %d bytes that are not the source", len(r.out))
	}
}
