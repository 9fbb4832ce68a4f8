// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// chunk is what streams encrypt at once; faults are put around it.
const chunk = 128 << 10

// putRefused puts src where there is nothing and over an object, and fails
// the test unless both fail with target and change nothing.
func putRefused(t *testing.T, b *backend.Bucket, d backend.Driver, what string, src func() io.Reader, size int64, target error) {
	t.Helper()
	old := pattern(33)
	if _, err := b.Put(t.Context(), "old", bytes.NewReader(old), 33, nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"none", "old"} {
		info, err := b.Put(t.Context(), key, src(), size, nil)
		wantErr(t, what, err, target)
		if info != nil {
			t.Errorf("%s: info %+v with an error", what, info)
		}
	}
	wantNone(t, d, "none")
	wantObject(t, b, "old", old)
}

func TestPutWrongSize(t *testing.T) {
	for _, p := range suites(t) {
		d := mem.New()
		b := p.bucket(d)
		for _, have := range []int{0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, 2 * chunk} {
			for _, wrong := range []int{-chunk, -16, -1, 1, 16, chunk} {
				if have+wrong < 0 {
					continue
				}
				what := fmt.Sprintf("%s: %d bytes declared as %d", p.name, have, have+wrong)
				src := func() io.Reader { return bytes.NewReader(pattern(have)) }
				putRefused(t, b, d, what, src, int64(have+wrong), backend.ErrSize)
			}
		}
	}
}

func TestPutSourceError(t *testing.T) {
	data := pattern(2*chunk + 1)
	for _, p := range suites(t) {
		d := mem.New()
		b := p.bucket(d)
		for _, cause := range sourceErrors {
			for _, at := range []int{0, 1, 16, chunk, chunk + 5, len(data)} {
				for _, size := range []int64{-1, int64(len(data)), int64(at)} {
					what := fmt.Sprintf("%s: %q at %d of %d", p.name, cause, at, size)
					src := func() io.Reader { return failAt(data, at, cause) }
					putRefused(t, b, d, what, src, size, cause)
				}
			}
		}
	}
}

// A spyDriver looks at what reaches the storage.
type spyDriver struct {
	backend.Driver
	body func(io.Reader) io.Reader
	opts func(*backend.PutOptions)
}

func (d *spyDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if d.body != nil {
		body = d.body(body)
	}
	if d.opts != nil {
		d.opts(opts)
	}
	return d.Driver.Put(ctx, key, body, size, opts)
}

func TestPutTooLarge(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{})
	for _, size := range []int64{stream.GCMMaxSize + 1, math.MaxInt64} {
		_, err := v3(t, d).Put(t.Context(), "key", strings.NewReader(""), size, nil)
		wantErr(t, fmt.Sprint("V3 of ", size), err, stream.ErrTooLarge)
	}
	_, err := v3(t, d).Put(t.Context(), "key", strings.NewReader(""), -2, nil)
	wantErr(t, "size -2", err, backend.ErrSize)
	_, err = v3(t, d).Put(t.Context(), "key", strings.NewReader(""), stream.GCMMaxSize, nil)
	wantErr(t, "largest size, empty source", err, backend.ErrSize)
	if d.Puts() != 1 {
		t.Errorf("%d puts reached the storage, want 1", d.Puts())
	}
}

func TestPutWithoutKey(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{})
	b := backend.NewBucket(d, nil, nil, nil)
	_, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, nil)
	wantErr(t, "Put", err, wrap.ErrNoKey)
	_, err = b.Create(t.Context(), "key", nil)
	wantErr(t, "Create", err, wrap.ErrNoKey)
	if d.Puts() != 0 {
		t.Errorf("%d puts reached the storage, want 0", d.Puts())
	}
}

// TestPutLyingDriver uses storage that breaks the contract in the ways that
// real transports do. What it stored cannot be undone, but must be reported.
func TestPutLyingDriver(t *testing.T) {
	data := pattern(3 * chunk)
	for name, f := range map[string]backendtest.Faults{
		"hides the cause":   {PutHidesCause: true},
		"ignores the cause": {PutIgnoresCause: true},
	} {
		for _, p := range profiles(t) {
			d := backendtest.Faulty(mem.New(), f)
			_, err := p.bucket(d).Put(t.Context(), "key", failAt(data, 2*chunk, errCustom), -1, nil)
			wantErr(t, p.name+": storage that "+name, err, errCustom)
			if f.PutHidesCause {
				wantErr(t, p.name+": storage that "+name, err, backendtest.ErrTransport)
			}
		}
	}
	for _, at := range []int64{0, 1, chunk, 3 * chunk} {
		d := backendtest.Faulty(mem.New(), backendtest.Faults{PutStops: true, PutAt: at})
		for _, size := range []int64{-1, int64(len(data))} {
			_, err := v3(t, d).Put(t.Context(), "key", bytes.NewReader(data), size, nil)
			wantErr(t, fmt.Sprintf("storage that stops at %d", at), err, backend.ErrSize)
		}
	}
}

// TestPutInfo uses storage that says it has stored something else.
func TestPutInfo(t *testing.T) {
	for name, info := range map[string]*backend.Info{"none": nil, "another size": {Size: 3, ETag: "x"}} {
		d := &infoDriver{mem.New(), info}
		_, err := v3(t, d).Put(t.Context(), "key", strings.NewReader("x"), 1, nil)
		wantErr(t, name, err, backend.ErrSize)
	}
}

// An infoDriver returns the same Info from every Put.
type infoDriver struct {
	backend.Driver
	info *backend.Info
}

func (d *infoDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	_, err := d.Driver.Put(ctx, key, body, size, opts)
	return d.info, err
}

// TestConcurrentUse shares one bucket among goroutines.
func TestConcurrentUse(t *testing.T) {
	b := v3(t, mem.New())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			key, data := fmt.Sprint(i), pattern(1000*i)
			w, err := b.Create(t.Context(), key, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := w.Write(data); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if got, err := readAll(b.Get(t.Context(), key)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("object %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}

func TestPutDriverError(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{PutError: errCustom, PutAt: 100})
	_, err := v3(t, d).Put(t.Context(), "key", bytes.NewReader(pattern(1000)), -1, nil)
	wantErr(t, "Put", err, errCustom)
	wantNone(t, d, "key")
	if want := `backend: put "key": `; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q, want it to begin with %q", err, want)
	}
}

func TestPutCancelled(t *testing.T) {
	d := mem.New()
	ctx, cancel := context.WithCancel(t.Context())
	src := io.MultiReader(bytes.NewReader(pattern(chunk)), readFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil // never ends
	}))
	_, err := v3(t, d).Put(ctx, "key", src, -1, nil)
	wantErr(t, "Put", err, context.Canceled)
	if strings.Contains(err.Error(), "storage:") {
		t.Errorf("error %q says the same twice", err)
	}
	wantNone(t, d, "key")
}

// TestNothingOfThePlaintextLeaves looks for what must not reach the storage.
func TestNothingOfThePlaintextLeaves(t *testing.T) {
	secret := bytes.Repeat([]byte("attack at dawn, "), 1000)
	for _, p := range profiles(t) {
		d := mem.New()
		if _, err := p.bucket(d).Put(t.Context(), "key", bytes.NewReader(secret), -1, nil); err != nil {
			t.Fatal(err)
		}
		body, info, err := d.Get(t.Context(), "key", &backend.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		stored := must(io.ReadAll(body))(t)
		if bytes.Contains(stored, secret[:16]) {
			t.Errorf("%s: plaintext in the stored body", p.name)
		}
		for name, value := range info.Metadata {
			if !slices.Contains(reservedNames, name) {
				t.Errorf("%s: metadata %q is no part of an envelope", p.name, name)
			}
			for _, digest := range digests(secret) {
				if strings.Contains(value, digest) {
					t.Errorf("%s: metadata %q holds a digest of the plaintext", p.name, name)
				}
			}
		}
	}
}

// digests returns what careless clients have stored of a plaintext.
func digests(data []byte) []string {
	var all []string
	for _, h := range []hash.Hash{md5.New(), sha1.New(), sha256.New(), crc32.NewIEEE()} {
		h.Write(data)
		sum := h.Sum(nil)
		all = append(all, hex.EncodeToString(sum), base64.StdEncoding.EncodeToString(sum))
	}
	return all
}

// TestPutMaxSizeOfAnySize: a limit that no object reaches refuses none.
func TestPutMaxSizeOfAnySize(t *testing.T) {
	for _, p := range profiles(t) {
		b := backend.NewBucket(mem.New(), p.key, p.key, &backend.Options{Seal: envelope.SealOptions{Suite: p.suite}})
		if _, err := b.Put(t.Context(), "k", strings.NewReader("small"), -1, &backend.PutOptions{MaxSize: math.MaxInt64}); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
	key := must(wrap.NewAESGCM(kek(32)))(t)
	b := backend.NewBucket(mem.New(), key, key, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}})
	if _, err := b.Put(t.Context(), "k", strings.NewReader("small"), -1, &backend.PutOptions{MaxSize: math.MaxInt64}); err != nil {
		t.Errorf("Chunked: %v", err)
	}
}
