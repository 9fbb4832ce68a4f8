// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// startServe returns the address that the server tells, and what ends it.
func startServe(t *testing.T, args ...string) (url string, end func() (code int, stderr string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, append([]string{"serve"}, args...), strings.NewReader(""), w, &stderr, os.Getenv)
		w.Close()
		ended <- code
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) == 0 {
		t.Fatalf("serve printed %q, %v; exit code %d\n%s", line, err, <-ended, stderr.String())
	}
	return words[len(words)-1], func() (int, string) {
		cancel()
		return <-ended, stderr.String()
	}
}

// httpGet asks the server for an object, or for a range of it.
func httpGet(t *testing.T, url, spec string, host ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if spec != "" {
		r.Header.Set("Range", "bytes="+spec)
	}
	for _, name := range host {
		r.Host = name
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s: %v", url, spec, err)
	}
	return resp.StatusCode, string(data)
}

// TestServe serves objects of several formats from a folder.
func TestServe(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	data := string(pattern(100_000))
	for _, format := range []string{"v3", "v2", "v1", "chunked"} {
		cli(t, strings.NewReader(data), "put", "-k", ks.aes, "--format", format, "-", "dir:"+root+"//sub/"+format).want(t, exitOK)
	}
	cli(t, strings.NewReader("top"), "put", "-k", ks.aes, "-", "dir:"+root+"//top").want(t, exitOK)

	url, end := startServe(t, "-k", ks.aes, "dir:"+root)
	for path, want := range map[string]int{
		"sub/v3": 200, "sub/chunked": 200, "top": 200, "sub/v2": 403, "sub/v1": 403,
		"none": 404, "": 404, "sub": 404, "sub/": 404, ".s3seal/x": 404, "%2e%2e/v/top": 404, "sub/../top": 404,
	} {
		status, body := httpGet(t, url+path, "")
		if status != want || status == 200 && body != data && body != "top" {
			t.Errorf("%s: status %d with %d bytes, want %d", path, status, len(body), want)
		}
	}
	for path, want := range map[string]int{"sub/v3": 403, "sub/chunked": 206} {
		if status, body := httpGet(t, url+path, "10-19"); status != want || status == 206 && body != data[10:20] {
			t.Errorf("%s: status %d with %q, want %d", path, status, body, want)
		}
	}
	code, stderr := end()
	for _, hint := range []string{"every process on this machine", "GET /sub/v2: ", "allow it with --accept v2", flagRanges} {
		if code != exitOK || !strings.Contains(stderr, hint) {
			t.Errorf("exit code %d, stderr %q; want 0 and something with %q", code, stderr, hint)
		}
	}
	if strings.Contains(stderr, "none") {
		t.Errorf("stderr = %q, which speaks of what is merely not there", stderr)
	}

	url, end = startServe(t, "-k", ks.aes, "--accept", "legacy", flagRanges, "dir:"+root+"//sub")
	for _, format := range []string{"v3", "v2", "v1", "chunked"} {
		for spec, want := range map[string]string{"10-19": data[10:20], "99990-": data[99_990:], "-7": data[99_993:], "0-0": data[:1], "50000-1000000": data[50_000:]} {
			if status, body := httpGet(t, url+format, spec); status != 206 || body != want {
				t.Errorf("%s: %s: status %d with %d bytes, want 206 with %d", format, spec, status, len(body), len(want))
			}
		}
		if status, _ := httpGet(t, url+format, "100000-"); status != 416 {
			t.Errorf("%s: past the end: status %d, want 416", format, status)
		}
	}
	if status, _ := httpGet(t, url+"../top", ""); status != 404 {
		t.Errorf("outside of the prefix: status %d, want 404", status)
	}
	end()
}

// TestServeHost: a web site that calls this machine by its own name gets nothing.
func TestServeHost(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	cli(t, strings.NewReader("x"), "put", "-k", ks.aes, "-", "dir:"+root+"//x").want(t, exitOK)
	url, _ := startServe(t, "-k", ks.aes, "--host", "vault.example", "dir:"+root)
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "LocalHost:80": 200, "127.0.0.1": 200, "[::1]:1": 200, "vault.example:99": 200, "VAULT.example": 200,
		"evil.example": 421, "vault.example.evil.example": 421, "127.0.0.1.evil.example": 421, "evil.example:80": 421, "localhost.": 421,
	} {
		if status, body := httpGet(t, url+"x", "", host); status != want || (body == "x") != (want == 200) {
			t.Errorf("host %q: status %d, want %d", host, status, want)
		}
	}
}

// TestServeUsage: nobody else is served by accident.
func TestServeUsage(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	serve := func(args ...string) result {
		return cli(t, nil, append([]string{"serve", "-k", ks.aes}, args...)...)
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "[::]:0", "example.com:80"} {
		serve("--listen", addr, "dir:"+dir).want(t, exitUsage, flagExpose, "--listen")
	}
	serve("--listen", "127.0.0.1", "dir:"+dir).want(t, exitUsage, "HOST:PORT")
	for _, at := range []string{"s3://", "dir:", "x", "dir://x", "s3:///x"} {
		serve(at).want(t, exitUsage, "dir:ROOT")
	}
	serve("dir:"+dir+"/none").want(t, exitNotFound, "not found")
	cli(t, nil, "serve", "dir:"+dir).want(t, exitUsage, "--key")

	_, end := startServe(t, "-k", ks.aes, "--listen", "0.0.0.0:0", flagExpose, "dir:"+dir)
	if code, stderr := end(); code != exitOK || !strings.Contains(stderr, "everybody") {
		t.Errorf("exit code %d, stderr %q, want a warning", code, stderr)
	}
}

// TestServeCurl: what curl -r writes is the range, or it fails.
func TestServeCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skipf("no curl: %v", err)
	}
	ks := newKeySet(t)
	root := t.TempDir()
	url, _ := startServe(t, "-k", ks.aes, "--accept", "legacy", flagRanges, "dir:"+root)
	small, large := string(pattern(33)), string(pattern(5<<20))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ranged := func(name, spec, want string) {
		out, err := exec.CommandContext(t.Context(), curl, "-sS", "--fail", "--noproxy", "*", "-r", spec, url+name).Output()
		if string(out) != want || (err == nil) != (want != "") {
			t.Errorf("%s: curl -r %s: %d bytes, %v, want %d", name, spec, len(out), err, len(want))
		}
	}
	for _, format := range []string{"v3", "v2", "v1", "chunked", "dare2"} {
		for name, data := range map[string]string{format + "-small": small, format + "-large": large} {
			cli(t, strings.NewReader(data), "put", "-q", "-k", ks.aes, "--format", format, "-", "dir:"+root+"//"+name).want(t, exitOK)
		}
		for spec, want := range map[string]string{"0-0": small[:1], "3-17": small[3:18], "16-": small[16:], "-5": small[28:], "32-99": small[32:], "33-": "", "-0": ""} {
			ranged(format+"-small", spec, want)
		}
		for range 3 {
			a := random.IntN(len(large))
			b := a + random.IntN(len(large)-a)
			ranged(format+"-large", fmt.Sprintf("%d-%d", a, b), large[a:b+1])
			ranged(format+"-large", fmt.Sprintf("-%d", a+1), large[len(large)-a-1:])
		}
	}
}

// TestServeSignals: a signal ends the server at once, or when it has sent what it
// is sending.
func TestServeSignals(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	const size = 4 << 20
	cli(t, io.LimitReader(zeros{}, size), "put", "-k", ks.aes, "-", "dir:"+root+"//x").want(t, exitOK)
	for _, sig := range signals(t) {
		c := &child{cmd: exec.CommandContext(t.Context(), binaryPath(t), "serve", "-k", ks.aes, "dir:"+root)}
		c.cmd.Stderr = &c.stderr
		out, err := c.cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
		line, err := bufio.NewReader(out).ReadString('\n')
		words := strings.Fields(line)
		if err != nil || len(words) == 0 {
			t.Fatalf("serve printed %q, %v", line, err)
		}
		resp, err := http.Get(words[len(words)-1] + "x")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // it has begun to end
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || n != size {
			t.Errorf("%v: read %d bytes, %v, want %d", sig, n, err, size)
		}
		if code := c.wait(t); code != exitOK {
			t.Errorf("%v: exit code %d, want 0; stderr %s", sig, code, c.stderr.String())
		}
	}
}

// TestS3Serve serves what is on a server.
func TestS3Serve(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, pair := range s3Env(srv)[len(os.Environ()):] {
			name, value, _ := strings.Cut(pair, "=")
			t.Setenv(name, value)
		}
		bucket := srv.NewBucket(t)
		data := string(pattern(300_000))
		cli(t, strings.NewReader(data), "put", "-k", ks.aes, "--format", "chunked", "--content-type", "text/plain", "-", "s3://"+bucket+"/logs/a b").want(t, exitOK)
		url, end := startServe(t, "-k", ks.aes, "s3://"+bucket+"/logs/")
		for spec, want := range map[string]string{"": data, "100-250000": data[100:250_001], "-10": data[299_990:]} {
			if _, body := httpGet(t, url+"a%20b", spec); body != want {
				t.Errorf("%s: %d bytes, want %d", spec, len(body), len(want))
			}
		}
		resp, err := http.Head(url + "a%20b")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := fmt.Sprintf("%d %d %s", resp.StatusCode, resp.ContentLength, resp.Header.Get("Content-Type")); got != "200 300000 text/plain" {
			t.Errorf("HEAD = %s", got)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"a%20b", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("If-None-Match", resp.Header.Get("ETag"))
		again, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		again.Body.Close()
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("If-None-Match %s: %s, want 304", resp.Header.Get("ETag"), again.Status)
		}
		if status, _ := httpGet(t, url+"none", ""); status != http.StatusNotFound {
			t.Errorf("missing: status %d", status)
		}
		end()
	})
}
