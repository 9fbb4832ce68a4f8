// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/coproc"
	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/foreign"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// sdkMessage is a line of the protocol of testdata/kms.rb, in both directions.
type sdkMessage struct {
	Op       string `json:"op,omitempty"`
	Client   string `json:"client,omitempty"`
	KeyID    string `json:"key_id,omitempty"`
	Context  md     `json:"context,omitempty"`
	Blob     []byte `json:"blob,omitempty"`
	Plain    []byte `json:"plain"`
	Metadata md     `json:"metadata,omitempty"`
	Body     []byte `json:"body,omitempty"`
	Error    string `json:"error,omitempty"`
	Message  string `json:"message,omitempty"`
}

// An sdk is a running program that drives the client of another language.
type sdk struct{ *coproc.Program }

func startSDK(t *testing.T, endpoint, name string, args ...string) sdk {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "KMS_ENDPOINT="+endpoint)
	program, err := coproc.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return sdk{program}
}

func (s sdk) do(t *testing.T, req sdkMessage) (answer sdkMessage) {
	t.Helper()
	if err := s.Ask(req, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func startRuby(t *testing.T, endpoint string) sdk {
	t.Helper()
	fipstest.Skip(t)
	// Debian's ruby-aws-sdk-s3 brings ruby-aws-sdk-kms with it.
	return startSDK(t, endpoint, foreign.Ruby(t, "aws-sdk-s3", "aws-sdk-kms"), "testdata/kms.rb")
}

func startBoto3(t *testing.T, endpoint string) sdk {
	t.Helper()
	fipstest.Skip(t)
	return startSDK(t, endpoint, foreign.Boto3(t), "testdata/kms.py")
}

// testClient lets a client of another language use the keys, and reads what it
// has made in Go, and the other way round.
func testClient(t *testing.T, k *localkms.KMS, client sdk) {
	t.Helper()
	encCtx := md{"user": "alice", "é": "漢 <&>"}
	made := client.do(t, sdkMessage{Op: "generate", KeyID: keyA, Context: encCtx})
	if len(made.Plain) != 32 {
		t.Fatalf("generate = %+v, want 32 bytes", made)
	}
	wantPlain(t, k, keyA, made.Blob, encCtx, made.Plain)
	sealed := client.do(t, sdkMessage{Op: "encrypt", KeyID: keyB, Context: encCtx, Plain: []byte("plain")})
	wantPlain(t, k, keyB, sealed.Blob, encCtx, []byte("plain"))

	ours := mustEncrypt(t, k, []byte("ours"), encCtx)
	if got := client.do(t, sdkMessage{Op: "decrypt", KeyID: keyA, Blob: ours, Context: encCtx}); string(got.Plain) != "ours" {
		t.Errorf("decrypt = %+v, want ours", got)
	}
	for _, c := range []struct {
		req  sdkMessage
		want string
	}{
		{sdkMessage{Op: "decrypt", KeyID: keyA, Blob: ours, Context: md{"user": "bob"}}, "InvalidCiphertextException"},
		{sdkMessage{Op: "decrypt", KeyID: keyA, Blob: ours[1:], Context: encCtx}, "InvalidCiphertextException"},
		{sdkMessage{Op: "encrypt", KeyID: "unknown", Plain: []byte("p")}, "NotFoundException"},
		{sdkMessage{Op: "generate", KeyID: "unknown"}, "NotFoundException"},
	} {
		if got := client.do(t, c.req); !strings.HasSuffix(got.Error, c.want) || got.Plain != nil {
			t.Errorf("%s = %+v, want %s", c.req.Op, got, c.want)
		}
	}
}

// TestRuby uses one process, because starting it costs more than all the rest.
func TestRuby(t *testing.T) {
	k := newKMS(t)
	ruby := startRuby(t, startServer(t, k).URL)
	t.Run("kms", func(t *testing.T) { testClient(t, k, ruby) })
	t.Run("objects", func(t *testing.T) { testRubyObjects(t, k, ruby) })
}

// TestBoto3 does what Ruby's client is too old for, too: to name the key on
// decryption.
func TestBoto3(t *testing.T) {
	k := newKMS(t)
	client := startBoto3(t, startServer(t, k).URL)
	testClient(t, k, client)
	blob := mustEncrypt(t, k, []byte("p"), nil)
	for keyID, want := range map[string]string{keyA: "", keyB: "IncorrectKeyException", "unknown": "NotFoundException"} {
		if got := client.do(t, sdkMessage{Op: "decrypt", KeyID: keyID, Blob: blob}); got.Error != want || (got.Plain != nil) != (want == "") {
			t.Errorf("decrypt by the key %s = %+v, want %q", keyID, got, want)
		}
	}
}

// testRubyObjects seals and opens whole objects under the KMS, in both directions.
func testRubyObjects(t *testing.T, k *localkms.KMS, ruby sdk) {
	t.Helper()
	modern, err := wrap.NewKMS(k, keyA)
	if err != nil {
		t.Fatal(err)
	}
	old, err := legacy.NewKMSPlain(k, keyA)
	if err != nil {
		t.Fatal(err)
	}
	both := wrap.NewKeyring(modern, old)
	opts := &envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true}
	for _, c := range []struct {
		client  string
		key     wrap.Key
		suite   envelope.Suite
		matdesc md
	}{
		{"v1", old, envelope.V2CBC, md{"kms_cmk_id": keyA}},
		{"v2", modern, envelope.V2GCM, nil},
	} {
		for _, n := range []int{0, 1, 16, 17, 4101} {
			t.Run(fmt.Sprintf("client=%s,size=%d", c.client, n), func(t *testing.T) {
				plain := bytes.Repeat([]byte{byte(n)}, n)
				theirs := ruby.do(t, sdkMessage{Op: "put", Client: c.client, KeyID: keyA, Plain: plain})
				if theirs.Error != "" {
					t.Fatalf("put: %s: %s", theirs.Error, theirs.Message)
				}
				o := realObject{Metadata: theirs.Metadata, Body: theirs.Body}
				if got, err := o.open(t.Context(), both, opts); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("Ruby's object opens to %d bytes, %v, want %d, nil", len(got), err, n)
				}
				ours := seal(t, c.key, &envelope.SealOptions{Suite: c.suite, MatDesc: c.matdesc}, plain)
				ours.Op, ours.Client, ours.KeyID = "get", c.client, keyA
				if got := ruby.do(t, ours); got.Error != "" || !bytes.Equal(got.Plain, plain) {
					t.Errorf("Ruby reads ours as %d bytes, %s %s, want %d", len(got.Plain), got.Error, got.Message, n)
				}
			})
		}
	}
}

func seal(t *testing.T, w wrap.Wrapper, opts *envelope.SealOptions, plain []byte) sdkMessage {
	t.Helper()
	sealer, err := envelope.NewSealer(context.Background(), w, opts)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sealer.Reader(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := sealer.Header().Metadata()
	if err != nil {
		t.Fatal(err)
	}
	return sdkMessage{Metadata: meta, Body: body}
}
