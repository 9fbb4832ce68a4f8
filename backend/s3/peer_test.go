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
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// peerRequest is one line of the protocol of testdata/s3ec.rb and of s3crypto.
// Each ignores what it has no use for.
type peerRequest struct {
	Op     string `json:"op"`
	Client string `json:"client"`
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	File   string `json:"file"`
	AES    string `json:"aes,omitempty"`
	PEM    string `json:"pem,omitempty"`
	KMS    string `json:"kms,omitempty"`

	Content  string            `json:"content,omitempty"`
	Wrap     string            `json:"wrap,omitempty"`
	Context  map[string]string `json:"context,omitempty"`
	Named    bool              `json:"named,omitempty"`
	Location string            `json:"location,omitempty"`
}

// A peer is a running program around encryption clients of other people.
type peer struct {
	name   string
	pinned bool // its version is known, and so is what it cannot do

	in     io.Writer
	out    *bufio.Scanner
	stderr *bytes.Buffer
}

// startPeer starts a program whose clients are those of srv. env adds variables,
// such as KMS_ENDPOINT.
func startPeer(t *testing.T, p *peer, srv *s3test.Server, cmd *exec.Cmd, env ...string) *peer {
	t.Helper()
	cmd.Env = append(os.Environ(), "S3_ENDPOINT="+srv.URL(), "S3_REGION="+srv.Region,
		"S3_ACCESS_KEY="+srv.AccessKey, "S3_SECRET_KEY="+srv.SecretKey)
	cmd.Env = append(cmd.Env, env...)
	p.stderr = new(bytes.Buffer)
	cmd.Stderr = p.stderr
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
	p.in, p.out = in, bufio.NewScanner(out)
	return p
}

// do sends one request and returns the error text of the other side, or "".
func (p *peer) do(t *testing.T, req peerRequest) string {
	t.Helper()
	line, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, p.stderr)
	}
	if !p.out.Scan() {
		t.Fatalf("%s ended: %v\n%s", p.name, p.out.Err(), p.stderr)
	}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		t.Fatalf("%s answered %q: %v", p.name, p.out.Bytes(), err)
	}
	if !answer.OK && answer.Error == "" {
		t.Fatalf("%s answered %q: want an error", p.name, p.out.Bytes())
	}
	return answer.Error
}

// localKey is a key without a KMS as a peer takes it, and as our modern and V1
// wraps.
type localKey struct {
	name       string
	aes, pem   string
	modern, v1 wrap.Key
}

func localKeys(t *testing.T) []localKey {
	t.Helper()
	return []localKey{aesKey(t, "AES", 32), aesKey(t, "AES-192", 24), aesKey(t, "AES-128", 16), rsaKey(t)}
}

func aesKey(t *testing.T, name string, size int) localKey {
	t.Helper()
	kek := make([]byte, size)
	rand.Read(kek)
	gcm, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	ecb, err := legacy.NewAESECB(kek)
	if err != nil {
		t.Fatal(err)
	}
	return localKey{name: name, aes: base64.StdEncoding.EncodeToString(kek), modern: gcm, v1: ecb}
}

func rsaKey(t *testing.T) localKey {
	t.Helper()
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
	return localKey{name: "RSA", pem: string(block), modern: oaep, v1: pkcs1}
}
