// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
)

// nestedIn returns the nearest folder above that of a which is a bucket, and the
// key that the object of a has there, if the folder of a is no bucket itself.
// dir:v/a/x is probably dir:v//a/x: without metadata it would be read as what it
// is not, and one more bucket in the first one would be listed with that. A folder
// in which puts have only failed holds no metadata, and is no bucket to them.
func (a address) nestedIn() (folder, key string) {
	if a.isS3() || isDir(filepath.Join(a.root, dirHome)) {
		return "", ""
	}
	folder, key = filepath.Clean(a.root), a.key
	for {
		if base := filepath.Base(folder); base == "." || base == ".." {
			abs, err := filepath.Abs(folder) // as given as long as it has names
			if err != nil {
				return "", ""
			}
			folder = abs
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", ""
		}
		key = filepath.Base(folder) + "/" + key
		if folder = parent; isDir(filepath.Join(folder, dirHome, "meta")) {
			return folder, key
		}
	}
}

// elsewhere returns the address that was probably meant, or "".
func (a address) elsewhere() string {
	folder, key := a.nestedIn()
	if folder == "" {
		return ""
	}
	return dirScheme + folder + "//" + key
}

// checkNested refuses a folder in a bucket that is no bucket of its own, unless a
// double slash says that it is meant: one object in a home must not forbid all
// other buckets below it.
func (a address) checkNested() error {
	folder, key := a.nestedIn()
	if folder == "" || strings.Contains(a.text, "//") {
		return nil
	}
	return usagef("%s: %s is a folder bucket: want %s%s//%s", a.text, folder, dirScheme, folder, key)
}

// checkNew is checkNested for who is about to write, and says how to make another
// bucket in the first one, if that is wanted.
func (a address) checkNew() error {
	err := a.checkNested()
	if err == nil {
		return nil
	}
	return usagef("%w, or %s%s//%s for a bucket of its own", err, dirScheme, a.root, a.key)
}
