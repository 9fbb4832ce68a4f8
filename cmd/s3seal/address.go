// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// An address names one object: a key in an S3 bucket or in a folder.
type address struct {
	text   string // as it was given, for messages
	alias  string // mc:alias/bucket/key; empty for s3://
	bucket string // s3://bucket/key
	root   string // dir:root//key
	key    string
}

const (
	s3Scheme  = "s3://"
	dirScheme = "dir:"
)

// isS3 tells the two kinds of address apart.
func (a address) isS3() bool { return a.bucket != "" }

// parseAddress reads s3://BUCKET/KEY, mc:ALIAS/BUCKET/KEY, dir:ROOT//KEY or
// dir:PATH.
func parseAddress(s string) (address, error) {
	if alias, rest, ok := cutS3(s); ok {
		return parseS3Address(s, alias, rest)
	}
	if rest, ok := strings.CutPrefix(s, dirScheme); ok {
		return parseDirAddress(s, rest)
	}
	return address{}, usagef("address %q: want s3://BUCKET/KEY, dir:ROOT//KEY or dir:PATH", s)
}

func parseS3Address(s, alias, rest string) (address, error) {
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" || key == "" {
		return address{}, usagef("address %q: want s3://BUCKET/KEY or mc:ALIAS/BUCKET/KEY", s)
	}
	return address{text: s, alias: alias, bucket: bucket, key: key}, nil
}

// parseDirAddress splits at the first double slash, so that a key may hold
// one; without any, the folder is the bucket and the file name the key.
func parseDirAddress(s, rest string) (address, error) {
	root, key, both := strings.Cut(rest, "//")
	if !both {
		root, key = filepath.Split(rest)
		if root == "" {
			root = "."
		}
	}
	if root == "" || key == "" {
		return address{}, usagef("address %q: want dir:ROOT//KEY or dir:PATH", s)
	}
	return address{text: s, root: filepath.Clean(root), key: key}, nil
}

// isFile says whether path is the very file that holds the object. To read
// from the one and write to the other would destroy both.
func (a address) isFile(path string) bool { return sameFile(a.file(), path) }

// checkSlashes refuses to write to a key in S3 that begins with a slash: most
// likely a slip, which some servers turn into another key.
func (a address) checkSlashes() error {
	key := strings.TrimLeft(a.key, "/")
	if !a.isS3() || key == "" || key == a.key {
		return nil // of slashes alone the driver speaks
	}
	return usagef("%s: the key begins with a slash: did you mean %s?", a.text, a.withKey(key))
}

// explainSlashes adds to the refusal of a key by an S3 server the one that would
// do, if it is for its slashes.
func (a address) explainSlashes(err error) error {
	if !a.isS3() || !errors.Is(err, backend.ErrKey) || !strings.Contains(a.key, "//") {
		return err
	}
	return usagef("the storage may drop one of the slashes in the key: did you mean %s?", a.withKey(path.Clean(a.key)))
}

// withKey returns the address of another key beside that of a.
func (a address) withKey(key string) string { return strings.TrimSuffix(a.text, a.key) + key }
