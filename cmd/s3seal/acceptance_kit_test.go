// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
)

// long returns how many of something a test has: all of them where there is time.
func long(few, all int) int {
	if os.Getenv("S3SEAL_LONG") == "1" {
		return all
	}
	return few
}

// An acceptance is a bucket on a real server, a KMS and keys, which commands in
// this process and in others find in the environment.
type acceptance struct {
	srv    *s3test.Server
	client *minio.Client
	bucket string
	keys   keySet
	old    []string // KEY arguments behind -k
	fresh  []string // of the other keys
	plain  map[string][]byte
}

func newAcceptance(t *testing.T) *acceptance {
	t.Helper()
	srv := s3test.MinIO(t)
	newKMS(t, "alias/a", "alias/b")
	for _, pair := range s3Env(srv) {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value)
		}
	}
	ks := newKeySet(t)
	return &acceptance{
		srv: srv, client: srv.Client(t), bucket: srv.NewBucket(t), keys: ks,
		old:   []string{"-k", ks.aes, "-k", ks.rsa, "-k", "kms:alias/a"},
		fresh: []string{"-k", ks.otherAES, "-k", ks.otherRSA, "-k", "kms:alias/b"},
		plain: make(map[string][]byte),
	}
}

// at is the address of a key or prefix.
func (a *acceptance) at(key string) string { return s3Scheme + a.bucket + "/" + key }

// content returns a plaintext that no other object has, and remembers it.
func (a *acceptance) content(key string) []byte {
	n := len(a.plain)
	data := make([]byte, []int{0, 1, 15, 16, 17, 1000, 5000, 70_000}[n%8]+n/8)
	rand.NewChaCha8(sha256.Sum256([]byte(key))).Read(data)
	a.plain[key] = data
	return data
}

// sums is a file as of sha256sum of what is under prefix, as if it were under
// another one.
func (a *acceptance) sums(t *testing.T, prefix, as string) string {
	t.Helper()
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(a.plain)) {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			fmt.Fprintf(&b, "%x  %s%s\n", sha256.Sum256(a.plain[key]), as, name)
		}
	}
	return writeFile(t, t.TempDir(), "sums", []byte(b.String()))
}

// wantOpen fails the test unless the keys open n objects under prefix, with the
// plaintexts of sums, and no others.
func (a *acceptance) wantOpen(t *testing.T, keys []string, prefix, sums string, n int) {
	t.Helper()
	args := slices.Concat([]string{"verify", "--accept", "legacy", "--json", "--against", sums}, keys, []string{a.at(prefix)})
	if s := summaryOf(t, cli(t, nil, args...).want(t, exitOK)); s.Done != int64(n) || s.Failed != 0 {
		t.Errorf("verify = %+v, want %d objects", s, n)
	}
}

// wantShut fails the test if the keys open any of n objects.
func (a *acceptance) wantShut(t *testing.T, keys []string, prefix, sums string, n int) {
	t.Helper()
	args := slices.Concat([]string{"verify", "--accept", "legacy", "--json", "--against", sums}, keys, []string{a.at(prefix)})
	r := cli(t, nil, args...)
	if s := summaryOf(t, r); r.code != exitPartly || s.Done != 0 || s.Failed != int64(n) {
		t.Errorf("verify = %+v, exit code %d, want that none of %d is opened", s, r.code, n)
	}
}

// put seals data as the command would and stores it with all that S3 keeps beside
// an object, which the command cannot say.
func (a *acceptance) put(t *testing.T, key, by, format, wrap string, data []byte) {
	t.Helper()
	app := &app{stderr: io.Discard, env: os.Getenv}
	keys, err := app.loadKeys([]text{text(by)}, "")
	if err != nil {
		t.Fatal(err)
	}
	seal, err := sealFlags{Format: format, Wrap: text(wrap)}.with(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	seal.options.Empty = len(data) == 0
	sealer, err := envelope.NewSealer(t.Context(), seal.wrapper, &seal.options)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sealer.Reader(bytes.NewReader(data))
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
	meta["owner"] = "somebody"
	_, err = a.client.PutObject(t.Context(), a.bucket, key, bytes.NewReader(body), int64(len(body)), headers(len(a.plain), meta))
	if err != nil {
		t.Fatal(err)
	}
}

// A snapshot is what is to stay of an object.
type snapshot struct {
	body  [sha256.Size]byte
	other string
}

// snapshots looks at all objects but instruction files, past s3seal.
func (a *acceptance) snapshots(t *testing.T) map[string]snapshot {
	t.Helper()
	var mu sync.Mutex
	all := make(map[string]snapshot)
	var wg sync.WaitGroup
	limit := make(chan struct{}, 8)
	for _, key := range a.srv.Objects(t, a.bucket) {
		if strings.HasSuffix(key, envelope.InstructionSuffix) {
			continue
		}
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			s, err := a.snapshot(t, key)
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all[key] = s
		})
	}
	wg.Wait()
	return all
}

func (a *acceptance) snapshot(t *testing.T, key string) (s snapshot, err error) {
	obj, err := a.client.GetObject(t.Context(), a.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return s, err
	}
	defer obj.Close()
	body, err := io.ReadAll(obj)
	if err != nil {
		return s, err
	}
	info, err := obj.Stat()
	if err != nil {
		return s, err
	}
	tags, err := a.client.GetObjectTagging(t.Context(), a.bucket, key, minio.GetObjectTaggingOptions{})
	if err != nil {
		return s, err
	}
	var lines []string
	for name, values := range info.Metadata {
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, "x-amz-meta-x-amz-"), strings.HasPrefix(lower, "x-amz-meta-s3seal-"):
		case slices.Contains([]string{"date", "last-modified", "etag", "x-amz-request-id", "x-amz-id-2", "x-ratelimit-limit", "x-ratelimit-remaining"}, lower):
		default:
			lines = append(lines, lower+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	lines = append(lines, "expires "+info.Expires.UTC().String(), "tags "+tags.String())
	return snapshot{sha256.Sum256(body), strings.Join(lines, "\n")}, nil
}

// wantSeen fails the test unless snapshots have what headers has put there: what
// they do not see they could not miss.
func wantSeen(t *testing.T, all map[string]snapshot) {
	t.Helper()
	for _, line := range []string{
		"content-type: text/x-3", "cache-control: max-age=", "content-disposition: attachment; filename=", "content-language: de, en",
		"content-encoding: x-own", "expires 2096", "x-amz-meta-owner: somebody", "x-amz-storage-class: REDUCED_REDUNDANCY", "tags a+b=c%2Bd&keep=",
	} {
		seen := false
		for _, s := range all {
			seen = seen || strings.Contains(s.other, line)
		}
		if !seen {
			t.Errorf("no object has %q", line)
		}
	}
}

// wantSame fails the test unless everything is as it was.
func wantSame(t *testing.T, before, after map[string]snapshot) {
	t.Helper()
	if len(before) != len(after) {
		t.Errorf("%d objects, want %d", len(after), len(before))
	}
	for key, b := range before {
		if a := after[key]; a.body != b.body {
			t.Errorf("%s: the body has changed", key)
		} else if a.other != b.other {
			t.Errorf("%s: beside the body there is\n%s\nwas\n%s", key, a.other, b.other)
		}
	}
}

// peerKey is a KEY argument as a peer takes it.
func peerKey(t *testing.T, arg string) (req s3test.PeerRequest) {
	t.Helper()
	scheme, path, _ := strings.Cut(arg, ":")
	switch scheme {
	case keyKMS:
		req.KMS = path
	case keyRSA:
		req.PEM = string(readFile(t, path))
	default:
		kek, err := parseAESKey(readFile(t, path), scheme)
		if err != nil {
			t.Fatal(err)
		}
		req.AES = base64.StdEncoding.EncodeToString(kek)
	}
	return req
}

const (
	rubyScript   = "../../backend/s3/testdata/s3ec.rb"
	s3cryptoHome = "../../backend/s3/s3crypto"
)

func kmsVar() string { return "KMS_ENDPOINT=" + os.Getenv("AWS_ENDPOINT_URL_KMS") }

// peerGet has a peer read an object. It returns what it said, or the plaintext.
func (a *acceptance) peerGet(t *testing.T, p *s3test.Peer, client, key, by string) (string, []byte) {
	t.Helper()
	req := peerKey(t, by)
	req.Op, req.Client, req.Bucket, req.Key = "get", client, a.bucket, key
	req.File = filepath.Join(t.TempDir(), "out")
	if msg := p.Do(t, req); msg != "" {
		return msg, nil
	}
	return "", readFile(t, req.File)
}
