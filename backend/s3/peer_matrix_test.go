// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

const (
	kmsKeyID    = "alias/interop"
	otherKMSKey = "alias/other"
)

// Where an envelope may be.
const (
	inMetadata = "metadata"
	inFile     = "instruction_file"
)

// The sizes of objects. All of them cross the block and the buffers of both
// sides; the largest is two parts of ours, and goes through a file of theirs.
var (
	fewSizes = []int{0, 17, 4101}
	allSizes = []int{0, 1, 15, 16, 17, 4101, mib + 1, 5*mib + 3}
)

// Descriptions of objects. What is not ASCII goes into a header as it is or with
// escapes, and comes out as the server likes.
var (
	alice    = map[string]string{"user": "alice"}
	notASCII = map[string]string{"ü": "é漢 <&>"}
)

// A peerRow is one configuration: a client of other people, and a format of ours.
type peerRow struct {
	key    string // name of the kind of key
	client string // theirs
	suite  envelope.Suite
	alg    wrap.Algorithm

	cek     string // how they name the content algorithm, if we never do
	all     bool   // test allSizes, unless the envelope is apart from the body
	noWrite string // why they never make such an object; empty if they do
	refusal string // what they say when they are asked to make one; empty if they do
	noRead  string // what they say when they cannot read one; empty if they can
	context map[string]string
	named   bool // they name the KMS key on reading
}

func (r *peerRow) String() string {
	var name strings.Builder
	fmt.Fprintf(&name, "key=%s,client=%s,format=%v,wrap=%v", r.key, r.client, r.suite, strings.ReplaceAll(r.alg.String(), "/", "-"))
	if r.cek != "" {
		name.WriteString(",cek=" + strings.ReplaceAll(r.cek, "/", "-"))
	}
	for _, key := range slices.Sorted(maps.Keys(r.context)) {
		name.WriteString(",context=" + key)
	}
	if r.named {
		name.WriteString(",named")
	}
	return name.String()
}

// sizes are those to test of a row. What the size of an object meets is the other
// client; a second server shows nothing more, and waits for a long run.
func (r *peerRow) sizes(srv *s3test.Server, location string) []int {
	if r.all && location == inMetadata && (srv.Name == "minio" || long()) {
		return allSizes
	}
	return fewSizes
}

// matDesc is what we describe an object of the row with.
func (r *peerRow) matDesc() map[string]string {
	if r.alg != wrap.KMSPlain {
		return r.context
	}
	desc := map[string]string{"kms_cmk_id": kmsKeyID}
	maps.Copy(desc, r.context)
	return desc
}

// accept is the smallest set of options that must open an object of the row.
func (r *peerRow) accept() envelope.OpenOptions {
	modern := []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext}
	return envelope.OpenOptions{
		AllowUncommitted: r.suite != envelope.V3,
		AllowLegacyWraps: !slices.Contains(modern, r.alg),
		AllowLegacyCBC:   r.suite == envelope.V1 || r.suite == envelope.V2CBC,
	}
}

// tooStrict returns accept without one of its options, by the name of that.
func (r *peerRow) tooStrict() map[string]envelope.OpenOptions {
	sets := make(map[string]envelope.OpenOptions)
	if o := r.accept(); o.AllowUncommitted {
		o.AllowUncommitted = false
		sets["AllowUncommitted"] = o
	}
	if o := r.accept(); o.AllowLegacyWraps {
		o.AllowLegacyWraps = false
		sets["AllowLegacyWraps"] = o
	}
	if o := r.accept(); o.AllowLegacyCBC {
		o.AllowLegacyCBC = false
		sets["AllowLegacyCBC"] = o
	}
	return sets
}

// content is the name of the row's content algorithm in an envelope.
func (r *peerRow) content() string {
	switch {
	case r.cek != "":
		return r.cek
	case r.suite == envelope.V2CBC:
		return "AES/CBC/PKCS5Padding"
	case r.suite == envelope.V2GCM:
		return "AES/GCM/NoPadding"
	}
	return r.suite.String()
}

// A peerMatrix is what all rows share on one server.
type peerMatrix struct {
	srv    *s3test.Server
	peer   *peer
	bucket string
	dir    string // for what is on its way
	kms    *localkms.KMS
	keys   map[string]map[wrap.Algorithm]wrap.Key // ours, by kind
	theirs map[string]peerRequest                 // the same
}

// A starter starts a peer.
type starter func(t *testing.T, srv *s3test.Server, env ...string) *peer

func newPeerMatrix(t *testing.T, srv *s3test.Server, start starter) *peerMatrix {
	t.Helper()
	kms := localkms.New()
	for _, id := range []string{kmsKeyID, otherKMSKey} {
		if err := kms.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(kms.Handler())
	t.Cleanup(server.Close)
	m := &peerMatrix{
		srv:    srv,
		peer:   start(t, srv, "KMS_ENDPOINT="+server.URL),
		bucket: srv.NewBucket(t),
		dir:    t.TempDir(),
		kms:    kms,
		keys:   make(map[string]map[wrap.Algorithm]wrap.Key),
		theirs: make(map[string]peerRequest),
	}
	m.addKeys(t)
	return m
}

func (m *peerMatrix) addKeys(t *testing.T) {
	t.Helper()
	modern, err := wrap.NewKMS(m.kms, kmsKeyID)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := legacy.NewKMSPlain(m.kms, kmsKeyID)
	if err != nil {
		t.Fatal(err)
	}
	m.addKey("KMS", peerRequest{KMS: kmsKeyID}, modern, plain)
	for _, k := range localKeys(t) {
		m.addKey(k.name, peerRequest{AES: k.aes, PEM: k.pem}, k.modern, k.v1)
	}
	kek := make([]byte, 32) // of no use to a peer: those here refuse the wrap by its name
	rand.Read(kek)
	kw, err := wrap.NewAESKeyWrap(kek)
	if err != nil {
		t.Fatal(err)
	}
	m.keys["AES"][kw.Algorithm()] = kw
}

func (m *peerMatrix) addKey(name string, theirs peerRequest, ours ...wrap.Key) {
	m.theirs[name] = theirs
	m.keys[name] = make(map[wrap.Algorithm]wrap.Key)
	for _, k := range ours {
		m.keys[name][k.Algorithm()] = k
	}
}

// request is their side of a row.
func (m *peerMatrix) request(r *peerRow, location string) peerRequest {
	req := m.theirs[r.key]
	req.Client, req.Bucket, req.Location = r.client, m.bucket, location
	req.Content, req.Wrap = r.content(), r.alg.String()
	req.Context, req.Named = r.context, r.named
	return req
}

// open is our side of a row.
func (m *peerMatrix) open(t *testing.T, r *peerRow, location string, accept envelope.OpenOptions) *backend.Bucket {
	t.Helper()
	driver, err := s3.New(m.srv.Client(t), m.bucket, smallParts)
	if err != nil {
		t.Fatal(err)
	}
	key := m.keys[r.key][r.alg]
	return backend.NewBucket(driver, key, key, &backend.Options{
		Seal:            envelope.SealOptions{Suite: r.suite, MatDesc: r.matDesc()},
		Open:            accept,
		InstructionFile: location == inFile,
	})
}

// run runs every row in both directions, with the envelope in both places. What
// they cannot do is asked of them all the same, and then skipped with their own
// words.
func (m *peerMatrix) run(t *testing.T, rows []peerRow) {
	t.Parallel() // with other servers: most of the time one side waits for the other
	for _, location := range []string{inMetadata, inFile} {
		for _, row := range rows {
			name := fmt.Sprintf("envelope=%s,%v", location, &row)
			t.Run(name+"/ours", func(t *testing.T) { m.testOurs(t, &row, location) })
			t.Run(name+"/theirs", func(t *testing.T) { m.testTheirs(t, &row, location) })
		}
	}
}

func (m *peerMatrix) testOurs(t *testing.T, r *peerRow, location string) {
	if r.cek != "" {
		t.Skipf("we never write the name %s", r.cek)
	}
	b, req := m.open(t, r, location, r.accept()), m.request(r, location)
	for _, size := range r.sizes(m.srv, location) {
		want := make([]byte, size)
		rand.Read(want)
		req.Key = objectKey(t, size)
		info, err := b.Put(t.Context(), req.Key, bytes.NewReader(want), int64(size), nil)
		if err != nil {
			t.Fatalf("Put of %d bytes: %v", size, err)
		}
		checkEnvelope(t, info, r, location)
		if r.noRead != "" {
			m.wantNoRead(t, req, r.noRead)
		}
		m.wantTheyRead(t, req, want)
	}
	req.Location = "" // they find it by themselves
	if msg := m.get(t, &req); msg != "" {
		t.Errorf("%s does not find the envelope in the %s: %s", m.peer.Name, location, msg)
	}
}

// wantNoRead skips the test once they have refused to read an object, whether
// they were told where its envelope is or not.
func (m *peerMatrix) wantNoRead(t *testing.T, req peerRequest, want string) {
	t.Helper()
	msg := m.get(t, &req)
	req.Location = ""
	alone := m.get(t, &req)
	switch {
	case strings.Contains(msg, want) && alone != "":
		t.Skipf("%s cannot read it: %.200s", m.peer.Name, msg)
	case msg != "":
		t.Fatalf("%s = %q, and %q by itself, want %q in it", m.peer.Name, msg, alone, want)
	case m.peer.Pinned:
		t.Errorf("%s can read it after all, want %q", m.peer.Name, want)
	default:
		t.Logf("this version of %s can read it after all", m.peer.Name)
	}
}

func (m *peerMatrix) wantTheyRead(t *testing.T, req peerRequest, want []byte) {
	t.Helper()
	if msg := m.get(t, &req); msg != "" {
		t.Fatalf("%s cannot read our %d bytes: %s", m.peer.Name, len(want), msg)
	}
	got, err := os.ReadFile(req.File)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s read %d bytes that differ from the %d written", m.peer.Name, len(got), len(want))
	}
}

func (m *peerMatrix) get(t *testing.T, req *peerRequest) string {
	t.Helper()
	req.Op, req.File = "get", filepath.Join(m.dir, "out")
	if err := os.Remove(req.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return m.peer.Do(t, *req)
}

func (m *peerMatrix) testTheirs(t *testing.T, r *peerRow, location string) {
	req := m.request(r, location)
	if r.noWrite != "" {
		t.Skipf("%s cannot write it: %s", m.peer.Name, r.noWrite)
	}
	if r.refusal != "" {
		m.wantNoWrite(t, req, r.refusal)
	}
	b := m.open(t, r, location, r.accept())
	for _, size := range r.sizes(m.srv, location) {
		want := make([]byte, size)
		rand.Read(want)
		req.Key = objectKey(t, size)
		if msg := m.put(t, req, want); msg != "" {
			t.Fatalf("%s cannot write %d bytes: %s", m.peer.Name, size, msg)
		}
		obj, err := b.Get(t.Context(), req.Key)
		if err != nil {
			t.Fatalf("Get of %d bytes: %v", size, err)
		}
		got, err := io.ReadAll(obj)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("we read %d bytes, %v, want the %d that %s wrote", len(got), err, size, m.peer.Name)
		}
		checkEnvelope(t, obj.Info(), r, location)
		obj.Close()
	}
	for option, accept := range r.tooStrict() {
		if _, err := m.open(t, r, location, accept).Get(t.Context(), req.Key); !errors.Is(err, envelope.ErrPolicy) {
			t.Errorf("Get without %s = %v, want %v", option, err, envelope.ErrPolicy)
		}
	}
}

// wantNoWrite ends the test: they must refuse to write.
func (m *peerMatrix) wantNoWrite(t *testing.T, req peerRequest, want string) {
	t.Helper()
	req.Key = objectKey(t, 0)
	msg := m.put(t, req, nil)
	if !strings.Contains(msg, want) {
		t.Fatalf("%s = %q, want %q in it", m.peer.Name, msg, want)
	}
	t.Skipf("%s cannot write it: %.200s", m.peer.Name, msg)
}

func (m *peerMatrix) put(t *testing.T, req peerRequest, plain []byte) string {
	t.Helper()
	req.Op, req.File = "put", filepath.Join(m.dir, "in")
	if err := os.WriteFile(req.File, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	return m.peer.Do(t, req)
}

// testTheirOtherKey: what they sealed under another key of the same KMS is not
// opened.
func (m *peerMatrix) testTheirOtherKey(t *testing.T, r *peerRow) {
	t.Helper()
	req := m.request(r, inMetadata)
	req.KMS, req.Key = otherKMSKey, "other-"+r.client
	if msg := m.put(t, req, []byte("secret")); msg != "" {
		t.Fatalf("%s cannot write: %s", m.peer.Name, msg)
	}
	if _, err := m.open(t, r, inMetadata, r.accept()).Get(t.Context(), req.Key); !errors.Is(err, envelope.ErrDecrypt) {
		t.Errorf("Get of an object under %s = %v, want %v", otherKMSKey, err, envelope.ErrDecrypt)
	}
}

// testOurOtherKey: they open what we sealed, but not once their request was
// changed.
func (m *peerMatrix) testOurOtherKey(t *testing.T, r *peerRow, want string, change func(*peerRequest)) {
	t.Helper()
	b, req := m.open(t, r, inMetadata, r.accept()), m.request(r, inMetadata)
	req.Key = "ours-" + r.key
	if _, err := b.Put(t.Context(), req.Key, strings.NewReader("secret"), 6, nil); err != nil {
		t.Fatal(err)
	}
	m.wantTheyRead(t, req, []byte("secret"))
	change(&req)
	if msg := m.get(t, &req); !strings.Contains(msg, want) {
		t.Errorf("%s = %q, want %q in it", m.peer.Name, msg, want)
	}
}

// objectKey is another one for each test, so that nothing is overwritten.
func objectKey(t *testing.T, size int) string {
	return fmt.Sprintf("%s/%d", t.Name(), size)
}

// checkEnvelope makes sure that the row tested what it says.
func checkEnvelope(t *testing.T, info *backend.ObjectInfo, r *peerRow, location string) {
	t.Helper()
	if got, want := info.InstructionFile != "", location == inFile; got != want {
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
