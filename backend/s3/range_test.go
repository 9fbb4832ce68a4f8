// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// sealings are a key for each suite that can be written.
func sealings(t *testing.T) map[envelope.Suite]wrap.Key {
	t.Helper()
	gcm, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ecb, err := legacy.NewAESECB(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return map[envelope.Suite]wrap.Key{envelope.V3: gcm, envelope.V2GCM: gcm, envelope.V2CBC: gcm, envelope.V1: ecb}
}

// everything lets all in.
func everything() envelope.OpenOptions {
	return envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true, AllowUnauthenticatedRanges: true}
}

// eachSealed stores an object of size bytes in each suite on each server.
func eachSealed(t *testing.T, size int, f func(t *testing.T, d backend.Driver, b *backend.Bucket, key wrap.Key)) {
	t.Helper()
	keys := sealings(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := newDriver(t, srv.Client(t), srv.NewBucket(t), smallParts)
		for suite, key := range keys {
			t.Run(fmt.Sprintf("%v,size=%d", suite, size), func(t *testing.T) {
				b := backend.NewBucket(d, key, key, &backend.Options{Seal: envelope.SealOptions{Suite: suite}, Open: everything()})
				if _, err := b.Put(t.Context(), "k", bytes.NewReader(pattern(size)), -1, nil); err != nil {
					t.Fatal(err)
				}
				f(t, d, b, key)
			})
		}
	})
}

// TestSealedRanges reads ranges of sealed objects: the last bytes, to an open
// end, over the end, and behind it, where a server may see a valid range of
// what it stores.
func TestSealedRanges(t *testing.T) {
	for _, size := range []int{0, 100, 112} {
		eachSealed(t, size, func(t *testing.T, _ backend.Driver, b *backend.Bucket, _ wrap.Key) {
			want, n := pattern(size), int64(size)
			for _, r := range [][2]int64{
				{0, 1},
				{0, -1},
				{0, n},
				{0, n + 1},
				{0, math.MaxInt64},
				{17, 40},
				{n - 1, 1},
				{n - 1, -1},
				{n - 20, 100},
				{-1, -1},
				{-16, -1},
				{-17, -1},
				{-n, -1},
				{-n - 1, -1},
				{math.MinInt64, -1},
				{n, 1},
				{n, -1},
				{n + 1, 1},
				{n + 11, 1},
				{n + 15, 1},
				{n + 16, 1},
				{n + 17, -1},
				{math.MaxInt64, -1},
				{n / 2, 0},
				{-1, 1},
				{n / 2, -2},
			} {
				checkSealedRange(t, b, want, r[0], r[1])
			}
		})
	}
}

// TestSealedRangesOfParts reads across the edge between two parts of an upload,
// and at the end.
func TestSealedRangesOfParts(t *testing.T) {
	const n = 5*mib + 5
	eachSealed(t, n, func(t *testing.T, _ backend.Driver, b *backend.Bucket, _ wrap.Key) {
		for _, r := range [][2]int64{{5*mib - 20, 22}, {5 * mib, -1}, {-1, -1}, {n - 20, 100}, {n, 1}} {
			checkSealedRange(t, b, pattern(n), r[0], r[1])
		}
	})
}

func checkSealedRange(t *testing.T, b *backend.Bucket, plain []byte, off, n int64) {
	t.Helper()
	size := int64(len(plain))
	from, to := off, size
	if off < 0 {
		from = max(0, size+off)
	} else if n >= 0 {
		to = off + min(n, max(0, size-off))
	}
	bad := from >= size || n < -1 || n == 0 || off < 0 && n != -1
	o, err := b.GetRange(t.Context(), "k", off, n)
	if bad {
		if !errors.Is(err, backend.ErrRange) {
			t.Errorf("range %d,%d: %v, want ErrRange", off, n, err)
		}
		return
	}
	if err != nil {
		t.Errorf("range %d,%d: %v", off, n, err)
		return
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, plain[from:to]) {
		t.Errorf("range %d,%d: %d bytes, %v, want %d", off, n, len(got), err, to-from)
	}
	if o.Authenticated() {
		t.Errorf("range %d,%d counts as authenticated", off, n)
	}
}

// A driverAt reads a stored body by a request for every range.
type driverAt struct {
	ctx  context.Context // of the one test that it is for
	d    backend.Driver
	etag string
}

func (a *driverAt) ReadAt(p []byte, off int64) (int, error) {
	opts := &backend.GetOptions{Range: &backend.Range{Offset: off, Length: int64(len(p))}, IfMatch: a.etag}
	body, _, err := a.d.Get(a.ctx, "k", opts)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	return io.ReadFull(body, p)
}

// TestSealedReaderAt reads a sealed object at many offsets at once, each by a
// request of its own.
func TestSealedReaderAt(t *testing.T) {
	const size = 300_001
	eachSealed(t, size, func(t *testing.T, d backend.Driver, b *backend.Bucket, key wrap.Key) {
		info, err := b.Stat(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		opts := everything()
		opener, err := envelope.NewOpener(t.Context(), info.Header, key, &opts)
		if err != nil {
			t.Fatal(err)
		}
		r, err := opener.ReaderAt(&driverAt{t.Context(), d, info.ETag}, info.Size)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Size(); n != size || err != nil {
			t.Errorf("Size = %d, %v, want %d", n, err, size)
		}
		var wg sync.WaitGroup
		for i := range int64(16) {
			wg.Go(func() {
				off, p := i*size/16, make([]byte, size/16)
				if n, err := r.ReadAt(p, off); err != nil || !bytes.Equal(p, pattern(size)[off:][:len(p)]) {
					t.Errorf("ReadAt at %d = %d, %v, or others", off, n, err)
				}
				if n, err := r.ReadAt(p, size-i); int64(n) != i || err != io.EOF {
					t.Errorf("ReadAt of the last %d bytes = %d, %v, want io.EOF", i, n, err)
				}
			})
		}
		wg.Wait()
		if opener.Authenticated() {
			t.Error("a reader at any offset counts as authenticated")
		}
	})
}
