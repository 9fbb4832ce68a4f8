// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A failingStorage holds one object. It fails requests that have a body, each from
// one time to four, and notes what it was sent.
type failingStorage struct {
	seed   uint64
	mu     sync.Mutex
	sent   map[string][]attempt
	parts  map[int][]byte
	body   []byte
	header http.Header // of the request that began the object
}

// An attempt is a request, or what was read of it.
type attempt struct {
	body []byte
	meta string
}

func (s *failingStorage) roundTrip(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := kind(req)
	switch k {
	case kindPut, kindPart, kindComplete:
	case kindParts:
		return answer(req, http.StatusOK, "<ListPartsResult></ListPartsResult>"), nil
	case kindStart:
		s.header = req.Header.Clone()
		return answer(req, http.StatusOK, startAnswer), nil
	default:
		return s.object(req), nil
	}
	id := k + " " + req.URL.RawQuery
	rng := s.random(id)
	failures := 1 + rng.IntN(4)
	whole, reset := true, false
	for range len(s.sent[id]) + 1 { // the same ones, in whatever order parts come
		whole, reset = rng.IntN(3) == 0, rng.IntN(2) == 0
	}
	fails := len(s.sent[id]) < failures
	body := io.Reader(req.Body)
	if fails && !whole {
		body = io.LimitReader(body, rng.Int64N(req.ContentLength+1))
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	s.sent[id] = append(s.sent[id], attempt{data, metadataOf(req.Header)})
	switch {
	case fails && reset:
		return nil, errLost
	case fails:
		return answer(req, http.StatusServiceUnavailable, slowDown), nil
	}
	return s.store(req, data), nil
}

func (s *failingStorage) random(id string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

// store carries out a request that does not fail.
func (s *failingStorage) store(req *http.Request, data []byte) *http.Response {
	if kind(req) == kindComplete {
		for n := range len(s.parts) {
			s.body = append(s.body, s.parts[n+1]...)
		}
		return answer(req, http.StatusOK, "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key><ETag>etag-1</ETag></CompleteMultipartUploadResult>")
	}
	if number, err := strconv.Atoi(req.URL.Query().Get("partNumber")); err == nil {
		s.parts[number] = data
	} else {
		s.body, s.header = data, req.Header.Clone()
	}
	resp := answer(req, http.StatusOK, "")
	resp.Header.Set("ETag", `"etag"`)
	return resp
}

// object answers a request to read the object.
func (s *failingStorage) object(req *http.Request) *http.Response {
	resp := answer(req, http.StatusOK, string(s.body))
	for name, values := range s.header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-meta-") {
			resp.Header[name] = values
		}
	}
	resp.Header.Set("ETag", `"etag"`)
	resp.Header.Set("Content-Length", strconv.Itoa(len(s.body)))
	resp.Header.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	return resp
}

// metadataOf returns the metadata in a request, in which keys and IVs are.
func metadataOf(h http.Header) string {
	var list []string
	for name, values := range h {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-meta-") {
			list = append(list, fmt.Sprintf("%s=%q", name, values))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// check fails the test unless all attempts at a request agree in all that was read
// of them, and each came more than once.
func (s *failingStorage) check(t *testing.T) {
	t.Helper()
	for id, attempts := range s.sent {
		last := attempts[len(attempts)-1]
		if len(attempts) < 2 {
			t.Errorf("seed %d: %s came once", s.seed, id)
		}
		for i, a := range attempts {
			if !bytes.HasPrefix(last.body, a.body) || a.meta != last.meta {
				t.Errorf("seed %d: %s: attempt %d of %d has another body or other metadata than the last", s.seed, id, i+1, len(attempts))
			}
		}
	}
}

// TestRetriesSendTheSameCiphertext: however often requests fail, and wherever in
// their bodies, a sealed object is sent as one ciphertext under one header. Another
// text under the same key stream would give both away.
func TestRetriesSendTheSameCiphertext(t *testing.T) {
	keys := sealings(t)
	keys[envelope.Chunked] = keys[envelope.V3]
	seeds := 100
	if long() {
		seeds = 1000
	}
	for seed := range seeds {
		for suite, key := range keys {
			synctest.Test(t, func(t *testing.T) { retrySealed(t, uint64(seed), suite, key) })
		}
	}
}

// retrySealed stores an object in one request or in parts, and reads it.
func retrySealed(t *testing.T, seed uint64, suite envelope.Suite, key wrap.Key) {
	const partSize = 5000
	s := &failingStorage{seed: seed, sent: make(map[string][]attempt), parts: make(map[int][]byte)}
	d := newDriver(t, offlineServer.ClientVia(t, chaosTransport{s.roundTrip, nil}), "bucket", smallParts)
	d.SetPartSize(partSize)
	opts := &backend.Options{Seal: envelope.SealOptions{Suite: suite}, Open: everything()}
	b := backend.NewBucket(d, key, key, opts)
	rng := s.random("")
	data := pattern(1 + rng.IntN([]int{partSize / 2, 4 * partSize}[rng.IntN(2)]))
	size := int64(len(data))
	if rng.IntN(2) == 0 {
		size = -1
	}
	if _, err := b.Put(t.Context(), "key", bytes.NewReader(data), size, nil); err != nil {
		t.Fatalf("seed %d, %v, %d bytes: Put = %v", seed, suite, len(data), err)
	}
	s.check(t)
	object, err := b.Get(t.Context(), "key")
	if err != nil {
		t.Fatalf("seed %d, %v, %d bytes: Get = %v", seed, suite, len(data), err)
	}
	got, err := io.ReadAll(object)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("seed %d, %v: read %d bytes, %v; want %d", seed, suite, len(got), err, len(data))
	}
	if err := object.Close(); err != nil {
		t.Error(err)
	}
}
