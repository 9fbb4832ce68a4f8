// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

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
	if state, err = c.statePath(a, at); err != nil {
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
	d := &halfway{Multiparter: st.driver.(backend.Multiparter), after: after, cancel: cancel}
	_, err = c.resume(ctx, a, &storage{driver: d}, at, seal, source, opts)
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
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--region", "a b", src, at).want(t, exitChanged, "is not what it was when it was interrupted",
		"to begin again: s3seal abort-stale --abort --older-than 0s --state "+state+" --region 'a b' dir:"+root+"\n")
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
	cli(t, nil, "put", "-k", ks.aes, "--resume", "--state", src, src, at).want(t, exitFailure, "not a state file", "it stays as it is")
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
	cli(t, nil, "abort-stale", "--state", state, at).want(t, exitOK, at+": 1 upload is younger than 24h and was left: --older-than 0s lists it, too\n")
	cli(t, nil, "abort-stale", "--all-uploads", "--abort", "--older-than", "2d", at).want(t, exitOK, "younger than 48h and was left: --older-than 0s gives it up, too\n")
	cli(t, nil, "abort-stale", "--all-uploads", "--older-than", "1w", at).want(t, exitUsage, `"1w" is no time`)
	lines(1, "--state", state, "--older-than", "0s")
	lines(1, "--state", folder, "--older-than", "0s")
	lines(1, "--all-uploads", "--older-than", "0s")
	lines(1, "--state", folder, "--older-than", "0s", "--abort")
	lines(0, "--all-uploads", "--older-than", "0s")
	wantFiles(t, folder, "src", "v")
}

// TestStatePathServer: one bucket name on two servers is two buckets, however the
// server is named.
func TestStatePathServer(t *testing.T) {
	state := func(endpoint, dst string) string {
		t.Helper()
		at, err := parseAddress(dst)
		if err != nil {
			t.Fatal(err)
		}
		c := &putCmd{Src: "src"}
		c.Endpoint = text(endpoint)
		a := &app{env: envOf(map[string]string{"MC_HOST_here": "http://a:b@one:9000"})}
		path, err := c.statePath(a, at)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := state("http://one:9000", "s3://b/x")
	for name, other := range map[string]string{
		"server": state("http://two:9000", "s3://b/x"), "bucket": state("http://one:9000", "s3://c/x"), "key": state("http://one:9000", "s3://b/y"),
	} {
		if one == other {
			t.Errorf("another %s has the same state file, %s", name, one)
		}
	}
	for _, same := range []string{state("http://ONE:9000/", "s3://b/x"), state("", "mc:here/b/x")} {
		if one != same {
			t.Errorf("state file %s, want that of the same server, %s", same, one)
		}
	}
}
