// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/coproc"
	"github.com/s3seal/s3seal/internal/foreign"
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

	program *coproc.Program
}

// StartRuby starts the script testdata/s3ec.rb of package s3, by its path from the
// folder of the test: Debian's real encryption clients, for objects of srv. env
// adds variables, such as KMS_ENDPOINT. Where they cannot be had the test is
// skipped, or fails if S3SEAL_REQUIRE_RUBY is set.
func StartRuby(t testing.TB, srv *Server, script string, env ...string) *Peer {
	t.Helper()
	ruby := foreign.Ruby(t, "aws-sdk-s3")
	return startPeer(t, &Peer{Name: "Ruby", Pinned: foreign.Required()}, srv, exec.Command(ruby, script), env...)
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
	cmd.Env = slices.Concat(os.Environ(), srv.Env(), env)
	program, err := coproc.Start(cmd)
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	t.Cleanup(func() { program.Close() })
	p.program = program
	return p
}

// Env returns the environment in which a peer finds s.
func (s *Server) Env() []string {
	return []string{
		"S3_ENDPOINT=" + s.URL(), "S3_REGION=" + s.Region,
		"S3_ACCESS_KEY=" + s.AccessKey, "S3_SECRET_KEY=" + s.SecretKey,
	}
}

// Do sends one request and returns the error text of the other side, or "".
func (p *Peer) Do(t testing.TB, req PeerRequest) string {
	t.Helper()
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := p.program.Ask(req, &answer); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	if !answer.OK && answer.Error == "" {
		t.Fatalf("%s answered %+v: want an error", p.Name, answer)
	}
	return answer.Error
}
