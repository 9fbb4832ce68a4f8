// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/s3seal/s3seal/backend/dir"
)

// A claim is how sure a folder is that a file is an object of its own.
type claim int

const (
	claimNone  claim = iota
	claimName        // it knows an object of that name
	claimExact       // and that very file
)

// claimOn asks the folder root about the file under key. A folder that cannot be
// asked has no say.
func claimOn(ctx context.Context, root, key string) claim {
	if !isDir(filepath.Join(root, dirHome)) {
		return claimNone
	}
	recorded, exact, err := recordOf(ctx, root, key)
	switch {
	case err != nil || !recorded:
		return claimNone
	case exact:
		return claimExact
	}
	return claimName
}

// recordOf asks the folder root what it knows of the file under key, and changes
// nothing in it.
func recordOf(ctx context.Context, root, key string) (recorded, exact bool, err error) {
	d, err := dir.New(root, &dir.Options{MustExist: true, SweepAge: -1})
	if err != nil {
		return false, false, err
	}
	defer d.Close()
	return d.Recorded(ctx, key)
}

// heldAs returns the address under which another folder, above or below, holds
// the file of a with a better claim to it, or "". A file has a path in each of the
// folders that it is in, but it is an object of one.
func (a address) heldAs(ctx context.Context) string {
	if a.isS3() {
		return ""
	}
	root, err := filepath.Abs(a.root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return "" // no folder, no file
	}
	file := filepath.Join(root, filepath.FromSlash(a.key))
	if _, err := os.Lstat(file); err != nil {
		return ""
	}
	own := claimOn(ctx, root, a.key)
	folder, key := filepath.Dir(file), filepath.Base(file)
	for {
		if folder != root && claimOn(ctx, folder, key) > own {
			return dirScheme + folder + "//" + key
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return ""
		}
		folder, key = parent, filepath.Base(folder)+"/"+key
	}
}

// checkHeld refuses to write to a file that is the object of another folder,
// which would lose it.
func (a address) checkHeld(ctx context.Context) error {
	if other := a.heldAs(ctx); other != "" {
		return usagef("%s: is it %s? that object is in this file: remove it first to store another one here", a.text, other)
	}
	return nil
}
