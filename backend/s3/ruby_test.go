// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// interopSizes cross the block, the buffer and the single-PUT boundaries.
var interopSizes = []int{0, 1, 15, 16, 17, 4101, 5<<20 + 3}

// rubyRequest is one line of testdata/s3ec.rb's protocol.
type rubyRequest struct {
	Op     string `json:"op"`
	Client string `json:"client"`
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	File   string `json:"file"`
	AES    string `json:"aes,omitempty"`
	PEM    string `json:"pem,omitempty"`
	KMS    string `json:"kms,omitempty"`

	Context  map[string]string `json:"context,omitempty"`
	Named    bool              `json:"named,omitempty"`
	Location string            `json:"location,omitempty"`
}

// ruby is a running testdata/s3ec.rb: Debian's real encryption clients.
type ruby struct {
	in     io.Writer
	out    *bufio.Scanner
	stderr *bytes.Buffer
}

// startRuby starts Ruby's clients of srv. env adds variables, such as
// KMS_ENDPOINT.
func startRuby(t *testing.T, srv *s3test.Server, env ...string) *ruby {
	t.Helper()
	if err := exec.Command("ruby", "-e", "require 'aws-sdk-s3'").Run(); err != nil {
		if os.Getenv("S3SEAL_REQUIRE_RUBY") != "" {
			t.Fatalf("ruby with aws-sdk-s3 is required: %v", err)
		}
		t.Skipf("needs ruby with aws-sdk-s3 (Debian: ruby ruby-aws-sdk-s3): %v", err)
	}
	cmd := exec.Command("ruby", "testdata/s3ec.rb")
	cmd.Env = append(os.Environ(), "S3_ENDPOINT="+srv.URL(), "S3_REGION="+srv.Region,
		"S3_ACCESS_KEY="+srv.AccessKey, "S3_SECRET_KEY="+srv.SecretKey)
	cmd.Env = append(cmd.Env, env...)
	r := &ruby{stderr: new(bytes.Buffer)}
	cmd.Stderr = r.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	r.in, r.out = in, bufio.NewScanner(out)
	return r
}

// do sends one request and returns Ruby's error text, or "".
func (r *ruby) do(t *testing.T, req rubyRequest) string {
	t.Helper()
	line, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(r.in, "%s\n", line); err != nil {
		t.Fatalf("ruby: %v\n%s", err, r.stderr)
	}
	if !r.out.Scan() {
		t.Fatalf("ruby ended: %v\n%s", r.out.Err(), r.stderr)
	}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(r.out.Bytes(), &answer); err != nil {
		t.Fatalf("ruby answered %q: %v", r.out.Bytes(), err)
	}
	if answer.OK {
		return ""
	}
	return answer.Error
}

// rubyKey is one key as Ruby takes it, and as our modern and V1 wraps.
type rubyKey struct {
	name       string
	aes, pem   string
	modern, v1 wrap.Key
}

func rubyKeys(t *testing.T) []rubyKey {
	t.Helper()
	kek := make([]byte, 32)
	rand.Read(kek)
	gcm, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	ecb, err := legacy.NewAESECB(kek)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	oaep, err := wrap.NewRSAOAEPKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1, err := legacy.NewRSAPKCS1Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(priv)})
	return []rubyKey{
		{name: "AES-256", aes: base64.StdEncoding.EncodeToString(kek), modern: gcm, v1: ecb},
		{name: "RSA-2048", pem: string(block), modern: oaep, v1: pkcs1},
	}
}

func newBucket(t *testing.T, srv *s3test.Server, bucket string, w wrap.Wrapper, u wrap.Unwrapper, p envelope.Preset) *backend.Bucket {
	t.Helper()
	driver, err := s3.New(srv.Client(t), bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	return backend.NewBucket(driver, w, u, &backend.Options{Seal: p.Seal, Open: p.Open})
}

// rubyCase is a pair of clients that must understand each other.
type rubyCase struct {
	client string // Ruby's
	preset envelope.Preset
	v1     bool // use the key's V1 wrap
	write  bool // Ruby writes too, not only reads
}

func TestRubyInterop(t *testing.T) {
	srv := s3test.MinIO(t)
	r := startRuby(t, srv)
	bucket := srv.NewBucket(t)
	oldest := envelope.EncryptionOnly()
	oldest.Seal.Suite = envelope.V1
	cases := []rubyCase{
		{client: "v1", preset: oldest, v1: true, write: true},
		{client: "v2", preset: envelope.ForbidEncryptAllowDecrypt(), write: true},
		{client: "v2_and_legacy", preset: oldest, v1: true},
	}
	for _, key := range rubyKeys(t) {
		for _, c := range cases {
			ours := key.modern
			if c.v1 {
				ours = key.v1
			}
			b := newBucket(t, srv, bucket, ours, ours, c.preset)
			for _, size := range interopSizes {
				req := rubyRequest{Client: c.client, Bucket: bucket, AES: key.aes, PEM: key.pem}
				t.Run(fmt.Sprintf("key=%s,client=%s,size=%d", key.name, c.client, size), func(t *testing.T) {
					want := make([]byte, size)
					rand.Read(want)
					testOursToRuby(t, r, b, req, want)
					if c.write {
						testRubyToOurs(t, r, b, req, want)
					}
				})
			}
		}
	}
}

func testOursToRuby(t *testing.T, r *ruby, b *backend.Bucket, req rubyRequest, want []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), "ours", bytes.NewReader(want), int64(len(want)), nil); err != nil {
		t.Fatalf("Put: %v", err)
	}
	req.Op, req.Key, req.File = "get", "ours", filepath.Join(t.TempDir(), "from-ours")
	if msg := r.do(t, req); msg != "" {
		t.Fatalf("Ruby cannot read ours: %s", msg)
	}
	got, err := os.ReadFile(req.File)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("Ruby read %d bytes that differ from the %d written", len(got), len(want))
	}
}

func testRubyToOurs(t *testing.T, r *ruby, b *backend.Bucket, req rubyRequest, want []byte) {
	t.Helper()
	req.Op, req.Key, req.File = "put", "theirs", filepath.Join(t.TempDir(), "to-ours")
	if err := os.WriteFile(req.File, want, 0o600); err != nil {
		t.Fatal(err)
	}
	if msg := r.do(t, req); msg != "" {
		t.Fatalf("Ruby cannot write: %s", msg)
	}
	obj, err := b.Get(t.Context(), "theirs")
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer obj.Close()
	got, err := io.ReadAll(obj)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("we read %d bytes that differ from the %d that Ruby wrote", len(got), len(want))
	}
}

// TestRubyWrongKey proves that the interop above cannot pass by accident.
func TestRubyWrongKey(t *testing.T) {
	srv := s3test.MinIO(t)
	r := startRuby(t, srv)
	bucket := srv.NewBucket(t)
	key, other := rubyKeys(t)[0], rubyKeys(t)[0]
	b := newBucket(t, srv, bucket, key.modern, key.modern, envelope.ForbidEncryptAllowDecrypt())
	if _, err := b.Put(t.Context(), "k", bytes.NewReader([]byte("secret")), 6, nil); err != nil {
		t.Fatal(err)
	}
	req := rubyRequest{Op: "get", Client: "v2", Bucket: bucket, Key: "k", AES: other.aes, File: filepath.Join(t.TempDir(), "out")}
	if msg := r.do(t, req); msg == "" {
		t.Error("Ruby opened our object with another key")
	}
}
