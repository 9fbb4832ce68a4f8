// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// Program builds the command in dir, which is a module of its own, and returns
// its path. It is for clients of other people that the module under test must
// not depend on: they talk to the servers from a process of their own. dir is
// relative to the folder of the test.
//
// Under -short the test is skipped. Where the modules of the command cannot be
// had, for want of a network, it is skipped or fails as for a server. A command
// that does not compile always fails it. What the go command keeps of a build
// makes the next one quick, so nothing else is kept: what is returned is gone
// when the test ends.
func Program(t testing.TB, dir string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("s3test: %s is not used under -short", dir)
	}
	ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
	defer cancel()
	if err := fetch(ctx, dir); err != nil {
		if os.Getenv(requireVar) == "1" {
			t.Fatalf("s3test: the modules of %s are required by %s=1: %v", dir, requireVar, err)
		}
		t.Skipf("s3test: the modules of %s cannot be had: %v", dir, err)
	}
	bin := filepath.Join(t.TempDir(), executable(filepath.Base(dir)))
	// Without buildvcs the command does not need git, nor its consent.
	if _, err := goCommand(ctx, "build", "-C", dir, "-buildvcs=false", "-o", bin, "."); err != nil {
		t.Fatalf("s3test: build %s: %v", dir, err)
	}
	return bin
}

// fetch gets the modules of the one in dir.
func fetch(ctx context.Context, dir string) error {
	// By reading the folder go test notices that it has changed, and does not take
	// the result of the command as it was before from its cache.
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	_, err := goCommand(ctx, "mod", "download", "-C", dir)
	return err
}
