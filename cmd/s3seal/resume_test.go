// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

var kills = flag.Int("kills", 3, "how often TestKill kills each command")

// killSize is that of three parts and a bit.
const killSize = 17 << 20

// A halfway driver cancels after so many parts.
type halfway struct {
	backend.Multiparter
	parts  atomic.Int32 // that were sent
	after  int32
	cancel func()
}

func (d *halfway) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	p, err := d.Multiparter.PutPart(ctx, key, id, number, body)
	if d.parts.Add(1) == d.after {
		d.cancel()
	}
	return p, err
}

// resumable puts src as the command does, until so many parts were sent. It
// returns the state file and how many were.
func resumable(t *testing.T, st *storage, at address, ks keySet, src string, after int32) (state string, sent int32, err error) {
	t.Helper()
	a := &app{stderr: new(bytes.Buffer), env: os.Getenv}
	c := &putCmd{Key: []text{text(ks.aes)}, Src: text(src), sealFlags: sealFlags{Format: "v3"}}
	if state, err = c.statePath(at); err != nil {
		t.Fatal(err)
	}
	seal, err := c.sealing(a)
	if err != nil {
		t.Fatal(err)
	}
	source, err := a.openSource(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	opts, err := c.objectFlags.options()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := &halfway{Multiparter: st.Driver.(backend.Multiparter), after: after, cancel: cancel}
	_, err = c.resume(ctx, a, &storage{Driver: d}, at, seal, source, opts)
	return state, d.parts.Load(), err
}

// begun leaves an upload of one part to the folder root. It returns the state
// file.
func begun(t *testing.T, root string, ks keySet, src string) string {
	t.Helper()
	at, err := parseAddress("dir:" + root + "//x")
	if err != nil {
		t.Fatal(err)
	}
	st, err := storageFlags{}.openStorage(nil, at, true)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	state, _, err := resumable(t, st, at, ks, src, 1)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the same command goes on") {
		t.Fatalf("put = %v, want it cancelled, and what to do then", err)
	}
	return state
}

// TestS3PutResume: of what has arrived nothing is sent again.
func TestS3PutResume(t *testing.T) {
	ks := newKeySet(t)
	src := writeFile(t, t.TempDir(), "src", pattern(killSize))
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		at, err := parseAddress("s3://" + bucket + "/x")
		if err != nil {
			t.Fatal(err)
		}
		env := s3Env(srv)
		a := &app{stderr: new(bytes.Buffer), env: func(name string) string {
			value := ""
			for _, e := range env { // the last one counts
				if n, v, _ := strings.Cut(e, "="); n == name {
					value = v
				}
			}
			return value
		}}
		t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
		t.Setenv("AWS_SESSION_TOKEN", "")
		st, err := storageFlags{}.openStorage(a, at, true)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if _, _, err := resumable(t, st, at, ks, src, 1); err == nil {
			t.Fatal("put = nil, want it cancelled")
		}
		state, sent, err := resumable(t, st, at, ks, src, -1)
		if err != nil || sent > 2 {
			t.Fatalf("resume sent %d of 3 parts, %v; want at most 2", sent, err)
		}
		if _, err := os.Stat(state); err == nil {
			t.Errorf("%s is still there", state)
		}
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%d unfinished uploads left in the bucket", n)
		}
	})
}

// TestPutResume goes on with what was begun, unless the source has changed.
func TestPutResume(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	root, data := filepath.Join(folder, "v"), pattern(killSize)
	src := writeFile(t, folder, "src", data)
	at := "dir:" + root + "//x"
	state := begun(t, root, ks, src)

	changed := bytes.Clone(data)
	changed[3] ^= 1
	writeFile(t, folder, "src", changed)
	cli(t, nil, "put", "-k", ks.aes, "--resume", src, at).want(t, exitChanged, "is not what it was", "abort-stale", state)
	cli(t, nil, "stat", at).want(t, exitNotFound)

	writeFile(t, folder, "src", data)
	cli(t, nil, "put", "-k", ks.aes, "--resume", src, at).want(t, exitOK)
	if r := cli(t, nil, "cat", "-k", ks.aes, at).want(t, exitOK); r.out != string(data) {
		t.Errorf("cat: %d bytes that are not the source", len(r.out))
	}
	wantFiles(t, folder, "src", "v")
}

func TestPutResumeSmall(t *testing.T) {
	ks := newKeySet(t)
	for _, format := range []string{"v3", "v2", "v2-cbc", "v1"} {
		for _, data := range []string{"", "text"} {
			folder := t.TempDir()
			src := writeFile(t, folder, "src", []byte(data))
			at := "dir:" + filepath.Join(folder, "v") + "//x"
			args := []string{"-k", ks.aes, at}
			cli(t, nil, "put", "-k", ks.aes, "--format", format, "--resume", src, at).want(t, exitOK)
			r := cli(t, nil, append([]string{"cat", "--legacy"}, args...)...)
			if r.code != exitOK || r.out != data {
				t.Errorf("%s: cat = %d, %q, %s; want %q", format, r.code, r.out, r.err, data)
			}
			wantFiles(t, folder, "src", "v")
		}
	}
}

func TestPutResumeUsage(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	src := writeFile(t, folder, "src", []byte("x"))
	at := "dir:" + filepath.Join(folder, "v") + "//x"
	cli(t, nil, "put", "-k", ks.aes, "--resume", "-", at).want(t, exitUsage, "stdin")
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--from-command", at, "--", "true").want(t, exitUsage, "command")
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--format", "chunked", src, at).want(t, exitUsage, "chunked")
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--instruction-file", src, at).want(t, exitUsage, "instruction file")
	cli(t, nil, "put", "-k", ks.aes, "--state", "s", src, at).want(t, exitUsage, "--resume")
	cli(t, nil, "put", "-k", ks.rsaPub, "--resume", src, at).want(t, exitUsage, "private key")
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--state", src, src, at).want(t, exitFailure, "no state file")
	wantFiles(t, folder, "src", "v")
	if got, _ := os.ReadFile(src); string(got) != "x" {
		t.Errorf("the source is %q now", got)
	}
}

func TestAbortStaleHelp(t *testing.T) {
	r := cli(t, nil, "abort-stale", "--help").want(t, exitOK)
	if r.err != "" || !strings.Contains(r.out, "    s3seal abort-stale --state") {
		t.Errorf("abort-stale --help has no example:\n%s%s", r.out, r.err)
	}
	if r := cli(t, nil, "--help").want(t, exitOK); !strings.Contains(r.out, "abort-stale") {
		t.Error("--help does not mention abort-stale")
	}
}

func TestAbortStale(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	root := filepath.Join(folder, "v")
	src := writeFile(t, folder, "src", pattern(killSize))
	state := begun(t, root, ks, src)
	at := "dir:" + root
	lines := func(want int, args ...string) {
		t.Helper()
		r := cli(t, nil, append([]string{"abort-stale"}, append(args, at)...)...).want(t, exitOK)
		if n := strings.Count(r.out, "\n"); n != want || want > 0 && !strings.Contains(r.out, "  x  ") {
			t.Errorf("abort-stale %q: %q, want %d lines", args, r.out, want)
		}
	}
	cli(t, nil, "abort-stale", at).want(t, exitUsage, "--state", "--all-uploads")
	cli(t, nil, "abort-stale", "--all-uploads", "nowhere").want(t, exitUsage, "dir:ROOT")
	cli(t, nil, "abort-stale", "--all-uploads", at+"-none").want(t, exitNotFound)
	cli(t, nil, "abort-stale", "--all-uploads", "--older-than=-1s", at).want(t, exitUsage, "0s")
	lines(0, "--state", state)
	lines(1, "--state", state, "--older-than", "0s")
	lines(1, "--state", folder, "--older-than", "0s")
	lines(1, "--all-uploads", "--older-than", "0s")
	lines(1, "--state", folder, "--older-than", "0s", "--abort")
	lines(0, "--all-uploads", "--older-than", "0s")
	wantFiles(t, folder, "src", "v")
}

// A killing is one object whose put is killed.
type killing struct {
	ks         keySet
	env        []string
	at, prefix string // of the object, for abort-stale
	src        string
	old, new   []byte
	took       time.Duration // of a whole put
	rand       *rand.Rand
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

// kill runs a put and kills it at some moment. It reports whether that came too
// late.
func (k *killing) kill(t *testing.T, flags ...string) bool {
	t.Helper()
	args := append([]string{"put", "-q", "-k", k.ks.aes}, append(flags, k.src, k.at)...)
	cmd := exec.CommandContext(t.Context(), binaryPath(t), args...)
	cmd.Env = k.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Duration(k.rand.Int64N(int64(k.took))), func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("put = %v, want that it is killed or succeeds", err)
	}
	return err == nil
}

// want fails the test unless the object is one of these, whole.
func (k *killing) want(t *testing.T, objects ...[]byte) {
	t.Helper()
	got := k.mustRun(t, "cat", "-k", k.ks.aes, k.at)
	for _, o := range objects {
		if bytes.Equal(got, o) {
			return
		}
	}
	t.Fatalf("%d bytes that are no object that was put", len(got))
}

// kills kills puts, resumed ones or not, and then lets one succeed.
func (k *killing) kills(t *testing.T, flags ...string) {
	old := writeFile(t, t.TempDir(), "old", k.old)
	begin := time.Now()
	k.mustRun(t, "put", "-q", "-k", k.ks.aes, k.src, k.at)
	k.took = time.Since(begin) * 3 / 2
	for n := 0; n < *kills; {
		k.mustRun(t, "put", "-q", "-k", k.ks.aes, old, k.at)
		done := false
		for tries := 0; tries < 3 && !done && n < *kills; tries, n = tries+1, n+1 {
			done = k.kill(t, flags...)
			k.want(t, k.old, k.new)
		}
		if !done {
			k.mustRun(t, append([]string{"put", "-q", "-k", k.ks.aes}, append(flags, k.src, k.at)...)...)
		}
		k.want(t, k.new)
	}
	k.mustRun(t, "abort-stale", "--all-uploads", "--older-than", "0s", "--abort", k.prefix)
	if left := k.mustRun(t, "abort-stale", "--all-uploads", "--older-than", "0s", k.prefix); len(left) > 0 {
		t.Errorf("uploads left:\n%s", left)
	}
	wantFiles(t, filepath.Dir(k.src), "src")
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
	each := func(t *testing.T, k killing) {
		t.Run("put", func(t *testing.T) { k.kills(t) })
		t.Run("resume", func(t *testing.T) { k.kills(t, "--resume") })
	}
	t.Run("dir", func(t *testing.T) {
		k := k
		k.prefix = "dir:" + filepath.Join(t.TempDir(), "v")
		k.at = k.prefix + "//x"
		each(t, k)
	})
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		k := k
		bucket := srv.NewBucket(t)
		k.env, k.at, k.prefix = s3Env(srv), "s3://"+bucket+"/x", "s3://"+bucket+"/x"
		each(t, k)
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%d unfinished uploads left in the bucket", n)
		}
	})
}
