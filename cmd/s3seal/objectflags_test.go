// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// etagOf asks stat for the ETag of an object.
func etagOf(t *testing.T, at string) string {
	t.Helper()
	var object struct{ ETag string }
	r := cli(t, nil, "stat", "--json", at).want(t, exitOK)
	if err := json.Unmarshal([]byte(r.out), &object); err != nil || object.ETag == "" {
		t.Fatalf("stat --json = %s, %v", r.out, err)
	}
	return object.ETag
}

// conditions puts with and without luck.
func conditions(t *testing.T, ks keySet, at string) {
	t.Helper()
	put := func(text string, code int, flags ...string) result {
		t.Helper()
		args := append([]string{"put", "-q", "-k", ks.aes}, flags...)
		return cli(t, strings.NewReader(text), append(args, "-", at)...).want(t, code)
	}
	holds := func(text string) {
		t.Helper()
		if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != text {
			t.Errorf("object = %q, want %q", r.out, text)
		}
	}
	if r := put("none", exitChanged, "--if-match", "0123"); !strings.Contains(r.err, at) || !strings.Contains(r.err, "ETag") {
		t.Errorf("stderr = %q, want the address and the reason", r.err)
	}
	cli(t, nil, "stat", at).want(t, exitNotFound)
	put("first", exitOK, "--if-none-match")
	if r := put("second", exitChanged, "--if-none-match"); !strings.Contains(r.err, "is there already") {
		t.Errorf("stderr = %q, want the reason", r.err)
	}
	holds("first")
	etag := etagOf(t, at)
	put("third", exitOK, "--if-match", `"`+etag+`"`)
	put("fourth", exitChanged, "--if-match", etag)
	holds("third")
	put("fifth", exitUsage, "--if-match", etag, "--if-none-match")
}

func TestConditions(t *testing.T) {
	conditions(t, newKeySet(t), "dir:"+filepath.Join(t.TempDir(), "v")+"//a/x")
}

// TestObjectFlagsUsage: what no storage, or this one, can keep is refused before
// anything is stored or made.
func TestObjectFlagsUsage(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	for _, c := range []struct {
		hint  string
		flags []string
	}{
		{"reserved", []string{"--meta", "x-amz-iv=1"}},
		{"reserved", []string{"--meta", "s3seal-format=1"}},
		{"lower-case", []string{"--meta", "Name=1"}},
		{"name=value", []string{"--meta", "name"}},
		{"twice", []string{"--meta", "a=1", "--meta", "a=2"}},
		{"printable", []string{"--meta", "a= 1"}},
		{"content type", []string{"--content-type", "text/plain\x01"}},
		{"--sse", []string{"--sse", "aes"}},
		{"--sse", []string{"--sse", "aws:kms:"}},
		{"--if-match", []string{"--if-match", `""`}},
		{"tags", []string{"--tag", "a=b"}},
		{"storage class", []string{"--storage-class", "STANDARD"}},
		{"encryption", []string{"--sse", "AES256"}},
		{"unsupported", []string{"--if-match", "x", "--instruction-file"}},
	} {
		t.Run(strings.Join(c.flags, " "), func(t *testing.T) {
			args := append([]string{"put", "-k", ks.aes}, c.flags...)
			cli(t, strings.NewReader("text"), append(args, "-", "dir:"+root+"//x")...).want(t, exitUsage, c.hint)
			cli(t, nil, "stat", "dir:"+root+"//x").want(t, exitNotFound)
		})
	}
}

func TestMetaAndContentType(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	cli(t, nil, "put", "-k", ks.aes, "--content-type", "text/x-test", "--meta", "a=b=c", "--meta", "empty=", "-", "dir:"+root+"//x").want(t, exitOK)
	_, meta := stored(t, root, "x")
	if meta["a"] != "b=c" {
		t.Errorf("metadata = %v, want a=b=c", meta)
	}
	if r := cli(t, nil, "stat", "dir:"+root+"//x").want(t, exitOK); !strings.Contains(r.out, "text/x-test") {
		t.Errorf("stat = %s, want the content type", r.out)
	}
}

// TestConditionWithInstructionFile: the file of the object that stays stays.
func TestConditionWithInstructionFile(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	put := func(text string, code int, hint string) {
		t.Helper()
		cli(t, strings.NewReader(text), "put", "-q", "-k", ks.aes, "--instruction-file", "--if-none-match", "-", at).want(t, code, hint)
	}
	put("first", exitOK, "")
	put("second", exitChanged, "is there already")
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != "first" {
		t.Errorf("object = %q, want the first", r.out)
	}
}

// TestS3ObjectFlags: real servers keep what the flags ask for, in one request
// and in parts.
func TestS3ObjectFlags(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		setS3Env(t, srv)
		bucket := srv.NewBucket(t)
		conditions(t, ks, "s3://"+bucket+"/condition")
		for key, n := range map[string]int{"small": 100, "parts": 9 << 20} {
			cli(t, bytes.NewReader(pattern(n)), "put", "-q", "-k", ks.aes, "--content-type", "text/x-test",
				"--meta", "name=value", "--tag", "a=b c", "--tag", "d=e+f/g", "--storage-class", "STANDARD", "--if-none-match", "-",
				"s3://"+bucket+"/"+key).want(t, exitOK)
			client := srv.Client(t)
			tags, err := client.GetObjectTagging(t.Context(), bucket, key, minio.GetObjectTaggingOptions{})
			if err != nil || !maps.Equal(tags.ToMap(), map[string]string{"a": "b c", "d": "e+f/g"}) {
				t.Errorf("%s: tags %v, %v", key, tags, err)
			}
			info, err := client.StatObject(t.Context(), bucket, key, minio.StatObjectOptions{})
			if err != nil || info.ContentType != "text/x-test" || info.UserMetadata["Name"] != "value" {
				t.Errorf("%s: %s, %v, %v", key, info.ContentType, info.UserMetadata, err)
			}
			cli(t, bytes.NewReader(pattern(n)), "put", "-q", "-k", ks.aes, "--if-none-match", "-", "s3://"+bucket+"/"+key).want(t, exitChanged)
		}
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%d uploads left", n)
		}
	})
}

// setS3Env lets the program in this process use srv.
func setS3Env(t *testing.T, srv *s3test.Server) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": srv.URL(), "AWS_REGION": srv.Region, "AWS_SESSION_TOKEN": "",
		"AWS_ACCESS_KEY_ID": srv.AccessKey, "AWS_SECRET_ACCESS_KEY": srv.SecretKey,
	} {
		t.Setenv(name, value)
	}
}
