// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// matrixSizes are few, since TestRubyInterop has all the boundaries.
var matrixSizes = []int{0, 17, 4101}

const (
	kmsKeyID    = "alias/interop"
	otherKMSKey = "alias/other"
)

// Why there is no object of Ruby's to read, for the log.
const (
	onlyCBC = "the V1 client writes CBC only, with its oldest wraps"
	onlyGCM = "EncryptionV2 writes V2-GCM only, with the modern wraps"
)

// What is in Ruby's error where it cannot read an object of ours.
const (
	noV3       = "unable to locate encryption envelope" // where V3 is not known there seems to be none
	noLegacy   = "LegacyDecryptionError"
	noCEKAlg   = "Unsupported cek-alg"
	noWrapAlg  = "unsupported key wrapping algorithm"
	noKMSKeyID = "unexpected value at params[:key_id]"
)

// A rubyRow is one configuration: a client of Ruby, and a format of ours.
type rubyRow struct {
	key    string // name of the kind of key
	client string // Ruby's
	suite  envelope.Suite
	alg    wrap.Algorithm

	noWrite string // why Ruby never makes such an object; empty if it does
	noRead  string // what Ruby says when it cannot read one; empty if it can
	context map[string]string
	named   bool // Ruby names the KMS key on reading
}

// rubyRows is the fixed list, with what cannot be.
var rubyRows = []rubyRow{
	{key: "AES", client: "v1", suite: envelope.V1, alg: wrap.AESECB},
	{key: "AES", client: "v1", suite: envelope.V2GCM, alg: wrap.AESGCM, noWrite: onlyCBC},
	{key: "AES", client: "v1", suite: envelope.V2CBC, alg: wrap.AESGCM, noWrite: onlyCBC, noRead: noCEKAlg},
	{key: "AES", client: "v1", suite: envelope.V2CBC, alg: wrap.AESKW, noWrite: onlyCBC, noRead: noWrapAlg},
	{key: "AES", client: "v1", suite: envelope.V3, alg: wrap.AESGCM, noWrite: onlyCBC, noRead: noV3},
	{key: "AES", client: "v2", suite: envelope.V2GCM, alg: wrap.AESGCM},
	{key: "AES", client: "v2", suite: envelope.V2GCM, alg: wrap.AESKW, noWrite: onlyGCM, noRead: noWrapAlg},
	{key: "AES", client: "v2", suite: envelope.V1, alg: wrap.AESECB, noWrite: onlyGCM, noRead: noLegacy},
	{key: "AES", client: "v2", suite: envelope.V3, alg: wrap.AESGCM, noWrite: onlyGCM, noRead: noV3},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V1, alg: wrap.AESECB, noWrite: onlyGCM},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.AESGCM},

	{key: "RSA", client: "v1", suite: envelope.V1, alg: wrap.RSAPKCS1},
	{key: "RSA", client: "v1", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1, noWrite: onlyCBC},
	{key: "RSA", client: "v1", suite: envelope.V2CBC, alg: wrap.RSAOAEPSHA1, noWrite: onlyCBC, noRead: noCEKAlg},
	{key: "RSA", client: "v2", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1},
	{key: "RSA", client: "v2", suite: envelope.V1, alg: wrap.RSAPKCS1, noWrite: onlyGCM, noRead: noLegacy},
	{key: "RSA", client: "v2", suite: envelope.V3, alg: wrap.RSAOAEPSHA1, noWrite: onlyGCM, noRead: noV3},
	{key: "RSA", client: "v2_and_legacy", suite: envelope.V1, alg: wrap.RSAPKCS1, noWrite: onlyGCM},
	{key: "RSA", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1},

	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSPlain, noWrite: onlyCBC},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSContext, noWrite: onlyCBC},
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSContext, noWrite: onlyCBC},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: map[string]string{"user": "alice"}},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, named: true, noRead: noKMSKeyID},
	{key: "KMS", client: "v2", suite: envelope.V2CBC, alg: wrap.KMSPlain, noWrite: onlyGCM, noRead: noLegacy},
	{key: "KMS", client: "v2", suite: envelope.V3, alg: wrap.KMSContext, noWrite: onlyGCM, noRead: noV3},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.KMSPlain, noWrite: onlyGCM},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.KMSContext},
}

func (r *rubyRow) String() string {
	name := fmt.Sprintf("key=%s,client=%s,format=%v,wrap=%v", r.key, r.client, r.suite, strings.ReplaceAll(r.alg.String(), "/", "-"))
	if r.context != nil {
		name += ",context"
	}
	if r.named {
		name += ",named"
	}
	return name
}

// matDesc is what we describe an object of the row with.
func (r *rubyRow) matDesc() map[string]string {
	if r.alg == wrap.KMSPlain {
		return map[string]string{"kms_cmk_id": kmsKeyID}
	}
	return r.context
}

// A rubyMatrix is what all rows share on one server.
type rubyMatrix struct {
	srv    *s3test.Server
	ruby   *ruby
	bucket string
	kms    *localkms.KMS
	keys   map[wrap.Algorithm]wrap.Key
	asRuby map[string]rubyRequest // by kind of key
}

func newRubyMatrix(t *testing.T, srv *s3test.Server) *rubyMatrix {
	t.Helper()
	kms := localkms.New()
	for _, id := range []string{kmsKeyID, otherKMSKey} {
		if err := kms.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(kms.Handler())
	t.Cleanup(server.Close)
	m := &rubyMatrix{srv: srv, kms: kms, ruby: startRuby(t, srv, "KMS_ENDPOINT="+server.URL), bucket: srv.NewBucket(t)}
	m.addKeys(t)
	return m
}

func (m *rubyMatrix) addKeys(t *testing.T) {
	t.Helper()
	local := rubyKeys(t)
	m.asRuby = map[string]rubyRequest{"AES": {AES: local[0].aes}, "RSA": {PEM: local[1].pem}, "KMS": {KMS: kmsKeyID}}
	modern, err := wrap.NewKMS(m.kms, kmsKeyID)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := legacy.NewKMSPlain(m.kms, kmsKeyID)
	if err != nil {
		t.Fatal(err)
	}
	kek := make([]byte, 32) // of no use to Ruby, which refuses the wrap by its name
	rand.Read(kek)
	kw, err := wrap.NewAESKeyWrap(kek)
	if err != nil {
		t.Fatal(err)
	}
	m.keys = make(map[wrap.Algorithm]wrap.Key)
	for _, k := range []wrap.Key{local[0].modern, local[0].v1, local[1].modern, local[1].v1, modern, plain, kw} {
		m.keys[k.Algorithm()] = k
	}
}

// request is Ruby's side of a row.
func (m *rubyMatrix) request(r *rubyRow, location string) rubyRequest {
	req := m.asRuby[r.key]
	req.Client, req.Bucket, req.Location = r.client, m.bucket, location
	req.Context, req.Named = r.context, r.named
	return req
}

// open is our side of a row.
func (m *rubyMatrix) open(t *testing.T, r *rubyRow, location string) *backend.Bucket {
	t.Helper()
	driver, err := s3.New(m.srv.Client(t), m.bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := m.keys[r.alg]
	return backend.NewBucket(driver, key, key, &backend.Options{
		Seal:            envelope.SealOptions{Suite: r.suite, MatDesc: r.matDesc()},
		Open:            envelope.EncryptionOnly().Open,
		InstructionFile: location == "instruction_file",
	})
}

// TestRubyMatrix runs every row on every server with the envelope in both
// places. What Ruby cannot do is asked of it all the same, and then skipped
// with its own words.
func TestRubyMatrix(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		m := newRubyMatrix(t, srv)
		for _, location := range []string{"metadata", "instruction_file"} {
			for _, row := range rubyRows {
				name := fmt.Sprintf("envelope=%s,%v", location, &row)
				t.Run(name+"/ours", func(t *testing.T) { m.testOurs(t, &row, location) })
				t.Run(name+"/theirs", func(t *testing.T) { m.testTheirs(t, &row, location) })
			}
		}
	})
}

func (m *rubyMatrix) testOurs(t *testing.T, r *rubyRow, location string) {
	b, req := m.open(t, r, location), m.request(r, location)
	for _, size := range matrixSizes {
		want := make([]byte, size)
		rand.Read(want)
		req.Op, req.Key, req.File = "get", objectKey(t, size), filepath.Join(t.TempDir(), "out")
		info, err := b.Put(t.Context(), req.Key, bytes.NewReader(want), int64(size), nil)
		if err != nil {
			t.Fatalf("Put of %d bytes: %v", size, err)
		}
		checkEnvelope(t, info, r, location)
		switch msg := m.ruby.do(t, req); {
		case msg != "" && r.noRead != "" && strings.Contains(msg, r.noRead):
			t.Skipf("Ruby cannot read it: %.200s", msg)
		case msg != "":
			t.Fatalf("Ruby cannot read our %d bytes: %s", size, msg)
		case r.noRead != "":
			t.Logf("this version of Ruby's client can read it after all")
		}
		got, err := os.ReadFile(req.File)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("Ruby read %d bytes that differ from the %d written", len(got), size)
		}
	}
}

func (m *rubyMatrix) testTheirs(t *testing.T, r *rubyRow, location string) {
	if r.noWrite != "" {
		t.Skipf("Ruby cannot write it: %s", r.noWrite)
	}
	b, req := m.open(t, r, location), m.request(r, location)
	for _, size := range matrixSizes {
		want := make([]byte, size)
		rand.Read(want)
		req.Key = objectKey(t, size)
		m.putTheirs(t, req, want)
		obj, err := b.Get(t.Context(), req.Key)
		if err != nil {
			t.Fatalf("Get of %d bytes: %v", size, err)
		}
		got, err := io.ReadAll(obj)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("we read %d bytes, %v, want the %d that Ruby wrote", len(got), err, size)
		}
		checkEnvelope(t, obj.Info(), r, location)
		obj.Close()
	}
}

func (m *rubyMatrix) putTheirs(t *testing.T, req rubyRequest, plain []byte) {
	t.Helper()
	req.Op, req.File = "put", filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(req.File, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	if msg := m.ruby.do(t, req); msg != "" {
		t.Fatalf("Ruby cannot write %d bytes: %s", len(plain), msg)
	}
}

// objectKey is another one for each test, so that nothing is overwritten.
func objectKey(t *testing.T, size int) string {
	return fmt.Sprintf("%s/%d", t.Name(), size)
}

// checkEnvelope makes sure that the row tested what it says.
func checkEnvelope(t *testing.T, info *backend.ObjectInfo, r *rubyRow, location string) {
	t.Helper()
	if got, want := info.InstructionFile != "", location == "instruction_file"; got != want {
		t.Errorf("envelope in %q, want it in %s", info.InstructionFile, location)
	}
	if info.Header == nil {
		t.Fatal("the object has no envelope")
	}
	if info.Header.Suite != r.suite {
		t.Errorf("format = %v, want %v", info.Header.Suite, r.suite)
	}
	if got := info.Header.Wrap; got != r.alg && !(r.suite == envelope.V1 && got == wrap.Unnamed) {
		t.Errorf("wrap = %v, want %v", got, r.alg)
	}
}

// TestRubyOtherKMSKey: what Ruby has sealed under another key of the same KMS,
// is not opened, and neither is ours by Ruby with another context. It proves that the matrix cannot pass by accident.
func TestRubyOtherKMSKey(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		m := newRubyMatrix(t, srv)
		row := &rubyRow{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: map[string]string{"user": "alice"}}
		b, req := m.open(t, row, "metadata"), m.request(row, "metadata")
		for _, client := range []string{"v1", "v2"} {
			row.alg = map[string]wrap.Algorithm{"v1": wrap.KMSPlain, "v2": wrap.KMSContext}[client]
			other := req
			other.Client, other.KMS, other.Key, other.Context = client, otherKMSKey, "other-"+client, nil
			m.putTheirs(t, other, []byte("secret"))
			if _, err := m.open(t, row, "metadata").Get(t.Context(), other.Key); !errors.Is(err, envelope.ErrDecrypt) {
				t.Errorf("Get of an object under %s = %v, want %v", otherKMSKey, err, envelope.ErrDecrypt)
			}
		}
		if _, err := b.Put(t.Context(), "ours", strings.NewReader("secret"), 6, nil); err != nil {
			t.Fatal(err)
		}
		req.Op, req.Key, req.File = "get", "ours", filepath.Join(t.TempDir(), "out")
		req.Context = map[string]string{"user": "bob"}
		if msg := m.ruby.do(t, req); !strings.Contains(msg, "encryption context") {
			t.Errorf("Ruby with another context = %q, want a refusal", msg)
		}
	})
}
