// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in                string
		bucket, root, key string
	}{
		{"s3://b/k", "b", "", "k"},
		{"s3://b/a/b c//d", "b", "", "a/b c//d"},
		{"s3://b//k", "b", "", "/k"},
		{"s3://b/k?x=y#z", "b", "", "k?x=y#z"}, // a key is not a URL
		{"s3://b/%41", "b", "", "%41"},
		{"dir:README.md", "", ".", "README.md"},
		{"dir:./vault/README.md", "", "vault", "README.md"},
		{"dir:vault/a/b", "", "vault/a", "b"},
		{"dir:/README.md", "", "/", "README.md"},
		{"dir:/srv/vault//a/b", "", "/srv/vault", "a/b"},
		{"dir:./vault//a//b", "", "vault", "a//b"},
		{"dir:.//k", "", ".", "k"},
		{"dir:../v//k", "", "../v", "k"},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, err := parseAddress(c.in)
			want := address{text: c.in, bucket: c.bucket, root: filepath.FromSlash(c.root), key: c.key}
			if err != nil || got != want {
				t.Errorf("parseAddress = %+v, %v; want %+v", got, err, want)
			}
			if got.isS3() != (c.bucket != "") {
				t.Errorf("isS3 = %v", got.isS3())
			}
		})
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", "README.md", "./vault/x", "s3:", "s3://", "s3://b", "s3://b/", "s3:///k", "S3://b/k",
		"dir:", "dir:vault/", "dir://k", "dir:///srv/k", "dir:vault//", "http://host/b/k", "mem:k",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := parseAddress(in)
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Errorf("parseAddress = %+v, %v; want a usage error", got, err)
			}
		})
	}
}
