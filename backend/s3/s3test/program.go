// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os"
	"path/filepath"
	"testing"
)

// Program builds the command in dir, which is a module of its own, and returns
// its path. It is for clients of other people that the module under test must
// not depend on: they talk to the servers from a process of their own. dir is
// relative to the folder of the test.
//
// Where its modules cannot be had, for want of a network, the test is skipped or
// fails as for a server; a command that does not compile always fails it. What
// the go command keeps of a build makes the next one quick, so nothing else is
// kept, and what is returned is gone when the test ends.
func Program(t testing.TB, dir string) string {
	t.Helper()
	if _, err := goCommand(t.Context(), "mod", "download", "-C", dir); err != nil {
		if os.Getenv(requireVar) == "1" {
			t.Fatalf("s3test: the modules of %s are required by %s=1: %v", dir, requireVar, err)
		}
		t.Skipf("s3test: needs the modules of %s: %v", dir, err)
	}
	bin := filepath.Join(t.TempDir(), executable(filepath.Base(dir)))
	// Without buildvcs the command does not need git, nor its consent.
	if _, err := goCommand(t.Context(), "build", "-C", dir, "-buildvcs=false", "-o", bin, "."); err != nil {
		t.Fatalf("s3test: build %s: %v", dir, err)
	}
	return bin
}
