// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// kills is what a user has chosen, or 0.
var kills = flag.Int("kills", 0, "how often TestKill kills each command; 0 means 3, and 20 with S3SEAL_LONG=1")

func killCount() int {
	switch {
	case *kills > 0:
		return *kills
	case os.Getenv("S3SEAL_LONG") == "1":
		return 20
	}
	return 3
}

// A killing is one object whose put is killed.
type killing struct {
	ks         keySet
	env        []string
	at, prefix string // of the object, for abort-stale
	src        string
	old, new   []byte
	took       time.Duration // of a whole put, and then some
	rand       *rand.Rand
	clean      func(t *testing.T) // wants nothing but the object
}

func (k *killing) run(t *testing.T, args ...string) (out []byte, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binaryPath(t), args...)
	cmd.Env = k.env
	return cmd.Output()
}

// mustRun fails the test unless the command exits 0.
func (k *killing) mustRun(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := k.run(t, args...)
	if err != nil {
		t.Fatalf("s3seal %q = %v", args, err)
	}
	return out
}

// put is the command that puts src.
func (k *killing) put(flags ...string) []string {
	return slices.Concat([]string{"put", "-q", "-k", k.ks.aes}, flags, []string{k.src, k.at})
}

// kill runs a put and kills it at some moment. It reports whether that came too
// late.
func (k *killing) kill(t *testing.T, flags ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binaryPath(t), k.put(flags...)...)
	cmd.Env = k.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	timer := time.AfterFunc(time.Duration(k.rand.Int64N(int64(k.took))), func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("put = %v, want that it is killed or succeeds", err)
	}
	if err == nil {
		k.took = time.Since(begin) // the machine has more time by now
	}
	return err == nil
}

// want fails the test unless the object is one of these, whole.
func (k *killing) want(t *testing.T, objects ...[]byte) {
	t.Helper()
	got := k.mustRun(t, "cat", "--accept", "legacy", "-k", k.ks.aes, k.at)
	for _, o := range objects {
		if bytes.Equal(got, o) {
			return
		}
	}
	t.Fatalf("%d bytes that are no object that was put", len(got))
}

// putOld stores the old object and takes the time that a new one takes.
func (k *killing) putOld(t *testing.T) {
	t.Helper()
	if k.took == 0 {
		begin := time.Now()
		k.mustRun(t, k.put()...)
		k.took = time.Since(begin) * 3 / 2
	}
	old := writeFile(t, t.TempDir(), "old", k.old)
	k.mustRun(t, "put", "-q", "-k", k.ks.aes, old, k.at)
}

// kills kills puts, resumed ones or not, and then lets one succeed.
func (k *killing) kills(t *testing.T, each func() []string) {
	for n := 0; n < killCount(); {
		k.putOld(t)
		flags, done := each(), false
		for tries := 0; tries < 3 && !done && n < killCount(); tries, n = tries+1, n+1 {
			done = k.kill(t, flags...)
			k.want(t, k.old, k.new)
		}
		if !done {
			k.mustRun(t, k.put(flags...)...)
		}
		k.want(t, k.new)
	}
	k.wantClean(t)
}

// wantClean fails the test unless abort-stale leaves nothing but the object and
// the source.
func (k *killing) wantClean(t *testing.T) {
	t.Helper()
	k.mustRun(t, "abort-stale", "--all-uploads", "--older-than", "0s", "--abort", k.prefix)
	if left := k.mustRun(t, "abort-stale", "--all-uploads", "--older-than", "0s", k.prefix); len(left) > 0 {
		t.Errorf("uploads left:\n%s", left)
	}
	wantFiles(t, filepath.Dir(k.src), "src")
	k.clean(t)
}

// changes kills resumable puts and changes the source then: that is refused as
// long as anything of it was encrypted, and the upload is given up by its state.
func (k *killing) changes(t *testing.T) {
	changed := bytes.Clone(k.new)
	changed[3] ^= 1
	refused := 0
	for n := 0; n < 20 && (n < killCount() || refused == 0); n++ {
		k.putOld(t)
		done := k.kill(t, flagResume)
		k.want(t, k.old, k.new)
		writeFile(t, filepath.Dir(k.src), "src", changed)
		if _, err := k.run(t, k.put(flagResume)...); err == nil {
			k.want(t, changed) // nothing had been encrypted, or all was over
			if !done {
				k.took += k.took / 4 // the machine has less time by now
			}
		} else if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitChanged || done {
			t.Fatalf("resume with a changed source = %v, want exit code %d; killed %v", err, exitChanged, !done)
		} else {
			refused++
			k.want(t, k.old, k.new) // which may have been completed in the last moment
			k.mustRun(t, "abort-stale", "--state", filepath.Dir(k.src), "--older-than", "0s", "--abort", k.prefix)
		}
		writeFile(t, filepath.Dir(k.src), "src", k.new)
	}
	if t.Logf("%d refused", refused); refused == 0 {
		t.Error("no put was killed while it had sent something")
	}
	k.mustRun(t, k.put(flagResume)...)
	k.want(t, k.new)
	k.wantClean(t)
}

// TestKill kills the command at random moments of a put, and of one that is
// resumed: the object is the old one or the new one, and resuming ends with the
// right bytes and nothing left.
func TestKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a killed process leaves its lock")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := killing{ks: newKeySet(t), old: []byte("the old one"), new: pattern(killSize), env: os.Environ(), rand: rand.New(rand.NewPCG(seed, 0))}
	k.src = writeFile(t, t.TempDir(), "src", k.new)
	t.Run("dir", func(t *testing.T) {
		k, root := k, filepath.Join(t.TempDir(), "v")
		k.prefix, k.at = "dir:"+root, "dir:"+root+"//x"
		k.clean = func(t *testing.T) { wantObjectOnly(t, root, "x") }
		k.all(t)
	})
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		k, bucket := k, srv.NewBucket(t)
		k.env, k.at = s3Env(srv), "s3://"+bucket+"/x"
		k.prefix = k.at // MinIO lists the uploads of whole keys only
		k.clean = func(t *testing.T) {
			if n, keys := srv.IncompleteUploads(t, bucket), srv.Objects(t, bucket); n != 0 || !slices.Equal(keys, []string{"x"}) {
				t.Errorf("%d unfinished uploads left in the bucket, and %q", n, keys)
			}
		}
		k.all(t)
	})
}

// all kills everything that can be.
func (k *killing) all(t *testing.T) {
	formats := []string{"v3", "chunked", "v2", "v2-cbc", "v1", "dare2"}
	t.Run("put", func(t *testing.T) {
		k.kills(t, func() []string { return []string{"--format", formats[k.rand.IntN(len(formats))]} })
	})
	t.Run("resume", func(t *testing.T) {
		k.kills(t, func() []string { return []string{flagResume} })
	})
	t.Run("changed", k.changes)
}

// wantObjectOnly fails the test unless all that there is in a folder is an object
// and what belongs to it.
func wantObjectOnly(t *testing.T, root, name string) {
	t.Helper()
	var records int
	for _, file := range tree(t, root) {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(rel, filepath.Join(".s3seal", "meta")) {
			records++
		} else if rel != name {
			t.Errorf("%s is left", rel)
		}
	}
	if records != 1 {
		t.Errorf("%d records of one object", records)
	}
}
