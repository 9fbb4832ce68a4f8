// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// The sizes of objects of one request, and of two parts.
const (
	flipSmall = 1000
	flipLarge = 8*mib + 1000
	flipRead  = 201_000 // of which parts are read
)

// long says that tests may take their time.
func long() bool { return os.Getenv("S3SEAL_LONG") == "1" }

// A flipping test has objects in one bucket of one server, and alters bits
// between that and its clients.
type flipping struct {
	srv    *s3test.Server
	bucket string
	suite  envelope.Suite
	key    wrap.Key
	random *rand.Rand
	part   int64 // of downloads, or 0
}

// eachFlipping runs f for each suite on each server.
func eachFlipping(t *testing.T, f func(t *testing.T, fl *flipping)) {
	t.Helper()
	keys := sealings(t)
	keys[envelope.Chunked], keys[dare.DARE2] = keys[envelope.V3], keys[envelope.V3]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for suite, key := range keys {
			t.Run(suite.String(), func(t *testing.T) {
				f(t, &flipping{srv: srv, bucket: srv.NewBucket(t), suite: suite, key: key, random: rand.New(rand.NewPCG(seed, 0))})
			})
		}
	})
}

// objects returns a bucket of s3seal over the server at addr.
func (fl *flipping) objects(t *testing.T, addr string, opts *s3.Options) *backend.Bucket {
	t.Helper()
	transport, err := fl.srv.Transport()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections) // else they end in the middle of later tests
	via := fl.srv.Options()
	via.Transport = transport
	client, err := minio.New(addr, via)
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, client, fl.bucket, opts)
	open := everything()
	open.ExtraSuites = []envelope.Suite{dare.DARE2}
	return backend.NewBucket(d, fl.key, fl.key, &backend.Options{
		Seal: envelope.SealOptions{Suite: fl.suite}, Open: open, Download: backend.DownloadOptions{PartSize: fl.part},
	})
}

// through returns the same over a network that alters a bit.
func (fl *flipping) through(t *testing.T, f backendtest.Flip, opts *s3.Options) (*backend.Bucket, *backendtest.FlipProxy) {
	t.Helper()
	f.Bit = uint(fl.random.IntN(8))
	p := backendtest.NewFlipProxy(t, fl.srv.Endpoint, f)
	return fl.objects(t, p.Addr(), opts), p
}

// put stores the pattern under k, undisturbed.
func (fl *flipping) put(t *testing.T, n int) *backend.ObjectInfo {
	t.Helper()
	info, err := fl.objects(t, fl.srv.Endpoint, nil).Put(t.Context(), "k", bytes.NewReader(pattern(n)), -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// bodyOf are the markers that lead to the body of a request.
func (fl *flipping) bodyOf(what string) []string { return []string{what, "\r\n\r\n"} }

// TestFlipUploads: no server stores what was altered on its way, be it all of an
// object or a part of it, by the SHA-256 in the signature alone as well.
func TestFlipUploads(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		put := "put /" + fl.bucket + "/k"
		part := func(number int) string { return fmt.Sprintf("%s?partnumber=%d&", put, number) }
		for _, noChecksum := range []bool{false, true} {
			for _, c := range []struct {
				what     string
				size, at int
			}{
				{put, flipSmall, 0},
				{put, flipSmall, fl.random.IntN(flipSmall)},
				{put, flipSmall, flipSmall - 1},
				{part(1), flipLarge, fl.random.IntN(5 * mib)},
				{part(2), flipLarge, fl.random.IntN(1000)},
			} {
				if fl.suite != envelope.V3 && (noChecksum || c.size == flipLarge && !long()) {
					continue // it has little to do with suites
				}
				opts := &s3.Options{PartSize: 5 * mib, Concurrency: 1, NoChecksum: noChecksum}
				b, p := fl.through(t, backendtest.Flip{After: fl.bodyOf(c.what), Offset: int64(c.at)}, opts)
				_, err := b.Put(t.Context(), "k", bytes.NewReader(pattern(c.size)), -1, nil)
				fl.refused(t, fmt.Sprintf("%s, byte %d", c.what, c.at), p, err)
			}
		}
	})
}

// refused fails the test unless the server has refused what it got, which was
// altered, and has nothing.
func (fl *flipping) refused(t *testing.T, what string, p *backendtest.FlipProxy, err error) {
	t.Helper()
	var response minio.ErrorResponse
	if p.Flips() == 0 || !errors.As(err, &response) || response.StatusCode < 400 || response.StatusCode > 499 {
		t.Errorf("%s, %d bits altered: Put = %v (%s, status %d), want that the server refuses it", what, p.Flips(), err, response.Code, response.StatusCode)
	}
	wantObjects(t, fl.srv, fl.bucket)
}

// TestFlipUploadedFields: fields are signed, those of the envelope among them.
func TestFlipUploadedFields(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		put, start := "put /"+fl.bucket+"/k", "post /"+fl.bucket+"/k?uploads"
		meta := fl.put(t, 10).Metadata
		if err := fl.objects(t, fl.srv.Endpoint, nil).Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		for what, n := range map[string]int{put: flipSmall, start: flipLarge} {
			if n == flipLarge && fl.suite != envelope.V3 && !long() {
				continue
			}
			for name, value := range meta {
				field := "x-amz-meta-" + name + ": "
				fl.refuseField(t, what, field, fl.random.IntN(max(len(value), 1)), n)
			}
			fl.refuseField(t, what, "x-amz-date: ", 3, n)
			fl.refuseField(t, what, "content-type: ", 2, n)
		}
		fl.refuseField(t, put, "x-amz-content-sha256: ", 5, flipSmall)
		fl.refuseField(t, put, "x-amz-checksum-crc32c: ", 2, flipSmall)
		fl.refuseField(t, put, "signature=", 7, flipSmall)
	})
}

// refuseField alters the lowest bit of a byte of a field, which is a letter or
// digit still.
func (fl *flipping) refuseField(t *testing.T, what, field string, at, n int) {
	t.Helper()
	p := backendtest.NewFlipProxy(t, fl.srv.Endpoint, backendtest.Flip{After: []string{what, field}, Offset: int64(at)})
	_, err := fl.objects(t, p.Addr(), smallParts).Put(t.Context(), "k", bytes.NewReader(pattern(n)), -1, nil)
	fl.refused(t, fmt.Sprintf("%s, %sbyte %d", what, field, at), p, err)
}

// TestFlipDownloads: what was altered on its way here is ErrDecrypt, in every way
// of reading that verifies. CBC has nothing to verify by: there, and there only,
// other bytes come out.
func TestFlipDownloads(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		for _, n := range []int{flipSmall, flipRead} {
			stored := fl.put(t, n).Size
			for _, at := range []int64{0, 1 + fl.random.Int64N(stored-2), stored - 1} {
				f := backendtest.Flip{Direction: backendtest.ToClient, After: fl.bodyOf("http/1.1 20"), Offset: at} // GetFile gets a range
				b, p := fl.through(t, f, nil)
				what := fmt.Sprintf("byte %d of %d", at, stored)
				fl.wantDecrypt(t, what+", Get", pattern(n), func() ([]byte, error) {
					return readObject(b.Get(t.Context(), "k"))
				})
				fl.wantDecrypt(t, what+", GetFile", pattern(n), func() ([]byte, error) {
					path := filepath.Join(t.TempDir(), "out")
					_, err := b.GetFile(t.Context(), "k", path)
					got, rerr := os.ReadFile(path)
					if err != nil && rerr == nil {
						t.Errorf("%s: GetFile = %v left a file", what, err)
					}
					return got, err
				})
				if p.Flips() < 2 {
					t.Errorf("%s: %d bits altered, want 2", what, p.Flips())
				}
			}
		}
	})
}

func readObject(o *backend.Object, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

func (fl *flipping) isCBC() bool { return fl.suite == envelope.V1 || fl.suite == envelope.V2CBC }

// wantDecrypt reads what was altered. What comes before the error must be right.
func (fl *flipping) wantDecrypt(t *testing.T, what string, plain []byte, read func() ([]byte, error)) {
	t.Helper()
	got, err := read()
	if fl.isCBC() {
		if err == nil && bytes.Equal(got, plain) || err != nil && !errors.Is(err, envelope.ErrDecrypt) {
			t.Errorf("%s: %d bytes, %v, want others or ErrDecrypt", what, len(got), err)
		}
		return
	}
	if !errors.Is(err, envelope.ErrDecrypt) || !bytes.HasPrefix(plain, got) || len(got) == len(plain) {
		t.Errorf("%s: %d bytes, right or not, %v, want ErrDecrypt", what, len(got), err)
	}
}

// TestFlipParts: a file that is read in parts is right or not there.
func TestFlipParts(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		if fl.suite != envelope.V3 && fl.suite != envelope.V2GCM {
			return
		}
		const n = flipRead
		fl.put(t, n)
		fl.part = downloadPart
		for range 4 {
			f := backendtest.Flip{Direction: backendtest.ToClient, After: fl.bodyOf("http/1.1 206"), Offset: fl.random.Int64N(5000), Once: true}
			b, p := fl.through(t, f, nil)
			dir := t.TempDir()
			_, err := b.GetFile(t.Context(), "k", filepath.Join(dir, "out"))
			left, _ := os.ReadDir(dir)
			if !errors.Is(err, envelope.ErrDecrypt) || len(left) > 0 || p.Flips() != 1 {
				t.Errorf("byte %d of a part: GetFile = %v, left %v, %d bits altered, want ErrDecrypt", f.Offset, err, left, p.Flips())
			}
		}
	})
}

// TestFlipRanges: of the formats that verify what they are asked for, a part of
// an object is right or ErrDecrypt.
func TestFlipRanges(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		if fl.suite != envelope.Chunked && fl.suite != dare.DARE2 {
			return
		}
		const n = flipRead
		fl.put(t, n)
		for range 8 {
			at := fl.random.Int64N(40) // the first answer may be short
			b, p := fl.through(t, backendtest.Flip{Direction: backendtest.ToClient, After: fl.bodyOf("http/1.1 206"), Offset: at}, nil)
			off := fl.random.IntN(n - 40_000)
			what := fmt.Sprintf("byte %d, from %d on", at, off)
			fl.wantDecrypt(t, "GetRange, "+what, pattern(n)[off:][:40_000], func() ([]byte, error) {
				return readObject(b.GetRange(t.Context(), "k", int64(off), 40_000))
			})
			fl.wantDecrypt(t, "ReaderAt, "+what, pattern(n)[off:][:40_000], func() ([]byte, error) {
				r, err := b.ReaderAt(t.Context(), "k")
				if err != nil {
					return nil, err
				}
				defer r.Close()
				got := make([]byte, 40_000)
				m, err := r.ReadAt(got, int64(off))
				return got[:m], err
			})
			if p.Flips() == 0 {
				t.Errorf("%s: nothing was altered", what)
			}
		}
	})
}

// TestFlipDownloadedFields: an envelope that was altered is refused, or opens
// nothing. But the IV of CBC is not authentic, nor is the key of V1: other bytes
// come out then.
func TestFlipDownloadedFields(t *testing.T) {
	eachFlipping(t, func(t *testing.T, fl *flipping) {
		meta := fl.put(t, 1000).Metadata
		for _, name := range slices.Sorted(maps.Keys(meta)) {
			for at := 0; at < len(meta[name]); at += 1 + fl.random.IntN(9) {
				f := backendtest.Flip{Direction: backendtest.ToClient, After: []string{"x-amz-meta-" + name + ": "}, Offset: int64(at)}
				p := backendtest.NewFlipProxy(t, fl.srv.Endpoint, f)
				got, err := readObject(fl.objects(t, p.Addr(), nil).Get(t.Context(), "k"))
				var metadata *envelope.MetadataError
				ok := len(got) == 0 && (errors.As(err, &metadata) || errors.Is(err, envelope.ErrDecrypt))
				if fl.isCBC() && (name == "x-amz-iv" || name == "x-amz-key") {
					ok = ok || err == nil && !bytes.Equal(got, pattern(1000))
				}
				if !ok || p.Flips() == 0 {
					t.Errorf("%s: %q, byte %d, %d bits altered: Get = %d bytes, %v, want MetadataError or ErrDecrypt", name, meta[name], at, p.Flips(), len(got), err)
				}
			}
		}
	})
}
