// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestJobProgress: the line of progress is taken away before anything else is
// printed, and at the end.
func TestJobProgress(t *testing.T) {
	var out bytes.Buffer
	w := &jobWatch{app: &app{stderr: &out}, at: address{bucket: "b"}}
	w.progress(bulk.Progress{Done: 1, Elapsed: time.Millisecond, Remaining: -1})
	if out.Len() > 0 {
		t.Errorf("in the first second: %q", out.String())
	}
	p := bulk.Progress{Done: 12, Skipped: 1, Failed: 2, Elapsed: 2 * time.Second, ObjectsPerSecond: 6, BytesPerSecond: 3 << 20, Remaining: 90 * time.Second}
	w.progress(p)
	want := "12 done, 1 skipped, 2 failed  6/s  3.0 MiB/s  1m30s left"
	if out.String() != want {
		t.Errorf("progress = %q, want %q", out.String(), want)
	}
	out.Reset()
	w.result(bulk.Result{Entry: bulk.Entry{Key: "k\x1b[2J", Outcome: bulk.Failed}, Err: errors.New("x")})
	if got := out.String(); got != "\r\x1b[Ks3seal: failed: s3://b/k?[2J: x\n" {
		t.Errorf("failure = %q", got)
	}
	p.Remaining, p.Skipped, p.Failed = -1, 0, 0
	w.progress(p)
	out.Reset()
	w.progress(bulk.Progress{Final: true, Elapsed: time.Hour})
	w.end()
	if got := out.String(); got != "\r\x1b[K" {
		t.Errorf("the end = %q", got)
	}
}

// TestWithin: one place is within another by what they are, and not by how they
// are written.
func TestWithin(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "v"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(root, "v"), link); err != nil {
		t.Skipf("symlink: %v", err)
	}
	for _, p := range []struct {
		inner, outer string
		want         bool
	}{
		{"s3://b/x/y/", "s3://b/x/", true},
		{"s3://b/x/", "s3://b", true},
		{"s3://b/x/", "s3://c", false},
		{"s3://b/xy/", "s3://b/x/", false},
		{"dir:" + link + "//a/", "dir:" + root + "/v", true},
		{"dir:" + root + "/v//a/", "dir:" + link + "//b/", false},
		{"dir:" + root + "/v/a", "dir:" + link, true},
		{"dir:" + root + "/vv", "dir:" + root + "/v", false},
		{"dir:" + root + "/v", "s3://b", false},
	} {
		inner, err1 := parsePrefix(p.inner)
		outer, err2 := parsePrefix(p.outer)
		if got := within(inner, outer); got != p.want || err1 != nil || err2 != nil {
			t.Errorf("within(%s, %s) = %v, %v, %v, want %v", p.inner, p.outer, got, err1, err2, p.want)
		}
	}
}

// TestKeyName: a key has one name, wherever it is kept, and another one than other
// keys; it is nothing of the key.
func TestKeyName(t *testing.T) {
	ks := newKeySet(t)
	a := &app{stderr: new(bytes.Buffer), env: os.Getenv}
	name := func(arg string) string {
		keys, err := a.loadKeys([]text{text(arg)}, "")
		if err != nil {
			t.Fatal(err)
		}
		name, err := keys[0].name()
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	kek, err := parseAESKey(readFile(t, strings.TrimPrefix(ks.aes, "aes:")), keyAES)
	if err != nil {
		t.Fatal(err)
	}
	raw := "aes-raw:" + writeFile(t, t.TempDir(), "raw", kek)
	if name(raw) != name(ks.aes) || name(ks.aes) == name(ks.otherAES) || name(ks.rsa) != name(ks.rsaPub) || name(ks.rsa) == name(ks.otherRSA) {
		t.Errorf("names: %s %s %s %s %s %s", name(raw), name(ks.aes), name(ks.otherAES), name(ks.rsa), name(ks.rsaPub), name(ks.otherRSA))
	}
	if !strings.HasPrefix(name(ks.aes), "aes:") || len(name(ks.aes)) != len("aes:")+16 {
		t.Errorf("name = %q", name(ks.aes))
	}
}

// A brokenPipe takes some writes and then fails.
type brokenPipe struct{ left int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.left--; p.left < 0 {
		return 0, os.ErrClosed
	}
	return len(b), nil
}

// TestNobodyReads: a job whose output nobody takes ends, and says why.
func TestNobodyReads(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	journal := filepath.Join(t.TempDir(), "journal")
	var stderr bytes.Buffer
	args := []string{"verify", "--sums", "--workers", "1", "--accept", "legacy", "-k", ks.aes, "-k", ks.rsa, "--journal", journal, root}
	code := run(t.Context(), args, strings.NewReader(""), &brokenPipe{3}, &stderr, os.Getenv)
	if code != exitFailure || !strings.Contains(stderr.String(), "write stdout") {
		t.Errorf("exit code %d, %s; want %d", code, stderr.String(), exitFailure)
	}
	if n := len(journalled(t, journal)); n < 3 || n >= len(plain) {
		t.Errorf("%d objects were verified, want that it has ended after 3", n)
	}
	code = run(t.Context(), []string{"audit", "--objects", root}, strings.NewReader(""), &brokenPipe{0}, &stderr, os.Getenv)
	if code != exitFailure {
		t.Errorf("audit: exit code %d, want %d", code, exitFailure)
	}
}
