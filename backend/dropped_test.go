// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// A formatBucket is a bucket of one format, and what its storage got last: also of
// what it does not keep.
type formatBucket struct {
	*backend.Bucket
	suite envelope.Suite
	store backend.Driver
	got   []byte
	meta  map[string]string
}

// formatBuckets returns one bucket of each format that is written.
func formatBuckets(t testing.TB) []*formatBucket {
	t.Helper()
	keys := make(map[envelope.Suite]wrap.Key)
	for _, p := range suites(t) {
		keys[p.suite] = p.key
	}
	for _, s := range ownSuites() {
		keys[s] = gcmKey(t)
	}
	var buckets []*formatBucket
	for suite, key := range keys {
		b := &formatBucket{suite: suite, store: mem.New()}
		spy := &spyDriver{Driver: b.store, body: b.tap, opts: func(o *backend.PutOptions) { b.meta = o.Metadata }}
		opts := &backend.Options{Seal: envelope.SealOptions{Suite: suite}, Open: everything(nil), Download: noResume}
		opts.Open.ExtraSuites = []envelope.Suite{dare.DARE2}
		b.Bucket = backend.NewBucket(spy, key, key, opts)
		buckets = append(buckets, b)
	}
	return buckets
}

func (b *formatBucket) tap(r io.Reader) io.Reader {
	b.got = nil
	return readFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		b.got = append(b.got, p[:n]...)
		return n, err
	})
}

// wantNotWhole fails the test if a storage that keeps what it got of a put that has
// failed would have an object. CBC has nothing that tells, but the size.
func (b *formatBucket) wantNotWhole(t *testing.T, what string, size int64) {
	t.Helper()
	wantNone(t, b.store, "key")
	if b.suite == envelope.V1 || b.suite == envelope.V2CBC {
		if len(b.got) > 0 && int64(len(b.got)) >= size {
			t.Errorf("%v, %s: storage got %d bytes of ciphertext", b.suite, what, len(b.got))
		}
		return
	}
	raw(t, b.store, "half", string(b.got), b.meta)
	got, err := readAll(b.Get(t.Context(), "half"))
	if !errors.Is(err, envelope.ErrDecrypt) || !bytes.HasPrefix(pattern(4*chunk), got) {
		t.Errorf("%v, %s: of what the storage got %d bytes opens: %d, %v, want ErrDecrypt", b.suite, what, len(b.got), len(got), err)
	}
}

// TestPutHoldsBackTheEnd: a storage that stops reading at the size that was
// declared, or that takes a failed body for a whole one, has no object of it.
func TestPutHoldsBackTheEnd(t *testing.T) {
	for _, b := range formatBuckets(t) {
		for _, size := range []int64{0, 10, 16384, 65536, chunk, 3 * chunk} {
			if size == 0 && b.suite == dare.DARE2 {
				continue // it has no body, and its envelope says so
			}
			_, err := b.Put(t.Context(), "key", bytes.NewReader(pattern(4*chunk)), size, nil)
			wantErr(t, "too long", err, backend.ErrSize)
			b.wantNotWhole(t, "too long", size)
			_, err = b.Put(t.Context(), "key", failAt(pattern(4*chunk), int(size), errCustom), -1, nil)
			wantErr(t, "source failed", err, errCustom)
			b.wantNotWhole(t, "source failed", size+1)
		}
	}
}

// TestWriterDropped: what a writer has sent before it is given up is no object, and
// neither is nothing at all.
func TestWriterDropped(t *testing.T) {
	for _, b := range formatBuckets(t) {
		for _, size := range []int{0, 1, 16384, 65536, 65537, chunk, 3*chunk + 1} {
			b.got, b.meta = nil, nil
			create(t, t.Context(), b.Bucket, "key", size).Abort(errCustom)
			if b.meta != nil { // the storage was asked
				b.wantNotWhole(t, "aborted", int64(size)+1)
			}
		}
	}
}
