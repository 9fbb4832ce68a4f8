// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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
	"unicode"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// startServer runs a command that serves until it is told to end. It returns the
// words of the first line that it prints, and what ends it.
func startServer(t *testing.T, args ...string) (words []string, end func() (code int, stderr string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	code, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		defer w.Close()
		code = run(ctx, args, strings.NewReader(""), w, &stderr, os.Getenv)
	}()
	end = func() (int, string) {
		cancel()
		r.Close() // nobody reads more than the first line
		<-ended
		return code, stderr.String()
	}
	t.Cleanup(func() { end() }) // before its folder goes
	line, err := bufio.NewReader(r).ReadString('\n')
	words = strings.FieldsFunc(line, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	if err != nil || len(words) < 3 {
		code, text := end()
		t.Fatalf("%s printed %q, %v; exit code %d\n%s", args[0], line, err, code, text)
	}
	return words, end
}

// startServe returns the address that the server tells, and what ends it.
func startServe(t *testing.T, args ...string) (url string, end func() (code int, stderr string)) {
	t.Helper()
	words, end := startServer(t, append([]string{"serve"}, args...)...)
	return words[len(words)-1], end
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
	for _, hint := range []string{"every process on this machine", "GET /sub/v2: dir:" + root + "//sub/v2: refused", "allow it with --accept v2", flagRanges} {
		if code != exitOK || !strings.Contains(stderr, hint) {
			t.Errorf("exit code %d, stderr %q; want 0 and something with %q", code, stderr, hint)
		}
	}
	if strings.Contains(stderr, "/none") {
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

// curlPath returns where curl is.
func curlPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil && os.Getenv("S3SEAL_REQUIRE_RUBY") != "" { // set where all such clients are installed
		t.Fatalf("curl is required: %v", err)
	}
	if err != nil {
		t.Skipf("no curl: %v", err)
	}
	return path
}

// A curlRange is what curl -r asks for, and what it must write; nothing if there
// is no such range.
type curlRange struct{ name, spec, want string }

// checkCurl asks for all of that in one run of curl, which writes one answer
// behind the other, and nothing for a failure.
func checkCurl(t *testing.T, url string, ranges []curlRange) {
	t.Helper()
	var config, want strings.Builder
	var codes []string
	for _, r := range ranges {
		fmt.Fprintf(&config, "url = %q\nrange = %q\nfail\nnoproxy = \"*\"\nwrite-out = \"%%{stderr}%%{http_code} %%{exitcode}\\n\"\nnext\n", url+r.name, r.spec)
		want.WriteString(r.want)
		codes = append(codes, map[bool]string{true: "206 0", false: "416 22"}[r.want != ""])
	}
	file := writeFile(t, t.TempDir(), "config", []byte(strings.TrimSuffix(config.String(), "next\n")))
	cmd := exec.CommandContext(t.Context(), curlPath(t), "--silent", "--config", file)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run() // a code of one of the answers, which are looked at below
	got := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if len(got) != len(codes) {
		t.Fatalf("%d answers for %d requests, %v\n%.300s", len(got), len(codes), err, stderr.String())
	}
	for i, r := range ranges {
		if got[i] != codes[i] {
			t.Errorf("%s: curl -r %s: status and exit code %s, want %s", r.name, r.spec, got[i], codes[i])
		}
		part := out.Next(len(r.want))
		if string(part) != r.want {
			t.Fatalf("%s: curl -r %s: other bytes than the %d", r.name, r.spec, len(r.want))
		}
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes more than were asked for", out.Len())
	}
}

// allCurlRanges are all ranges of data, and some behind its end.
func allCurlRanges(name, data string) (all []curlRange) {
	n := len(data)
	for a := range n + 2 {
		for b := a; b <= n+1; b++ {
			all = append(all, curlRange{name, fmt.Sprintf("%d-%d", a, b), data[min(a, n):min(b+1, n)]})
		}
		all = append(all, curlRange{name, fmt.Sprintf("%d-", a), data[min(a, n):]},
			curlRange{name, fmt.Sprintf("-%d", a), data[n-min(a, n):]})
	}
	return all
}

func randomCurlRanges(random *rand.Rand, name, data string) (some []curlRange) {
	for range 6 {
		a := random.IntN(len(data))
		b := a + random.IntN(len(data)-a)
		some = append(some, curlRange{name, fmt.Sprintf("%d-%d", a, b), data[a : b+1]},
			curlRange{name, fmt.Sprintf("-%d", a+1), data[len(data)-a-1:]})
	}
	return some
}

// TestServeCurl: in every format, what curl -r writes is the range, or it fails:
// all of a small object, and random ones of a large one.
func TestServeCurl(t *testing.T) {
	curlPath(t)
	ks := newKeySet(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "v")
	small, large := string(pattern(17)), string(pattern(5<<20))
	if os.Getenv("S3SEAL_LONG") == "1" {
		small = string(pattern(64))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var ranges []curlRange
	for _, format := range []string{"v3", "v2", "v2-cbc", "v1", "chunked", "dare2"} {
		for name, data := range map[string]string{format + "-small": small, format + "-large": large} {
			cli(t, strings.NewReader(data), "put", "-q", "-k", ks.aes, "--format", format, "-", "dir:"+root+"//"+name).want(t, exitOK)
		}
		ranges = append(ranges, allCurlRanges(format+"-small", small)...)
		ranges = append(ranges, randomCurlRanges(random, format+"-large", large)...)
	}
	key := storeCTR(t, root, "ctr")
	ranges = append(ranges, allCurlRanges("ctr", string(pattern(17)))...)

	url, end := startServe(t, "-k", ks.aes, "-k", key, "--accept", "legacy", flagCTR, flagRanges, "dir:"+root)
	checkCurl(t, url, ranges)
	end()
}

// storeCTR stores what nothing here writes: CTR without a tag. It returns the key.
func storeCTR(t *testing.T, root, name string) string {
	t.Helper()
	var f fixture
	if err := json.Unmarshal(readFile(t, filepath.Join(fixtureDir, "aes256-seedpy-ctr-17.json")), &f); err != nil {
		t.Fatal(err)
	}
	store(t, root, name, readFile(t, filepath.Join(fixtureDir, f.Object.File)), f.Metadata)
	return f.key(t)
}

// TestServeNoBucket: a bucket that is not there is said at once, and not with each
// request. Who may not list can be served.
func TestServeNoBucket(t *testing.T) {
	noCredentials(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	ks := newKeySet(t)
	gone := answering(t, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	r := cli(t, nil, "serve", "-k", ks.aes, "--endpoint", gone, "s3://bucket/logs/")
	r.want(t, exitNotFound, "s3seal: s3://bucket: there is no such bucket\n")
	denied := answering(t, http.StatusForbidden, "AccessDenied", "Access Denied")
	_, end := startServe(t, "-k", ks.aes, "--endpoint", denied, "s3://bucket")
	end()
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
