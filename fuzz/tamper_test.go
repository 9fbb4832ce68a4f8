// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	enveloped "github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/wrap"
)

// wantAltered is how many altered bodies, headers and keys TestTampered has to
// try at least in its long form.
const wantAltered = 500_000

// A sealedThing is authenticated: none but the true bytes may open.
type sealedThing struct {
	name  string
	plain []byte
	body  []byte
	open  func(body []byte) (released []byte, err error)

	// pieces says that it is released in pieces, each of which was verified.
	pieces bool
}

// judge opens what was altered, and counts what has come out of it unverified.
func (s *sealedThing) judge(body []byte) (released int, err error) {
	got, err := s.open(body)
	switch {
	case err == nil:
		return len(got), errors.New("was accepted")
	case !errors.Is(err, stream.ErrDecrypt) && !errors.Is(err, wrap.ErrUnwrap):
		return len(got), fmt.Errorf("another error than that of all alterations: %w", err)
	case s.pieces && bytes.HasPrefix(s.plain, got):
		return 0, nil
	case len(got) > 0:
		return len(got), fmt.Errorf("%d bytes were released", len(got))
	}
	return 0, nil
}

// TestTampered cuts everything that is authenticated after every byte, and flips
// every bit of it, for the sizes around all edges of blocks and pages: nothing is
// accepted, and no byte is released that was not verified. Bodies of several
// chunks, where that would take hours, are cut and flipped at places that are a
// prime number of bytes apart. The long form is for builds without the race
// detector.
func TestTampered(t *testing.T) {
	long := os.Getenv("S3SEAL_LONG") == "1" && !race.Enabled
	all := sealedThings(t, long)
	var tried, accepted, released atomic.Int64
	var wg sync.WaitGroup
	next := make(chan sealedThing)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for s := range next {
				s.alterAll(stepFor(len(s.body), long), func(what string, at int, body []byte) {
					tried.Add(1)
					n, err := s.judge(body)
					released.Add(int64(n))
					if err != nil && accepted.Add(1) <= 20 {
						t.Errorf("%s of %d bytes, %s %d: %v", s.name, len(s.plain), what, at, err)
					}
				})
			}
		})
	}
	for _, s := range all {
		if got, err := s.open(s.body); err != nil || !bytes.Equal(got, s.plain) {
			t.Errorf("%s: as it was: %d bytes, %v, want %d", s.name, len(got), err, len(s.plain))
		}
		next <- s
	}
	close(next)
	wg.Wait()
	t.Logf("%d altered, %d not rejected as they should, %d bytes released unverified", tried.Load(), accepted.Load(), released.Load())
	if n := accepted.Load(); n > 20 {
		t.Errorf("and %d more", n-20)
	}
	if want := wantAltered; long && tried.Load() < int64(want) {
		t.Errorf("%d altered, want at least %d", tried.Load(), want)
	}
}

// stepFor is 1 where everything is tried.
func stepFor(size int, long bool) int {
	switch {
	case size > 10_000 && long:
		return 61
	case size > 10_000:
		return 8009
	case size > 100 && race.Enabled:
		return 499
	case size > 100 && !long:
		return 97
	}
	return 1
}

// alterAll calls try with each altered body, which it must not keep.
func (s *sealedThing) alterAll(step int, try func(what string, at int, body []byte)) {
	for n := 0; n < len(s.body); n += step {
		try("cut at", n, s.body[:n:n])
	}
	body := bytes.Clone(s.body)
	for bit := 0; bit < 8*len(body); bit += step {
		body[bit/8] ^= 1 << (bit % 8)
		try("bit", bit, body)
		body[bit/8] ^= 1 << (bit % 8)
	}
}

// tamperSizes lie around the edges of blocks and pages, and then of chunks and
// packages.
func tamperSizes(long bool) []int {
	sizes := []int{0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097}
	if !long {
		return append(sizes, 16385, 65537)
	}
	return append(sizes, 16383, 16384, 16385, 65535, 65536, 65537)
}

func sealedThings(t *testing.T, long bool) (all []sealedThing) {
	for _, n := range tamperSizes(long) {
		plain := pattern(uint32(n))
		all = append(all, ofGCM(t, plain), ofChunked(t, plain))
		if n > 0 {
			all = append(all, ofDARE(t, plain))
		}
		for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.Chunked, enveloped.DARE2} {
			if n > 0 || suite != enveloped.DARE2 {
				all = append(all, ofObject(t, suite, plain)...)
			}
		}
	}
	return append(all, ofWraps(t)...)
}

func ofGCM(t *testing.T, plain []byte) sealedThing {
	aad := []byte("additional")
	return sealedThing{
		name: "GCM", plain: plain, body: newAEAD(t, testKey).Seal(nil, testIV[:12], plain, aad),
		open: func(body []byte) ([]byte, error) {
			r, err := stream.NewGCMDecryptReader(bytes.NewReader(body), testKey, testIV[:12], aad, 1<<20)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
	}
}

func ofChunked(t *testing.T, plain []byte) sealedThing {
	context := []byte("a context")
	var body bytes.Buffer
	writeAll(t, must[*chunked.EncryptWriter](t)(chunked.NewEncryptWriter(&body, testKey, context)), plain, nil)
	return sealedThing{
		name: "chunked", plain: plain, body: body.Bytes(), pieces: true,
		open: func(body []byte) ([]byte, error) {
			r, err := chunked.NewDecryptReader(bytes.NewReader(body), testKey, context)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
	}
}

func ofDARE(t *testing.T, plain []byte) sealedThing {
	var body bytes.Buffer
	writeAll(t, must[*dare.EncryptWriter](t)(dare.NewEncryptWriter(&body, testKey)), plain, nil)
	return sealedThing{
		name: "DARE", plain: plain, body: body.Bytes(), pieces: true,
		open: func(body []byte) ([]byte, error) {
			r, err := dare.NewDecryptReader(bytes.NewReader(body), testKey)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
	}
}

// ofObject is the body of an object, and each value of its metadata that is
// there to be verified.
func ofObject(t *testing.T, suite envelope.Suite, plain []byte) (all []sealedThing) {
	key := must[wrap.Key](t)(wrap.NewAESGCM(testKey))
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, &envelope.SealOptions{Suite: suite}))
	body := must[[]byte](t)(io.ReadAll(must[io.Reader](t)(s.Reader(bytes.NewReader(plain)))))
	opts := s.Header().Required()
	opts.ExtraSuites = []envelope.Suite{enveloped.DARE2}
	pieces := suite == envelope.Chunked || suite == enveloped.DARE2
	opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), s.Header(), key, &opts))
	read := func(o *envelope.Opener, body []byte) ([]byte, error) {
		r, err := o.Reader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	all = append(all, sealedThing{
		name: suite.String(), plain: plain, body: body, pieces: pieces,
		open: func(body []byte) ([]byte, error) { return read(opener, body) },
	})
	if len(plain) > 4097 {
		return all
	}
	meta := must[map[string]string](t)(s.Header().Metadata())
	for _, name := range []string{"x-amz-3", "x-amz-i", "x-amz-d", "x-amz-key-v2", "x-amz-iv", "s3seal-key", "s3seal-salt"} {
		if meta[name] == "" {
			continue
		}
		all = append(all, sealedThing{
			name: suite.String() + " " + name, plain: plain, pieces: pieces,
			body: must[[]byte](t)(base64.StdEncoding.DecodeString(meta[name])),
			open: func(value []byte) ([]byte, error) {
				changed := maps.Clone(meta)
				changed[name] = base64.StdEncoding.EncodeToString(value)
				h, err := envelope.ParseHeader(changed, enveloped.DARE2)
				if err != nil {
					return nil, stream.ErrDecrypt // of a length that cannot be, as all can see
				}
				o, err := envelope.NewOpener(t.Context(), h, key, &opts)
				if err != nil {
					return nil, err
				}
				return read(o, body)
			},
		})
	}
	return all
}

// ofWraps are wrapped keys by themselves.
func ofWraps(t *testing.T) (all []sealedThing) {
	info := wrap.Info{ContentAlg: "AES/GCM/NoPadding"}
	for _, n := range []int{16, 24, 32} {
		for _, key := range []wrap.Key{must[wrap.Key](t)(wrap.NewAESGCM(testKey)), must[wrap.Key](t)(wrap.NewAESKeyWrap(testKey))} {
			cek := pattern(uint32(n))
			all = append(all, sealedThing{
				name: key.Algorithm().String(), plain: cek, body: must[[]byte](t)(key.Wrap(t.Context(), cek, info)),
				open: func(wrapped []byte) ([]byte, error) {
					return key.Unwrap(t.Context(), key.Algorithm(), wrapped, info)
				},
			})
		}
	}
	return all
}
