// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// A PeerRequest is one line of the protocol of testdata/s3ec.rb and of s3crypto.
// Each ignores what it has no use for.
type PeerRequest struct {
	Op     string `json:"op"`            // put or get
	Client string `json:"client"`        // which of the peer's clients
	Bucket string `json:"bucket"`        // of the object
	Key    string `json:"key"`           // of the object
	File   string `json:"file"`          // the plaintext: read by put, written by get
	AES    string `json:"aes,omitempty"` // KEK, in base64
	PEM    string `json:"pem,omitempty"` // RSA key, its text
	KMS    string `json:"kms,omitempty"` // ID of a key

	Content  string            `json:"content,omitempty"`  // cipher
	Wrap     string            `json:"wrap,omitempty"`     // wrap algorithm
	Context  map[string]string `json:"context,omitempty"`  // encryption context, or description
	Named    bool              `json:"named,omitempty"`    // that the reader names the key as well
	Location string            `json:"location,omitempty"` // of the envelope
}

// A Peer is a running program around encryption clients of other people. It is
// not safe for concurrent use.
type Peer struct {
	Name   string // for messages
	Pinned bool   // its version is known, and so is what it cannot do

	in     io.Writer
	out    *bufio.Scanner
	stderr *bytes.Buffer
}

// StartRuby starts the script testdata/s3ec.rb of package s3, by its path from the
// folder of the test: Debian's real encryption clients, for objects of srv. env
// adds variables, such as KMS_ENDPOINT. Where they cannot be had the test is
// skipped, or fails if S3SEAL_REQUIRE_RUBY is set.
func StartRuby(t testing.TB, srv *Server, script string, env ...string) *Peer {
	t.Helper()
	required := os.Getenv("S3SEAL_REQUIRE_RUBY") != "" // set where they are Debian's
	if err := exec.Command("ruby", "-e", "require 'aws-sdk-s3'").Run(); err != nil {
		if required {
			t.Fatalf("ruby with aws-sdk-s3 is required: %v", err)
		}
		t.Skipf("needs ruby with aws-sdk-s3 (Debian: ruby ruby-aws-sdk-s3): %v", err)
	}
	return startPeer(t, &Peer{Name: "Ruby", Pinned: required}, srv, exec.Command("ruby", script), env...)
}

// StartS3crypto starts program, which is the command s3crypto of package s3 as
// [Program] builds it: the encryption clients of aws-sdk-go v1, for objects of srv.
// env adds variables, such as KMS_ENDPOINT.
func StartS3crypto(t testing.TB, srv *Server, program string, env ...string) *Peer {
	t.Helper()
	return startPeer(t, &Peer{Name: "s3crypto", Pinned: true}, srv, exec.Command(program), env...)
}

func startPeer(t testing.TB, p *Peer, srv *Server, cmd *exec.Cmd, env ...string) *Peer {
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

// Do sends one request and returns the error text of the other side, or "".
func (p *Peer) Do(t testing.TB, req PeerRequest) string {
	t.Helper()
	line, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		t.Fatalf("%s: %v\n%s", p.Name, err, p.stderr)
	}
	if !p.out.Scan() {
		t.Fatalf("%s ended: %v\n%s", p.Name, p.out.Err(), p.stderr)
	}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		t.Fatalf("%s answered %q: %v", p.Name, p.out.Bytes(), err)
	}
	if !answer.OK && answer.Error == "" {
		t.Fatalf("%s answered %q: want an error", p.Name, p.out.Bytes())
	}
	return answer.Error
}
