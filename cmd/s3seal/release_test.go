// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// releases are the values of --release; "" leaves the flag out.
var releases = []string{"", "buffered", "spool", "twopass", "unverified"}

// withRelease adds the flag.
func withRelease(rule string, args ...string) []string {
	if rule == "" {
		return args
	}
	return append([]string{args[0], "--release", rule}, args[1:]...)
}

// tempFolder is where the temporary files of a test go, to see that all go.
func tempFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	return dir
}

const mebibyte = 1 << 20

// TestReleaseStdout reads an object that needs a file, or a second pass, by
// every rule and every command.
func TestReleaseStdout(t *testing.T) {
	temp := tempFolder(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	plain := pattern(2*mebibyte + 3)
	for _, format := range []string{"v3", "v2", "v1"} {
		at := "dir:" + filepath.Join(dir, "v") + "//" + format
		cli(t, bytes.NewReader(plain), "put", "-k", ks.aes, "--format", format, "-", at).want(t, exitOK)
		meta := filepath.Join(dir, format+".json")
		sealed := cli(t, bytes.NewReader(plain), "seal", "-k", ks.aes, "--format", format, "--metadata-out", meta).want(t, exitOK).out
		file := writeFile(t, dir, format+".sealed", []byte(sealed))
		for _, rule := range releases {
			for _, args := range [][]string{
				{"cat", "-k", ks.aes, "--accept", "legacy", at},
				{"get", "-k", ks.aes, "--accept", "legacy", at, "-"},
				{"open", "-k", ks.aes, "--accept", "legacy", "--metadata", meta},
			} {
				stdin, err := os.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				if r := cli(t, stdin, withRelease(rule, args...)...).want(t, exitOK); r.out != string(plain) || r.err != "" {
					t.Errorf("%s, --release %q, %s: %d bytes, stderr %q", args[0], rule, format, len(r.out), r.err)
				}
				stdin.Close()
			}
		}
	}
	wantFiles(t, temp)
}

// TestReleaseAltered: whatever the place, not a byte of an altered object
// reaches stdout.
func TestReleaseAltered(t *testing.T) {
	temp := tempFolder(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	meta := filepath.Join(dir, "m.json")
	sealed := []byte(cli(t, bytes.NewReader(pattern(2*mebibyte)), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK).out)
	m, err := readMetadataFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "v")
	for name, bad := range map[string][]byte{
		"first": flipped(sealed, 0), "middle": flipped(sealed, mebibyte), "tag": flipped(sealed, len(sealed)-1),
		"cut": sealed[:len(sealed)-1], "cut to a run": sealed[:mebibyte], "longer": append(bytes.Clone(sealed), 0),
	} {
		store(t, root, "x", bad, m)
		file := writeFile(t, dir, "bad", bad)
		for _, rule := range []string{"", "buffered", "spool", "twopass"} {
			for _, args := range [][]string{
				{"cat", "-k", ks.aes, "dir:" + root + "//x"},
				{"get", "-k", ks.aes, "dir:" + root + "//x", "-"},
				{"open", "-k", ks.aes, "--metadata", meta},
			} {
				stdin, err := os.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				if r := cli(t, stdin, withRelease(rule, args...)...).want(t, exitDecrypt, "altered"); r.out != "" {
					t.Errorf("%s, %s, --release %q: wrote %d bytes", name, args[0], rule, len(r.out))
				}
				stdin.Close()
			}
		}
	}
	wantFiles(t, temp)
}

// TestReleaseFormats: which format is released by which rule, and to whom, is as
// --help says it.
func TestReleaseFormats(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	const size = 2*mebibyte + 3
	for _, format := range []string{"v3", "v2", "chunked", "dare2"} {
		cli(t, bytes.NewReader(pattern(size)), "put", "-k", ks.aes, "--format", format, "-", "dir:"+root+"//"+format).want(t, exitOK)
		alterFile(t, filepath.Join(root, format), size-1)
	}
	for _, rule := range releases {
		url, end := startServe(t, withRelease(rule, "dir:"+root, "-k", ks.aes, "--accept", "v2")...)
		for format, streams := range map[string]bool{"v3": rule == "unverified", "v2": rule == "unverified", "chunked": true, "dare2": true} {
			r := cli(t, nil, withRelease(rule, "cat", "-k", ks.aes, "--accept", "v2", "dir:"+root+"//"+format)...).want(t, exitDecrypt)
			if (r.out != "") != streams {
				t.Errorf("--release %q, %s: cat wrote %d bytes", rule, format, len(r.out))
			}
			if status, broken := serveBreaks(t, url+format); broken != streams || (status == http.StatusOK) != streams {
				t.Errorf("--release %q, %s: status %d, connection broken: %v", rule, format, status, broken)
			}
		}
		end()
	}
}

// serveBreaks says whether the connection breaks before all of the answer is there.
func serveBreaks(t *testing.T, url string) (status int, broken bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err != nil
}

// TestS3Release reads twice from real servers: the second request names the
// version of the first.
func TestS3Release(t *testing.T) {
	ks := newKeySet(t)
	plain := pattern(2*mebibyte + 3)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		at := "s3://" + srv.NewBucket(t) + "/x"
		c := startEnv(t, s3Env(srv), "put", "-q", "-k", ks.aes, "-", at)
		if _, err := c.stdin.Write(plain); err != nil {
			t.Fatal(err)
		}
		c.stdin.Close()
		if code := c.wait(t); code != exitOK {
			t.Fatalf("put: exit code %d; stderr %s", code, c.stderr.String())
		}
		for _, rule := range releases {
			c := startEnv(t, s3Env(srv), withRelease(rule, "cat", "-k", ks.aes, at)...)
			if code := c.wait(t); code != exitOK || !bytes.Equal(c.stdout.Bytes(), plain) {
				t.Errorf("--release %q: exit code %d, %d bytes; stderr %s", rule, code, c.stdout.Len(), c.stderr.String())
			}
		}
	})
}

// TestOpenTwoPass: it takes a file for stdin, which may have been read from
// already.
func TestOpenTwoPass(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	meta := filepath.Join(dir, "m.json")
	plain := pattern(2*mebibyte + 1)
	sealed := cli(t, bytes.NewReader(plain), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK).out
	open := []string{"open", "-k", ks.aes, "--release", "twopass", "--metadata", meta}

	stdin, err := os.Open(writeFile(t, dir, "x", []byte("before"+sealed)))
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if _, err := stdin.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, stdin, open...).want(t, exitOK); r.out != string(plain) {
		t.Errorf("open wrote %d bytes, want %d", len(r.out), len(plain))
	}

	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	w.Close()
	for _, stdin := range []io.Reader{pipe, strings.NewReader(sealed)} {
		if r := cli(t, stdin, open...).want(t, exitUsage, "--release twopass", "<FILE", "--release spool"); r.out != "" {
			t.Errorf("open wrote %d bytes", len(r.out))
		}
	}
}

// TestSpoolFails: without a place for the temporary file nothing is written,
// and the message says where it was to be. Small objects need none.
func TestSpoolFails(t *testing.T) {
	temp := tempFolder(t)
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	cli(t, bytes.NewReader(pattern(2*mebibyte)), "put", "-k", ks.aes, "-", "dir:"+root+"//large").want(t, exitOK)
	cli(t, bytes.NewReader(pattern(1000)), "put", "-k", ks.aes, "-", "dir:"+root+"//small").want(t, exitOK)
	if err := os.Remove(temp); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, nil, "cat", "-k", ks.aes, "dir:"+root+"//large").want(t, exitFailure, temp, "TMPDIR", "twopass"); r.out != "" {
		t.Errorf("cat wrote %d bytes", len(r.out))
	}
	cli(t, nil, "cat", "-k", ks.aes, "--release", "twopass", "dir:"+root+"//large").want(t, exitOK)
	cli(t, nil, "cat", "-k", ks.aes, "dir:"+root+"//small").want(t, exitOK)
	if err := os.Mkdir(temp, 0o700); err != nil { // for the end of the test
		t.Fatal(err)
	}
}

// TestInterruptedSpool: a signal while the ciphertext is being kept leaves no
// file, and has written nothing.
func TestInterruptedSpool(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for open files under /proc")
	}
	binaryPath(t) // which is built outside the folder of the test
	temp := tempFolder(t)
	ks := newKeySet(t)
	meta := filepath.Join(t.TempDir(), "m.json")
	sealed := cli(t, bytes.NewReader(pattern(4*mebibyte)), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK).out
	for _, sig := range signals(t) {
		c := start(t, "open", "-k", ks.aes, "--metadata", meta)
		if _, err := io.WriteString(c.stdin, sealed[:3*mebibyte]); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a temporary file", func() bool { return keepsNameless(c.cmd.Process.Pid, temp) })
		wantFiles(t, temp)
		c.interrupt(t, sig)
		wantFiles(t, temp)
		if c.stdout.Len() > 0 {
			t.Errorf("open wrote %d bytes of half an object", c.stdout.Len())
		}
	}
}

// keepsNameless says whether a process has a file of dir open that has no name any
// more. Right after it was made it still has one.
func keepsNameless(pid int, dir string) bool {
	fds, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "fd", "*"))
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err == nil && strings.HasPrefix(target, dir) && strings.HasSuffix(target, " (deleted)") {
			return true
		}
	}
	return false
}

// TestReleaseMemory: an object that does not fit in the buffer passes through
// to stdout in constant memory, by the default rule, and by the one without a
// file.
func TestReleaseMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell the memory of a process")
	}
	binaryPath(t) // which is built outside the folder of the test
	temp := tempFolder(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	const size = 100 * mebibyte // more than maxGetRSS
	want := sha256.New()
	src := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{}), size), want)
	measure(t, maxGetRSS, os.Environ(), src, "put", "-q", "-k", ks.aes, "-", at)
	for _, args := range [][]string{
		{"cat", "-q", "-k", ks.aes, at},
		{"get", "-q", "-k", ks.aes, "--release", "twopass", at, "-"},
	} {
		got := sha256.New()
		measureOutput(t, maxGetRSS, os.Environ(), nil, got, args...)
		if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("%s: SHA-256 = %x, want %x", args[0], got.Sum(nil), want.Sum(nil))
		}
	}
	wantFiles(t, temp)
	alterFile(t, filepath.Join(dir, "v", "x"), size-1)
	for _, rule := range []string{"spool", "twopass"} {
		if r := cli(t, nil, "cat", "-k", ks.aes, "--release", rule, at).want(t, exitDecrypt, "altered"); r.out != "" {
			t.Errorf("--release %s: wrote %d bytes", rule, len(r.out))
		}
	}
	wantFiles(t, temp)
}

// alterFile flips a bit.
func alterFile(t *testing.T, path string, off int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], off); err != nil {
		t.Fatal(err)
	}
}
