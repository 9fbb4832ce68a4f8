// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
)

// spareKeys refuses to write a file over a key that the command uses: what is
// sealed under it could never be read again. It comes before anything is
// written or made.
func spareKeys(target string, keys []text) error {
	for _, arg := range keys {
		spec, err := parseKeySpec(string(arg))
		if err != nil {
			return err
		}
		if spec.isFile() && sameFile(target, spec.path) {
			return usagef("%s is the file of the key %s: want another place to write to", target, spec.text)
		}
	}
	return nil
}

// file returns the path of the object, or "" if it is not in a folder.
func (a address) file() string {
	if a.isS3() {
		return ""
	}
	return filepath.Join(a.root, filepath.FromSlash(a.key))
}

// sameFile says whether two paths lead to one file, also if it is not there
// yet.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return resolved(a) == resolved(b)
}

// resolved is the absolute path of a file in a folder without links, as far as
// there is one.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return abs
	}
	return filepath.Join(dir, filepath.Base(abs))
}
