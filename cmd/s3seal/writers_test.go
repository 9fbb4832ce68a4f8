// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// twoWriters runs two programs at once that are to create the same object:
// exactly one does, and the other says that it is there.
func twoWriters(t *testing.T, ks keySet, env []string, at string, clean func()) {
	t.Helper()
	folder := t.TempDir()
	for _, c := range []struct {
		size  int
		flags []string
	}{
		{1000, nil}, {17 << 20, nil}, {17 << 20, []string{"--format", "chunked"}}, {17 << 20, []string{flagResume}}, {17 << 20, []string{"--format", "v1"}},
	} {
		var writers [2]*child
		var bodies [2][]byte
		for i := range writers {
			bodies[i] = bytes.Repeat([]byte{byte(i)}, c.size)
			src := writeFile(t, folder, fmt.Sprintf("src%d", i), bodies[i])
			args := append([]string{"put", "-q", "-k", ks.aes, "--if-none-match"}, c.flags...)
			writers[i] = startEnv(t, env, append(args, src, at)...)
		}
		var codes [2]int
		var both sync.WaitGroup
		for i, w := range writers {
			both.Go(func() { codes[i] = w.wait(t) })
		}
		both.Wait()
		won := codes[1] == exitOK
		if codes != [2]int{exitOK, exitChanged} && codes != [2]int{exitChanged, exitOK} {
			t.Fatalf("%d bytes %q: exit codes %d, want that exactly one wins\n%s%s", c.size, c.flags, codes, &writers[0].stderr, &writers[1].stderr)
		}
		cat := startEnv(t, env, "cat", "--accept", "legacy", "-k", ks.aes, at)
		if code := cat.wait(t); code != exitOK || !bytes.Equal(cat.stdout.Bytes(), bodies[map[bool]int{true: 1}[won]]) {
			t.Errorf("%d bytes %q: cat = %d, %d bytes that are not those of the winner", c.size, c.flags, code, cat.stdout.Len())
		}
		wantFiles(t, folder, "src0", "src1")
		clean()
		rm := startEnv(t, env, "rm", at)
		if code := rm.wait(t); code != exitOK {
			t.Fatalf("rm = %d: %s", code, &rm.stderr)
		}
	}
}

// TestTwoWriters: --if-none-match holds between processes.
func TestTwoWriters(t *testing.T) {
	ks := newKeySet(t)
	t.Run("dir", func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "v")
		twoWriters(t, ks, nil, "dir:"+root+"//x", func() { wantObjectOnly(t, root, "x") })
	})
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		twoWriters(t, ks, s3Env(srv), "s3://"+bucket+"/x", func() {
			if n := srv.IncompleteUploads(t, bucket); n != 0 {
				t.Errorf("%d unfinished uploads left in the bucket", n)
			}
		})
	})
}
