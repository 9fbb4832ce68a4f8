// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// What the shell blocks of README name and a test cannot have is replaced here,
// and nowhere else. The rest is run as it is written.
var replaced = []struct {
	what *regexp.Regexp
	by   string
	why  string
}{
	{regexp.MustCompile(`(?m)^go test \./\.\.\.`), "go list -test ./... >tests.txt", "it would run this test"},
	{regexp.MustCompile(`http://127\.0\.0\.1:9000`), "$$README_S3", "the server has another address"},
	{regexp.MustCompile(`AWS_ACCESS_KEY_ID=…`), "AWS_ACCESS_KEY_ID=$$README_ACCESS_KEY", "everybody has their own"},
	{regexp.MustCompile(`AWS_SECRET_ACCESS_KEY=…`), "AWS_SECRET_ACCESS_KEY=$$README_SECRET_KEY", "everybody has their own"},
	{regexp.MustCompile(`(?m)^s3seal serve .*--listen 127\.0\.0\.1:8080`), "served $0", "it would serve for ever, on a port that may be taken"},
	{regexp.MustCompile(`127\.0\.0\.1:8080`), "127.0.0.1:0", "the port may be taken"},
}

// bucketOf finds buckets: each name gets one that is new and empty.
var bucketOf = regexp.MustCompile(`s3://([a-z0-9][a-z0-9.-]+)`)

// shellFunctions are what replaced refers to. A server is asked for a part of
// disk.img, and then told to end.
const shellFunctions = `
served() {
	"$@" >served.out & served=$!
	for try in $(seq 600); do grep -q '^serving' served.out && break; sleep 0.1; done
	curl -sS -f -r 0-99 "$(sed -n 's/^serving .* on //p' served.out)disk.img" >served.part
	kill "$served" && wait "$served"
	head -c 100 disk.img | cmp - served.part
}
`

// pgDump stands for a program that takes a database.
const pgDump = "#!/bin/sh\n[ \"$1\" = db ] && echo 'CREATE TABLE t (n int);'\n"

// A reader of README is somebody with an empty home who types what it says.
type reader struct {
	dir, home string // a copy of the checkout; all else that is theirs
	env       []string
	buckets   map[string]string
	srv       *s3test.Server // nil until a block needs it
}

// long says whether the caches of the go command are to be empty, too.
func long() bool { return os.Getenv("S3SEAL_LONG") == "1" }

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{dir: copyCheckout(t), home: t.TempDir(), buckets: make(map[string]string)}
	makeWritable(t, r.home)
	bin := filepath.Join(r.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	r.put(t, filepath.Join(bin, "pg_dump"), []byte(pgDump), 0o700)
	home := filepath.Join(r.home, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	r.env = []string{
		"HOME=" + home,
		"PATH=" + strings.Join([]string{filepath.Join(home, "go", "bin"), bin, os.Getenv("PATH")}, string(filepath.ListSeparator)),
	}
	keep := []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN"}
	if !long() {
		keep = append(keep, "GOCACHE", "GOMODCACHE")
		// What was built in the folder of an earlier run serves again.
		r.env = append(r.env, "GOFLAGS=-trimpath")
	}
	for _, name := range keep {
		r.env = append(r.env, name+"="+goEnv(t, name))
	}
	for _, name := range []string{"TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "LANG"} {
		if v, ok := os.LookupEnv(name); ok {
			r.env = append(r.env, name+"="+v)
		}
	}
	return r
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func (r *reader) put(t *testing.T, path string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

// run runs a block as it stands, and stops at the first command that fails.
// What it exports is there in the next one.
func (r *reader) run(t *testing.T, b block, text string) string {
	t.Helper()
	state := filepath.Join(r.home, "exports")
	script := "[ ! -e '" + state + "' ] || . '" + state + "'\n" + shellFunctions + text + "\nexport -p >'" + state + "'\n"
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = r.dir, r.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("README.md, %v: %v\n%s\nstdout: %.2000s\nstderr: %s", b, err, text, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// TestReadmeShell types the shell blocks of README in their order. The first
// one must end with README itself, out of the folder where it was stored.
func TestReadmeShell(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	for _, tool := range []string{"go", "sh", "curl", "openssl", "zcat", "seq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("README needs %v", err)
		}
	}
	r := newReader(t)
	for i, b := range readmeBlocks(t, "sh") {
		if b.spare != "" {
			continue
		}
		ok := t.Run(b.String(), func(sub *testing.T) {
			start := time.Now()
			text := b.text
			if bucketOf.MatchString(text) {
				text = r.prepare(t, sub, text)
			}
			for _, s := range replaced {
				text = s.what.ReplaceAllString(text, s.by)
			}
			out := r.run(sub, b, text)
			sub.Logf("%v", time.Since(start).Round(time.Second/10))
			if i > 0 {
				return
			}
			if !strings.HasSuffix(out, readFile(t, "README.md")) {
				sub.Errorf("it does not end with README.md: …%.300q", out[max(0, len(out)-300):])
			}
			if took := time.Since(start); took > 5*time.Minute {
				sub.Errorf("it took %v, want 5 minutes at most", took)
			}
		})
		if !ok {
			return // the next ones build upon it
		}
	}
	r.check(t)
}

// prepare makes what the blocks with a server want to be there: the server, its
// buckets, a KMS, and files. t is for what outlives the block.
func (r *reader) prepare(t, sub *testing.T, text string) string {
	sub.Helper()
	first := r.srv == nil
	r.srv = s3test.MinIO(sub)
	text = bucketOf.ReplaceAllStringFunc(text, func(s string) string {
		name := strings.TrimPrefix(s, "s3://")
		if r.buckets[name] == "" {
			r.buckets[name] = r.srv.NewBucket(t)
		}
		return "s3://" + r.buckets[name]
	})
	if first {
		r.env = append(r.env, "README_S3="+r.srv.URL(), "AWS_REGION="+r.srv.Region,
			"README_ACCESS_KEY="+r.srv.AccessKey, "README_SECRET_KEY="+r.srv.SecretKey,
			"AWS_ENDPOINT_URL_KMS="+r.startKMS(t))
		r.files(sub)
	}
	r.old(sub)
	return text
}

// files makes what the owner of a machine has: a log, the image of a disk.
func (r *reader) files(t *testing.T) {
	t.Helper()
	var log bytes.Buffer
	gz := gzip.NewWriter(&log)
	_, err := gz.Write(bytes.Repeat([]byte("a line of the log\n"), 1000))
	if err = errors.Join(err, gz.Close()); err != nil {
		t.Fatal(err)
	}
	image := make([]byte, 9<<20) // more than a part
	for i := range image {
		image[i] = byte(i * 7 >> 3)
	}
	r.put(t, filepath.Join(r.dir, "log.gz"), log.Bytes(), 0o600)
	r.put(t, filepath.Join(r.dir, "disk.img"), image, 0o600)
	r.put(t, filepath.Join(r.dir, "plain"), []byte("plain text\n"), 0o600)
}

// old puts the object that Debian's Ruby client once wrote where README looks
// for one, with its key.
func (r *reader) old(t *testing.T) {
	t.Helper()
	bucket := r.buckets["archive"]
	if bucket == "" {
		return
	}
	const name = "envelope/testdata/fixtures/aes256-ruby1-cbc-17"
	var fixture struct {
		Kek      struct{ Hex string }
		Metadata map[string]string
	}
	if err := json.Unmarshal([]byte(readFile(t, name+".json")), &fixture); err != nil {
		t.Fatal(err)
	}
	r.put(t, filepath.Join(r.dir, "old.key"), []byte(fixture.Kek.Hex+"\n"), 0o600)
	body := readFile(t, name+".bin")
	_, err := r.srv.Client(t).PutObject(t.Context(), bucket, "2013", strings.NewReader(body), int64(len(body)),
		minio.PutObjectOptions{UserMetadata: fixture.Metadata})
	if err != nil {
		t.Fatal(err)
	}
}

// startKMS runs s3seal kms-server and returns where it is.
func (r *reader) startKMS(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(r.home, "kms")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/s3seal")
	build.Dir, build.Env = r.dir, r.env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), bin, "kms-server", "--addr", "127.0.0.1:0",
		"--keys", filepath.Join(r.home, "kms.json"), "--create-key", "alias/app")
	cmd.Env = r.env
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line := make([]byte, 200)
	n, err := stdout.Read(line)
	url := regexp.MustCompile(`http://[0-9.:]+`).Find(line[:n])
	if url == nil {
		t.Fatalf("s3seal kms-server: %q, %v", line[:n], err)
	}
	return string(url)
}

// check looks at what must be there in the end.
func (r *reader) check(t *testing.T) {
	t.Helper()
	if r.srv == nil {
		return
	}
	for name, want := range map[string]string{
		"log": strings.Repeat("a line of the log\n", 1000),
		"out": string(pattern(17)),
	} {
		if got, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || string(got) != want {
			t.Errorf("%s = %.40q, %v; want %.40q", name, got, err, want)
		}
	}
}

// pattern is the plaintext of the fixtures.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}
